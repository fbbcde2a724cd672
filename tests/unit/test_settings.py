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


@pytest.mark.parametrize(
    ("sender", "name", "mailbox"),
    [
        ("cards@shop.example", "", "cards@shop.example"),
        ("Rösterei Morgenrot <cards@shop.example>", "Rösterei Morgenrot", "cards@shop.example"),
        ('"Shop, cards" <cards@shop.example>', "Shop, cards", "cards@shop.example"),
    ],
)
@pytest.mark.parametrize(
    "url", ["smtp://[::1]:25", "smtps://us%40er:p%2Fw,d@mail.example", "smtp://localhost:1025/"]
)
def test_a_server_and_a_sender_of_mail_are_taken(url: str, sender: str, name: str, mailbox: str) -> None:
    settings = Settings.model_validate({"smtp_url": url, "mail_from": sender})
    assert settings.mail_from is not None
    assert (settings.mail_from.display_name, settings.mail_from.addr_spec) == (name, mailbox)


@pytest.mark.parametrize(
    "url", ["smtp://", "smtp://one,two", "smtp://mail/name", "smtp://mail:99999", "smtp://mail?x=1", "http://mail"]
)
def test_what_is_no_server_of_mail_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="smtp://user"):
        Settings.model_validate({"smtp_url": url, "mail_from": "cards@shop.example"})


@pytest.mark.parametrize(
    "sender",
    ["", "cards", "a@b, c@d", "a@", "Team: a@b;", "a@b\r\nBcc: x@y", "<a@b", "ä@b.de", "a@ö.de", "A\n<a@b>"],
)
def test_what_is_no_sender_of_mail_is_refused(sender: str) -> None:
    with pytest.raises(ValidationError, match="must be one address"):
        Settings.model_validate({"smtp_url": "smtp://mail", "mail_from": sender})


@pytest.mark.parametrize("half", [{"smtp_url": "smtp://mail"}, {"mail_from": "cards@shop.example"}])
def test_mail_needs_a_server_and_a_sender(half: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="or neither") as refused:
        Settings.model_validate(half)
    assert [error["loc"] for error in refused.value.errors()] == [("mail_from",)], "named at the start"


@pytest.mark.parametrize(("field", "url"), [("database_url", "mysql://db/pointbook"), ("redis_url", "valkey")])
def test_another_scheme_is_refused(field: str, url: str) -> None:
    with pytest.raises(ValidationError, match="must be a URL"):
        Settings.model_validate({field: url})
