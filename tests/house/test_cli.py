"""The command: what it prints, where secrets go, and how it says no."""

import asyncio
import gzip
import json
import re
import shlex
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import asyncpg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pointbook import cli
from pointbook.cli import output
from tests.conftest import TestDatabase
from tests.house.files import ROOT


class Ran(NamedTuple):
    code: int
    out: str
    err: str


Command = Callable[..., Ran]


@pytest.fixture
def pointbook(
    database: TestDatabase,
    emptied: None,  # noqa: ARG001  # for its end
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> Command:
    """Runs the command in this process, on the database of the tests."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POINTBOOK_DATABASE_URL", database.url)
    monkeypatch.setenv("POINTBOOK_OWNER_DATABASE_URL", database.owner_url)
    monkeypatch.setenv("POINTBOOK_SECRET", "of the tests, long enough to be one")
    monkeypatch.setattr(output.console, "width", 200)

    def run(*words: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["pointbook", *words])
        code = 0
        try:
            cli.main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        return Ran(code, *capsys.readouterr())

    return run


def one_line(ran: Ran, code: int, words: str) -> None:
    """A refusal is one line on standard error, and nothing on standard output."""
    assert ran.code == code
    assert ran.out == ""
    assert ran.err.startswith("Error: ")
    assert ran.err.count("\n") == 1, ran.err
    assert re.search(words, ran.err), ran.err


def test_a_programme_from_nothing(pointbook: Command) -> None:
    # The steps of the operations page, in their order.
    assert pointbook("migrate").code == 0
    made = pointbook("programme", "create", "roastery", "--name", "Roastery", "--locale", "de")
    assert (made.code, made.err) == (0, "")
    assert "roastery is ACTIVE" in made.out
    called, *words = shlex.split(made.out.splitlines()[-1])
    assert called == "pointbook"
    assert pointbook(*words).out.startswith("sk_"), "the command that it prints does what it says"
    assert pointbook("store", "add", "main", "--name", "Main street").code == 0
    assert re.search(r"roastery\W+Roastery\W+ACTIVE\W+EUR\W+Europe/Berlin", pointbook("programme", "list").out)
    changed = pointbook("settings", "change", "valuePerPoint=0.04", 'waitingTime={"days": 30}')
    assert changed.code == 0
    assert "Version 2 of roastery comes into force at" in changed.out
    shown = json.loads(pointbook("settings", "show", "--json").out)
    assert shown["valuePerPoint"] == "0.05", "not in force yet"
    again = pointbook("settings", "change", "holdMinutes=15")
    assert "The settings of roastery are so already, by version" in again.out


def test_a_programme_from_a_preset_travels_as_a_file(pointbook: Command, tmp_path: Path) -> None:
    made = pointbook("programme", "create", "pizza", "--preset", "sides", "--name", "Pizza Nord")
    assert (made.code, made.err) == (0, "")
    printed = pointbook("programme", "export", "pizza")
    assert pointbook("programme", "export", "pizza", "pizza.json").code == 0
    file = tmp_path / "pizza.json"
    assert file.read_text() == printed.out
    document = json.loads(printed.out)
    assert (document["name"], len(document["rules"]), len(document["stores"])) == ("Pizza Nord", 6, 3)
    document["rules"][0]["state"] = "ACTIVE"
    document["rules"].append({"key": "base", "rule": {"kind": "BASE", "name": "Base", "points": 1}})
    document["settings"]["valuePerPoint"] = 0.12  # a number of JSON is as exact as its text
    file.write_text(json.dumps(document))
    words = "new settings (valuePerPoint); rules created: 1, changed: 1, only in the programme: 0"
    assert words in pointbook("programme", "import", "pizza", "pizza.json").out
    words = "the same settings; rules created: 0, changed: 0, only in the programme: 0"
    assert words in pointbook("programme", "import", "pizza", "pizza.json").out


def test_what_a_configuration_cannot_be_is_said_in_one_line(pointbook: Command, tmp_path: Path) -> None:
    one_line(pointbook("programme", "create", "x", "--preset", "none"), 1, "there are azpl, loyalista, sides")
    one_line(pointbook("programme", "create", "x"), 1, "--name")
    one_line(pointbook("programme", "create", "x", "--preset", "azpl", "--currency", "EUR"), 1, "currency")
    assert pointbook("programme", "list").out.startswith("There is no programme")
    pointbook("programme", "create", "x", "--preset", "azpl")
    file = tmp_path / "x.json"
    file.write_text('{"name": "x", "currency": "PLN", "timeZone": "Europe/Warsaw", "rules": [{"key": "a"}]}')
    one_line(pointbook("programme", "import", "x", "x.json"), 1, r"rules\[0\]\.rule")
    file.write_text("{")
    one_line(pointbook("programme", "import", "x", "x.json"), 1, "not JSON")
    one_line(pointbook("programme", "export", "y"), 1, "no programme y")


def test_settings_change_from_an_instant_on(pointbook: Command) -> None:
    pointbook("programme", "create", "roastery", "--name", "Roastery", "--draft")
    assert pointbook("settings", "change", "valuePerPoint=0.04").code == 0
    assert json.loads(pointbook("settings", "show", "--json").out)["valuePerPoint"] == "0.04", "a draft's at once"
    assert pointbook("settings", "change", "valuePerPoint=0.03", "--from", "2030-01-01").code == 0
    shown = pointbook("settings", "show")
    assert re.search(r"valuePerPoint\W+0\.04", shown.out)
    assert "Version 3 comes into force at 2030-01-01T00:00:00+00:00" in shown.out
    one_line(pointbook("settings", "change", "holdMinutes=9", "--from", "2999-01-01"), 1, "must not be after")


def test_a_programme_is_opened_stopped_and_closed(pointbook: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    pointbook("programme", "create", "roastery", "--name", "Roastery", "--draft", "--sandbox")
    one_line(pointbook("programme", "close", "roastery"), 1, "DRAFT cannot become CLOSED")
    assert "roastery is ACTIVE" in pointbook("programme", "open", "roastery").out
    assert "roastery is EARNING_STOPPED" in pointbook("programme", "stop-earning", "roastery").out
    one_line(pointbook("programme", "close", "roastery"), 1, "only just now")
    later = datetime.now(UTC) + timedelta(minutes=1)
    monkeypatch.setattr("pointbook.cli.programmes.now", lambda: later)
    assert "roastery is CLOSED" in pointbook("programme", "close", "roastery").out
    assert pointbook("programme", "open", "roastery").code == 0
    one_line(pointbook("programme", "open", "nobody"), 1, "no programme nobody")


def test_the_clock_of_a_sandbox_is_shown_and_moved_on(pointbook: Command) -> None:
    pointbook("programme", "create", "trial", "--name", "Trial", "--sandbox")
    assert "0:00:00 ahead" in pointbook("programme", "clock", "trial").out
    assert "30 days, 0:00:00 ahead" in pointbook("programme", "clock", "trial", "--forward", "30d").out
    for forward, why in (("30", "no time like"), ("0m", "must be 1 second"), ("367d", "must be 1 second")):
        one_line(pointbook("programme", "clock", "trial", "--forward", forward), 1, why)
    pointbook("programme", "create", "roastery", "--name", "Roastery")
    one_line(pointbook("programme", "clock", "roastery", "--forward", "1h"), 1, "no sandbox")


def test_a_draft_changes_its_currency(pointbook: Command) -> None:
    pointbook("programme", "create", "roastery", "--name", "Roastery", "--draft")
    assert "counts in USD" in pointbook("programme", "currency", "roastery", "USD").out
    assert json.loads(pointbook("settings", "show", "--json").out)["valuePerPoint"] == "0.05"
    changed = pointbook("programme", "currency", "roastery", "JPY", "valuePerPoint=8", "revenuePerPoint=150")
    assert changed.code == 0
    assert json.loads(pointbook("settings", "show", "--json").out)["valuePerPoint"] == "8"
    assert re.search(r"roastery.*JPY", pointbook("programme", "list").out)
    one_line(pointbook("programme", "currency", "roastery", "TALER"), 1, "currency")
    pointbook("programme", "open", "roastery")
    one_line(pointbook("programme", "currency", "roastery", "EUR"), 1, "cannot change while .* ACTIVE")


def test_a_programme_gets_another_language(pointbook: Command) -> None:
    pointbook("programme", "create", "roastery", "--name", "Roastery", "--locale", "de")
    assert "texts in pl, de" in pointbook("programme", "locales", "roastery", "pl", "de").out
    assert json.loads(pointbook("programme", "export", "roastery").out)["locales"] == ["pl", "de"]
    one_line(pointbook("programme", "locales", "roastery", "polish"), 1, "language tags")
    pointbook("programme", "create", "x", "--preset", "azpl")
    one_line(pointbook("programme", "locales", "x", "pl"), 1, "must have de")


def test_a_store_is_switched_off_and_on(pointbook: Command, database: TestDatabase) -> None:
    pointbook("programme", "create", "roastery", "--name", "Roastery")
    pointbook("store", "add", "main", "--name", "Main street")
    for switch in ("off", "on"):
        assert f"main of roastery is {switch}" in pointbook("store", "switch", "main", switch).out
        found = asyncio.run(_fetch(database.admin_url, "select active from store"))
        assert [row["active"] for row in found] == [switch == "on"]
    one_line(pointbook("store", "switch", "elsewhere", "off"), 1, "no store 'elsewhere'")
    assert pointbook("store", "switch", "main", "sideways").code == 2


def test_what_a_member_may_do(pointbook: Command, tmp_path: Path, database: TestDatabase) -> None:
    pointbook("programme", "create", "roastery", "--name", "Roastery")
    members = tmp_path / "members.jsonl"
    members.write_text('{"externalId": "clara"}\n')
    pointbook("import", "members", str(members))

    def rights() -> tuple[bool, bool]:
        (row,) = asyncio.run(_fetch(database.admin_url, "select may_earn, may_spend from ledger.account"))
        return row["may_earn"], row["may_spend"]

    assert "may not redeem" in pointbook("member", "lock-redemption", "clara").out
    assert rights() == (True, False)
    assert "is INACTIVE" in pointbook("member", "state", "clara", "inactive").out
    assert rights() == (False, False)
    assert "may redeem" in pointbook("member", "unlock-redemption", "clara").out
    assert "is ACTIVE" in pointbook("member", "state", "clara", "active").out
    assert rights() == (True, True)
    for words in (("state", "nobody", "active"), ("lock-redemption", "nobody"), ("unlock-redemption", "nobody")):
        one_line(pointbook("member", *words), 1, "has not joined")


async def _fetch(url: str, query: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    rows: list[asyncpg.Record] = await connection.fetch(query)
    await connection.close()
    return rows


def test_a_key_is_shown_once_and_can_be_revoked(pointbook: Command) -> None:
    pointbook("programme", "create", "roastery", "--name", "Roastery")
    made = pointbook("key", "create", "secret", "--label", "back end", "--scope", "ORDERS_SUBMIT")
    key = made.out.strip()
    assert re.fullmatch(r"sk_[A-Za-z0-9_-]{43}", key), "the key alone, so that a script can take it"
    key_id = re.search(r"[0-9a-f-]{36}", made.err)
    assert key_id is not None
    listed = pointbook("key", "list")
    assert f"…{key[-4:]}" in listed.out
    assert key not in listed.out
    assert "revoked" not in listed.out
    assert pointbook("key", "revoke", key_id[0]).code == 0
    assert "revoked" in pointbook("key", "list").out
    one_line(pointbook("key", "revoke", "00000000-0000-0000-0000-000000000000"), 1, "no key of this programme")


def test_a_message_that_was_given_up_is_shown_and_tried_again(pointbook: Command, database: TestDatabase) -> None:
    pointbook("programme", "create", "roastery", "--name", "Roastery")

    async def park() -> int:
        connection = await asyncpg.connect(database.admin_url)
        number: int = await connection.fetchval(
            "insert into outbox_message (programme_id, topic, payload, created_at, due_at, attempts, last_error)"
            " select id, 'gift_card.delivery', '{}', now(), 'infinity', 1, 'MailRefused: 550' from programme"
            " returning id"
        )
        await connection.close()
        return number

    number = str(asyncio.run(park()))
    listed = pointbook("message", "parked").out
    assert (number in listed, "MailRefused: 550" in listed) == (True, True)
    assert pointbook("message", "retry", number).code == 0
    assert "MailRefused" not in pointbook("message", "parked").out
    one_line(pointbook("message", "retry", number), 1, "None of these is a parked message of roastery")


def test_a_webhook_endpoint_is_shown_once_and_can_be_revoked(pointbook: Command) -> None:
    pointbook("programme", "create", "roastery", "--name", "Roastery")
    made = pointbook("webhook", "create", "standard", "--label", "back end")
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", made.out.strip())
    path = re.search(r"/webhooks/([0-9a-f]{32})", made.err)
    assert path is not None
    listed = pointbook("webhook", "list")
    assert path[1] in listed.out
    assert made.out.strip() not in listed.out
    assert pointbook("webhook", "revoke", path[1]).code == 0
    assert "revoked" in pointbook("webhook", "list").out
    one_line(pointbook("webhook", "revoke", "x"), 1, "no webhook endpoint of this programme")


def test_a_staff_key_carries_the_rights_it_is_given(pointbook: Command) -> None:
    pointbook("programme", "create", "roastery", "--name", "Roastery")
    made = pointbook("key", "create", "staff", "--label", "Anna", "--right", "loyalty.listProvision")
    assert re.fullmatch(r"st_[A-Za-z0-9_-]{43}\n", made.out)
    assert "loyalty.listProvision" in pointbook("key", "list").out
    one_line(pointbook("key", "create", "staff", "--label", "Ben"), 1, "rights: must be at least one")


def test_a_customers_token_is_printed_alone(pointbook: Command) -> None:
    pointbook("programme", "create", "roastery", "--name", "Roastery")
    made = pointbook("token", "create", "clara")
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+\n", made.out)
    assert "clara" in made.err


def test_what_others_have_named_is_shown_as_it_is(pointbook: Command) -> None:
    # Ids and names may hold what a terminal's library takes for its own signs.
    odd = "clara[/x] [bold]:coffee:"
    pointbook("programme", "create", "roastery", "--name", odd)
    assert odd in pointbook("programme", "list").out
    made = pointbook("token", "create", odd)
    assert (made.code, made.out.count(".")) == (0, 2)
    assert odd in made.err
    assert odd in pointbook("store", "add", odd, "--name", odd).out
    pointbook("key", "create", "secret", "--label", odd)
    assert odd in pointbook("key", "list").out
    refused = pointbook("member", "state", odd, "inactive")
    one_line(refused, 1, "has not joined")
    one_line(pointbook("settings", "show", "--programme", odd), 1, re.escape(odd))


def test_a_command_names_itself_as_the_shell_finds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "of one's own"
    folder.mkdir()
    program = folder / "pointbook"
    program.touch(mode=0o755)
    monkeypatch.setattr(sys, "argv", [str(program), "demo"])
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert shlex.split(output.itself()) == [str(program)]
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    assert output.itself() == "pointbook"


def test_a_shops_token_key_is_shown_once_and_can_be_revoked(pointbook: Command) -> None:
    pointbook("programme", "create", "roastery", "--name", "Roastery")
    made = pointbook("token-key", "create")
    assert re.fullmatch(r"[\w-]{43}\n", made.out), "the secret alone, so that a script can take it"
    kid = re.search(r"[0-9a-f]{16}", made.err)
    assert kid is not None
    listed = pointbook("token-key", "list").out
    assert re.search(rf"{kid[0]}\W+HS256\W+shop", listed)
    assert re.search(r"HS256\W+Pointbook", listed)
    assert made.out.strip() not in listed
    assert pointbook("token-key", "create").code == 0
    one_line(pointbook("token-key", "create"), 1, "2 token keys are live")
    assert pointbook("token-key", "revoke", kid[0]).code == 0
    assert re.search(rf"{kid[0]}.*revoked", pointbook("token-key", "list").out)
    one_line(pointbook("token-key", "revoke", "unknown"), 1, "no token key of this programme")


def test_a_token_key_may_be_a_public_key(pointbook: Command, tmp_path: Path) -> None:
    pointbook("programme", "create", "roastery", "--name", "Roastery")
    pem = tmp_path / "public.pem"
    public = Ed25519PrivateKey.generate().public_key()
    pem.write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    made = pointbook("token-key", "create", "--algorithm", "EdDSA", "--public-key", str(pem))
    assert (made.code, made.err) == (0, "")
    assert "EdDSA token key" in made.out
    one_line(pointbook("token-key", "create", "--public-key", str(pem)), 1, "publicKey")
    one_line(pointbook("token-key", "create", "--algorithm", "ES256"), 1, "publicKey")
    pem.write_bytes(b"\xff\xfe")
    one_line(pointbook("token-key", "create", "--algorithm", "ES256", "--public-key", str(pem)), 1, "PEM form")


def test_pointbooks_own_token_key_is_rotated(pointbook: Command) -> None:
    pointbook("programme", "create", "roastery", "--name", "Roastery")
    old = re.search(r"[0-9a-f]{16}", pointbook("token-key", "list").out)
    assert old is not None
    rotated = pointbook("token-key", "rotate-own")
    assert rotated.code == 0
    assert old[0] not in rotated.out
    one_line(pointbook("token-key", "revoke", old[0]), 1, "still good")


def test_files_are_imported_and_refused_lines_reported(pointbook: Command, tmp_path: Path) -> None:
    pointbook("programme", "create", "roastery", "--name", "Roastery")
    members = tmp_path / "members.jsonl"
    members.write_text('{"externalId": "clara"}\n{"externalId": "mia"}\n')
    assert pointbook("import", "members", str(members)).code == 0
    orders = tmp_path / "orders.jsonl"
    order = {
        "externalId": "W-1",
        "type": "SALE",
        "status": "goods booked out",
        "placedAt": "2026-03-01T10:00:00Z",
        "currency": "EUR",
        "customer": {"externalId": "clara"},
        "lines": [{"id": "1", "articleId": "espresso", "quantity": "1", "amount": "24.90"}],
    }
    orders.write_text("\n".join([json.dumps(order), '{"externalId": "W-2"}', "not json", ""]))
    kept = tmp_path / "refused.jsonl"
    report = pointbook("import", "orders", str(orders), "--refused", str(kept))
    assert report.code == 1, "a script notices that lines were refused"
    refused = [json.loads(line) for line in kept.read_text().splitlines()]
    assert [(one["line"], one["externalId"]) for one in refused] == [(2, "W-2"), (3, "")]
    assert all(one.keys() == {"line", "externalId", "field", "reason"} for one in refused)
    assert "Refused lines" in report.out
    assert "W-2" in report.out
    assert pointbook("verify").code == 0
    orders.write_text(json.dumps({**order, "externalId": "W-3"}) + "\n")
    assert pointbook("import", "orders", str(orders)).code == 0
    pointbook("programme", "create", "still-empty", "--name", "Another")
    assert pointbook("verify").code == 0, "a programme that nobody has joined yet is no failure"


def test_verify_fails_when_nothing_was_checked(pointbook: Command) -> None:
    one_line(pointbook("verify"), 1, "nothing was checked")
    pointbook("programme", "create", "roastery", "--name", "Roastery")
    empty = pointbook("verify")
    assert empty.code == 1
    assert "has no accounts" in empty.out


async def _break(admin_url: str) -> None:
    connection = await asyncpg.connect(admin_url)
    await connection.execute("set session_replication_role = replica")
    await connection.execute("update ledger.lot set open = open - 1")
    await connection.close()


def test_verify_names_what_does_not_hold(pointbook: Command, tmp_path: Path, admin_url: str) -> None:
    # I2: a lot's figures equal what its transfers say.
    settings = tmp_path / "settings.json"
    settings.write_text('{"signUpPoints": 100}')
    pointbook("programme", "create", "roastery", "--name", "Roastery", "--settings", str(settings))
    members = tmp_path / "members.jsonl"
    members.write_text('{"externalId": "clara"}\n')
    pointbook("import", "members", str(members))
    sound = pointbook("verify")
    assert sound.code == 0
    assert re.search(r"roastery\W+1\W+1\W+0\W+sound", sound.out)
    asyncio.run(_break(admin_url))
    broken = pointbook("verify")
    assert broken.code == 1
    assert "violations" in broken.out
    assert "roastery, account" in broken.err


def test_what_cannot_be_done_is_said_in_one_line(pointbook: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    one_line(pointbook("settings", "show"), 1, "no programme")
    one_line(pointbook("settings", "show", "--programme", "nobody"), 1, "nobody")
    one_line(pointbook("programme", "create", "r", "--name", "R", "--currency", "EURO"), 1, "currency")
    pointbook("programme", "create", "one", "--name", "One")
    one_line(pointbook("settings", "change", "valuePerPoint"), 1, "NAME=VALUE")
    one_line(pointbook("settings", "change", "valuePerPoint=-1"), 1, "valuePerPoint")
    pointbook("programme", "create", "two", "--name", "Two")
    one_line(pointbook("settings", "show"), 1, "one, two")
    monkeypatch.setenv("POINTBOOK_PORT", "a lot")
    one_line(pointbook("verify"), 1, "POINTBOOK_PORT")
    monkeypatch.delenv("POINTBOOK_PORT")
    monkeypatch.setenv("POINTBOOK_DATABASE_URL", "postgresql://pointbook@127.0.0.1:1/pointbook")
    one_line(pointbook("verify"), 1, "cannot be reached")
    monkeypatch.delenv("POINTBOOK_OWNER_DATABASE_URL")
    one_line(pointbook("migrate"), 1, "POINTBOOK_OWNER_DATABASE_URL")
    assert pointbook("no-such-command").code == 2


def test_a_database_of_before_the_first_release_is_said_in_one_line(
    pointbook: Command, database: TestDatabase
) -> None:
    async def stand_at(revision: str) -> str:
        connection = await asyncpg.connect(database.owner_url)
        try:
            before: str = await connection.fetchval("select version_num from alembic_version")
            await connection.execute("update alembic_version set version_num = $1", revision)
        finally:
            await connection.close()
        return before

    newest = asyncio.run(stand_at("0037"))
    try:
        one_line(pointbook("migrate"), 1, "revision 0037, of before the first release")
    finally:
        asyncio.run(stand_at(newest))


def test_the_schema_is_printed_as_it_is_committed(pointbook: Command) -> None:
    assert pointbook("schema").out == (ROOT / "schema.graphql").read_text()


def test_a_programme_is_exported_whole_or_not_at_all(pointbook: Command, tmp_path: Path) -> None:
    pointbook("programme", "create", "roastery", "--name", "Roastery")
    ran = pointbook("export", "all.jsonl")
    assert (ran.code, ran.out) == (0, "")
    lines = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text().splitlines()]
    assert (lines[0]["programme"], lines[-1]) == ("roastery", {"type": "end", "lines": len(lines)})
    assert f"{len(lines)} lines" in ran.err
    assert (tmp_path / "all.jsonl").stat().st_mode & 0o777 == 0o600
    one_line(pointbook("export", "all.jsonl"), 1, "exists")
    pointbook("export", "all.jsonl.gz")
    packed = gzip.decompress((tmp_path / "all.jsonl.gz").read_bytes()).splitlines()
    assert packed[1:] == (tmp_path / "all.jsonl").read_bytes().splitlines()[1:]
    one_line(pointbook("export", "nowhere/all.jsonl"), 1, "No such file")
    one_line(pointbook("export", "other.jsonl", "--programme", "other"), 1, "other")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["all.jsonl", "all.jsonl.gz"]
    standard = pointbook("export", "-")
    assert standard.out.splitlines()[1:] == (tmp_path / "all.jsonl").read_text().splitlines()[1:]


def test_adjustments_are_tried_then_imported(pointbook: Command, tmp_path: Path) -> None:
    pointbook("programme", "create", "roastery", "--name", "Roastery")
    (tmp_path / "members.csv").write_text("externalId\nclara\n")
    pointbook("import", "members", "members.csv")
    (tmp_path / "adjustments.csv").write_text(
        "id,customerExternalId,points,description\na,clara,50,Present\nb,clara,-20,Correction\nc,david,1,Present\n"
    )
    dry = pointbook("import", "adjustments", "adjustments.csv", "--dry-run")
    assert dry.code == 1
    assert re.search(r"would be made", dry.out)
    figures = r"2 +│ +0 +│ +50 +│ +20 +│ +0 +│ +1\b"
    assert re.search(figures, dry.out), dry.out
    assert "NOT_A_MEMBER" in dry.out
    assert re.search(figures, pointbook("import", "adjustments", "adjustments.csv").out)
    assert re.search(r"0 +│ +2 +│ +0 +│ +0", pointbook("import", "adjustments", "adjustments.csv").out)


def test_balances_are_tried_then_imported(pointbook: Command, tmp_path: Path) -> None:
    pointbook("programme", "create", "roastery", "--name", "Roastery")
    (tmp_path / "members.csv").write_text("externalId\nclara\n")
    pointbook("import", "members", "members.csv")
    (tmp_path / "balances.csv").write_text("customerExternalId,id,points\nclara,a,120\nclara,b,30\ndavid,c,1\n")
    dry = pointbook("import", "balances", "balances.csv", "--dry-run")
    assert dry.code == 1
    assert re.search(r"would be credited", dry.out)
    assert re.search(r"2 +│ +0 +│ +150 +│ +1\b", dry.out), dry.out
    assert "NOT_A_MEMBER" in dry.out
    assert re.search(r"2 +│ +0 +│ +150", pointbook("import", "balances", "balances.csv").out)
    assert re.search(r"0 +│ +2 +│ +0", pointbook("import", "balances", "balances.csv").out)
