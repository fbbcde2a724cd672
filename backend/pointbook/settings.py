"""Settings of the process, read once from the environment (prefix ``POINTBOOK_``) or secret files.

Settings of a programme (rates, waiting time, hold length, ...) are data: ``domain/programme_settings.py``.
"""

import re
from email.errors import MessageError
from email.headerregistry import Address
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    InstanceOf,
    SecretStr,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

_SECRETS = Path("/run/secrets")
_NAMED = re.compile(r"(?:(?P<name>[^<>]*)<)?(?P<mailbox>[^<>\s]+)(?(name)>)")
_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\[\]:]*)(:\d{1,5})?")


def _url_of(*schemes: str) -> AfterValidator:
    """Refuses what drivers would stumble over; they quote it, and in it may be a password."""

    def check(url: SecretStr) -> SecretStr:
        if not _is_url(url.get_secret_value(), schemes):
            raise ValueError(
                f"must be a URL {schemes[0]}://user:password@host:port/name; in a user's name or password write"
                " / as %2F, @ as %40, : as %3A, ? as %3F, # as %23"
            )
        return url

    return AfterValidator(check)


def _is_url(url: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if parts.scheme == "unix":
        return "unix" in schemes
    user, at, hosts = parts.netloc.rpartition("@")
    astray = "@" in parts.path or "@" in parts.fragment or (not at and "@" in parts.query)
    well_formed = user.count(":") <= 1 and all(_HOST.fullmatch(host) for host in hosts.split(","))
    return parts.scheme in schemes and well_formed and not astray


def _one_server(url: SecretStr) -> SecretStr:
    """Raises ValueError unless it is one host, perhaps with a port, and nothing behind it."""
    parts = urlsplit(url.get_secret_value())
    try:
        named = parts.hostname and "," not in parts.hostname and (parts.port or True)
    except ValueError:
        named = False
    if not named or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("must name one server and no more: smtp://user:password@host:port")
    return url


def _mailbox(value: object) -> object:
    """The sender of mail as a text like Name <address>."""
    if not isinstance(value, str):
        return value
    parts = _NAMED.fullmatch(value.strip())
    try:
        if parts is not None and parts["mailbox"].isascii():
            return Address((parts["name"] or "").strip(' "'), addr_spec=parts["mailbox"])
    except (ValueError, MessageError, IndexError):  # all that the parser of addresses raises
        pass
    raise ValueError("must be one address, as in Name <name@host>")


PostgresUrl = Annotated[SecretStr, _url_of("postgresql", "postgres")]
RedisUrl = Annotated[SecretStr, _url_of("redis", "rediss", "unix")]
SmtpUrl = Annotated[SecretStr, _url_of("smtp", "smtps"), AfterValidator(_one_server)]
Mailbox = Annotated[InstanceOf[Address], BeforeValidator(_mailbox)]


class Settings(BaseSettings):
    """Where the servers are and how this process behaves. Every field has an environment variable."""

    model_config = SettingsConfigDict(
        env_prefix="POINTBOOK_",
        env_file=".env",
        extra="ignore",
        hide_input_in_errors=True,  # most of it is secret
        secrets_dir=_SECRETS if _SECRETS.is_dir() else None,
    )

    database_url: PostgresUrl | None = Field(
        None, description="postgresql:// URL of the application role; without it the embedded server is started"
    )
    owner_database_url: PostgresUrl | None = Field(
        None, description="postgresql:// URL of the role that owns the tables; only migrations use it"
    )
    redis_url: RedisUrl | None = Field(
        None, description="redis:// URL of Valkey or Redis, through which workers and rate limits are shared"
    )
    secret: SecretStr | None = Field(
        None, min_length=32, description="voucher codes and token secrets are derived from it; keep it for ever"
    )
    smtp_url: SmtpUrl | None = Field(
        None, description="smtp:// or smtps:// URL of the server that takes mail; without it no mail is sent"
    )
    mail_from: Mailbox | None = Field(
        None, validate_default=True, description="whom mail comes from; needed with the server"
    )
    data_dir: Path = Field(Path(".pointbook"), description="where the embedded servers keep their data")
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    public_url: str | None = Field(None, description="how browsers reach this server")
    trusted_proxies: str = Field(
        "127.0.0.1", description="addresses or networks of proxies whose X-Forwarded-For is believed, by commas"
    )
    rate_limits: bool = Field(default=True, description="refuse callers that ask for more than their share")
    pool_size: int = Field(10, ge=1, le=200, description="bare connections to PostgreSQL per process")
    webhooks_to_private: bool = Field(
        default=False, description="webhooks may go to private addresses and over http; for development and tests"
    )
    heartbeat_file: Path | None = Field(
        None, description="touched by the worker every few seconds while it is well"
    )
    transaction_pooler: bool = Field(
        default=False, description="PgBouncer in transaction mode: no prepared statement is kept"
    )

    @field_validator("mail_from")
    @classmethod
    def _both_or_none(cls, sender: Address | None, info: ValidationInfo) -> Address | None:
        if "smtp_url" in info.data and (info.data["smtp_url"] is None) != (sender is None):
            raise ValueError("mail needs both POINTBOOK_SMTP_URL and POINTBOOK_MAIL_FROM, or neither")
        return sender
