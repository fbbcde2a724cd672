"""One webhook, posted: where it goes, where it does not go, and what is told of the answer."""

import ssl
from collections.abc import Sequence
from pathlib import Path
from socket import gaierror

import pytest

from pointbook.services import webhook_posting
from pointbook.services.webhook_posting import Poster, system_resolve
from tests.faults.processes import free_port
from tests.worker.hook_receiver import answer, receiving
from tests.worker.mail_server import certificate

HEADERS = {"webhook-id": "msg_1"}


class Names:
    """A resolver that answers in turn, and remembers what it was asked."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:  # noqa: ARG002
        self.asked.append(host)
        return self._answers[0] if len(self._answers) == 1 else self._answers.pop(0)


async def test_a_webhook_is_posted_as_it_is() -> None:
    async with receiving(answer(200, b"thanks")) as receiver:
        outcome = await Poster(private_allowed=True).post(receiver.url, HEADERS, b'{"a": 1}')
    assert outcome == (200, None, "thanks")
    [got] = receiver.got
    assert (got.line, got.body) == ("POST /hooks?shop=1 HTTP/1.1", b'{"a": 1}')
    assert got.headers == {"host": f"127.0.0.1:{receiver.port}", "content-length": "8", "webhook-id": "msg_1"}


async def test_tls_and_host_keep_the_name_whatever_it_resolves_to(tmp_path: Path) -> None:
    context, trusted = certificate(tmp_path, "hooks.test")
    named: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: named.append(name)
    names = Names(["127.0.0.1"])
    poster = Poster(
        private_allowed=True, resolve=names, tls=ssl.create_default_context(cafile=trusted), seconds=10
    )
    async with receiving(tls=context) as receiver:
        outcome = await poster.post(f"https://hooks.test:{receiver.port}/", HEADERS, b"{}")
        assert outcome == (204, None, "")
        other = await poster.post(f"https://other.test:{receiver.port}/", HEADERS, b"{}")
    assert (other.http_status, named) == (None, ["hooks.test", "other.test"])
    assert "certificate" in (other.error or "").lower()
    [got] = receiver.got
    assert (got.headers["host"], names.asked) == (f"hooks.test:{receiver.port}", ["hooks.test", "other.test"])


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["93.184.215.14", "127.0.0.1"],
        ["93.184.215.14", "::ffff:10.0.0.1"],
        ["169.254.169.254", "93.184.215.14"],
        ["64:ff9b::7f00:1"],
    ],
)
async def test_a_name_with_any_private_address_leads_nowhere(addresses: list[str]) -> None:
    async with receiving() as receiver:
        outcome = await Poster(resolve=Names(addresses)).post(f"https://a.test:{receiver.port}/", HEADERS, b"{}")
    assert outcome == (None, "the host is not at a public address", None)
    assert receiver.got == []


@pytest.mark.parametrize("host", ["127.1", "0x7f000001", "2130706433", "localtest"])
async def test_nor_does_another_spelling_of_one(host: str) -> None:
    async def resolve(name: str, port: int) -> Sequence[str]:
        return await system_resolve("127.0.0.1" if name == "localtest" else name, port)

    async with receiving() as receiver:
        outcome = await Poster(resolve=resolve).post(f"https://{host}:{receiver.port}/", HEADERS, b"{}")
    assert outcome.http_status is None
    assert receiver.got == []


async def test_http_is_for_development_only() -> None:
    async with receiving() as receiver:
        outcome = await Poster().post(receiver.url, HEADERS, b"{}")
    assert outcome == (None, "url: must begin with https://", None)
    assert receiver.got == []


async def test_a_name_is_resolved_once_and_the_connection_goes_to_what_was_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Rebinding: the second answer would lead inside. Here 127.0.0.1 plays the public address.
    monkeypatch.setattr(webhook_posting, "is_public", lambda address: address == "127.0.0.1")
    context, trusted = certificate(tmp_path, "hooks.test")
    names = Names(["127.0.0.1"], ["127.0.0.2"])
    poster = Poster(resolve=names, tls=ssl.create_default_context(cafile=trusted))
    async with receiving(tls=context) as receiver:
        first = await poster.post(f"https://hooks.test:{receiver.port}/", HEADERS, b"{}")
        second = await poster.post(f"https://hooks.test:{receiver.port}/", HEADERS, b"{}")
    assert (first.http_status, second.error) == (204, "the host is not at a public address")
    assert (len(names.asked), len(receiver.got)) == (2, 1)


async def test_the_next_address_is_tried_when_one_does_not_answer() -> None:
    async with receiving() as receiver:
        names = Names(["127.0.0.9", "127.0.0.1"])
        outcome = await Poster(private_allowed=True, resolve=names).post(
            f"http://hooks.test:{receiver.port}/", HEADERS, b"{}"
        )
    assert outcome.http_status == 204


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(status: int) -> None:
    async with receiving() as inside, receiving(answer(status, Location=inside.url)) as receiver:
        outcome = await Poster(private_allowed=True).post(receiver.url, HEADERS, b"{}")
    assert outcome == (status, f"answered {status}", "")
    assert inside.got == []


async def test_of_a_long_answer_the_beginning_is_kept() -> None:
    async with receiving(answer(500, b"\xff\0" + b"a" * 1_000_000)) as receiver:
        outcome = await Poster(private_allowed=True).post(receiver.url, HEADERS, b"{}")
    assert (outcome.http_status, outcome.error) == (500, "answered 500")
    assert outcome.response == "\ufffd\ufffd" + "a" * 1_022


async def test_whoever_takes_too_long_has_not_taken_it() -> None:
    async with receiving(is_open=False) as receiver:
        outcome = await Poster(private_allowed=True, seconds=0.2).post(receiver.url, HEADERS, b"{}")
    assert outcome == (None, "no answer within 0.2 seconds", None)


@pytest.mark.parametrize(
    "words", [b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"]
)
async def test_what_is_no_answer_is_a_failure(words: bytes) -> None:
    async with receiving(words) as receiver:
        outcome = await Poster(private_allowed=True).post(receiver.url, HEADERS, b"{}")
    assert outcome.error


async def test_nobody_at_the_address_and_no_address() -> None:
    outcome = await Poster(private_allowed=True).post(f"http://127.0.0.1:{free_port()}/", HEADERS, b"{}")
    assert (outcome.error or "").startswith("ConnectError")

    async def unknown(host: str, port: int) -> Sequence[str]:  # noqa: ARG001
        raise gaierror(-2, "Name or service not known")

    outcome = await Poster(resolve=unknown).post("https://nobody.test/", HEADERS, b"{}")
    assert outcome.error == "the host is not known"
    outcome = await Poster().post(f"https://{'a' * 70}.test/", HEADERS, b"{}")
    assert outcome.error == "the host is not known"
    outcome = await Poster(resolve=Names([])).post("https://nobody.test/", HEADERS, b"{}")
    assert outcome.error == "OSError: the host has no address"
