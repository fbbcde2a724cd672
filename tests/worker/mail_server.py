"""A mail server of the tests' own, on the loopback address, that answers as a test wants."""

import asyncio
import contextlib
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class MailServer:
    """``recipient`` and ``data`` are its answers to RCPT and DATA; None: it takes what is sent.

    ``meanwhile``: what happens once, before it answers the first RCPT. ``thinks``: seconds before it says that it
    has taken a mail.
    """

    port: int = 0
    recipient: str | None = None
    data: str | None = None
    meanwhile: Callable[[], Awaitable[None]] | None = None
    thinks: float = 0
    mails: list[EmailMessage] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    envelopes: list[tuple[str, list[str]]] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's names
        self, _server: SMTP, _session: Any, envelope: Any, address: str, _options: list[str]
    ) -> str:
        if self.meanwhile is not None:
            happening, self.meanwhile = self.meanwhile, None
            await happening()
        if self.recipient is not None:
            return f"{self.recipient} <{address}> no such user here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802  # likewise
        if self.data is not None:
            return self.data
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.raw.append(envelope.content)
        self.envelopes.append((envelope.mail_from, envelope.rcpt_tos))
        self.encrypted.append(server.transport.get_extra_info("sslcontext") is not None)
        await asyncio.sleep(self.thinks)
        return "250 OK"


@contextlib.asynccontextmanager
async def serving(server: MailServer, **options: Any) -> AsyncIterator[MailServer]:
    """``server`` at its port, or at one of its own. ``options`` are aiosmtpd's, or ``ssl``, from the start."""
    context = options.pop("ssl", None)

    def protocol() -> SMTP:
        return SMTP(server, hostname="mail.test", **options)

    listener = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", server.port, ssl=context)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        await listener.wait_closed()


def knows(user: bytes, password: bytes) -> Any:
    """An authenticator of aiosmtpd that lets one user in."""

    def authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=(data.login, data.password) == (user, password), handled=False)

    return authenticate


def certificate(folder: Path, *names: str) -> tuple[ssl.SSLContext, Path]:
    """The context of a server at 127.0.0.1 also called ``names``, and the file that makes clients trust it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), *map(x509.DNSName, names)]
            ),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    trusted, whole = folder / "trusted.pem", folder / "server.pem"
    pem = made.public_bytes(serialization.Encoding.PEM)
    trusted.write_bytes(pem)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    whole.write_bytes(pem + secret)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(whole)
    return context, trusted
