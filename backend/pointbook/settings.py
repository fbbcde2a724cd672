"""Settings of the process, read once from the environment (prefix ``POINTBOOK_``) or secret files.

Settings of a programme (rates, waiting time, hold length, ...) are data: ``domain/programme_settings.py``.
"""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

_SECRETS = Path("/run/secrets")


class Settings(BaseSettings):
    """Where the servers are and how this process behaves. Every field has an environment variable."""

    model_config = SettingsConfigDict(
        env_prefix="POINTBOOK_",
        env_file=".env",
        extra="ignore",
        secrets_dir=_SECRETS if _SECRETS.is_dir() else None,
    )

    database_url: SecretStr | None = Field(
        None, description="postgresql:// URL of the application role; without it the embedded server is started"
    )
    owner_database_url: SecretStr | None = Field(
        None, description="postgresql:// URL of the role that owns the tables; only migrations use it"
    )
    redis_url: SecretStr | None = Field(
        None, description="redis:// URL of Valkey or Redis; wakes the worker and shares rate limits"
    )
    secret: SecretStr | None = Field(
        None, min_length=32, description="voucher codes and token secrets are derived from it; keep it for ever"
    )
    data_dir: Path = Field(Path(".pointbook"), description="where the embedded servers keep their data")
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    public_url: str | None = Field(None, description="how browsers reach this server")
    rate_limits: bool = Field(default=True, description="refuse callers that ask for more than their share")
    pool_size: int = Field(10, ge=1, le=200, description="bare connections to PostgreSQL per process")
    heartbeat_file: Path | None = Field(
        None, description="touched by the worker every few seconds while it is well"
    )
    transaction_pooler: bool = Field(
        default=False, description="PgBouncer in transaction mode: no prepared statement is kept"
    )
