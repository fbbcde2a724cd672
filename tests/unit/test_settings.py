"""URLs of servers: what drivers take is taken, and what is refused is not quoted."""

import pytest
from pydantic import ValidationError

from pointbook.settings import Settings


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://pointbook:pass%2Fword@db.example:5432/pointbook",
        "postgres://pointbook@[::1]:5432/pointbook?sslmode=require",
        "postgresql://pointbook:word@/pointbook?host=/run/a@b&port=5432",
        "postgresql://pointbook:word@one:5432,two:5433/pointbook?target_session_attrs=read-write",
        "postgresql:///pointbook",
    ],
)
def test_the_url_of_a_database_is_taken(url: str) -> None:
    taken = Settings.model_validate({"database_url": url}).database_url
    assert taken is not None
    assert taken.get_secret_value() == url


@pytest.mark.parametrize(
    "url", ["redis://valkey", "rediss://:word@valkey:6379/0", "unix:///run/a@b/valkey.sock?db=1"]
)
def test_the_url_of_valkey_is_taken(url: str) -> None:
    assert Settings.model_validate({"redis_url": url}).redis_url is not None


@pytest.mark.parametrize("sign", ["/", "?", "#", "@/", ":/", "[", "5432/", "5432?"])
@pytest.mark.parametrize(
    ("field", "url"),
    [
        ("database_url", "postgresql://pointbook:{}@db:5432/pointbook"),
        ("owner_database_url", "postgresql://pointbook:{}@db/pointbook"),
        ("redis_url", "redis://:{}@valkey:6379/0"),
    ],
)
def test_a_password_that_takes_a_url_apart_is_refused_and_not_shown(field: str, url: str, sign: str) -> None:
    password = f"{sign}cret" if sign[0].isdigit() else f"se{sign}cret"
    with pytest.raises(ValidationError) as refused:
        Settings.model_validate({field: url.format(password)})
    said = str(refused.value.errors(include_input=False, include_url=False))
    assert "%2F" in said
    assert "cret" not in said
    assert "cret" not in str(refused.value)


@pytest.mark.parametrize(("field", "url"), [("database_url", "mysql://db/pointbook"), ("redis_url", "valkey")])
def test_another_scheme_is_refused(field: str, url: str) -> None:
    with pytest.raises(ValidationError, match="must be a URL"):
        Settings.model_validate({field: url})
