"""Keys of callers. Part of the directory: they are read before a programme is known."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from pointbook.db.base import Base, one_of


class ApiKey(Base):
    """A publishable, secret or staff key. The key itself is shown once; only its SHA-256 stands here.

    ``scopes`` of a staff key are rights.
    """

    __tablename__ = "api_key"
    __table_args__ = (
        CheckConstraint(one_of("kind", "PUBLISHABLE", "SECRET", "STAFF"), name="kind"),
        CheckConstraint("any_document or kind = 'PUBLISHABLE'", name="any_document"),
    )

    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"), primary_key=True)
    key_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    last_four: Mapped[str]
    label: Mapped[str]
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    origins: Mapped[list[str]] = mapped_column(ARRAY(Text))
    any_document: Mapped[bool]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class TokenKey(Base):
    """Whose signature makes a customer token; ``kid`` finds it, and it alone fixes the algorithm.

    The secret of an HS256 key is derived from the installation's secret and the kid, so none is stored.
    ``holder`` SHOP signs in the shop's back end, POINTBOOK in ``customerTokenCreate``.
    """

    __tablename__ = "token_key"
    __table_args__ = (
        CheckConstraint(one_of("algorithm", "HS256", "ES256", "RS256", "EdDSA"), name="algorithm"),
        CheckConstraint(one_of("holder", "SHOP", "POINTBOOK"), name="holder"),
        CheckConstraint("(public_key is null) = (algorithm = 'HS256')", name="public_key"),
        CheckConstraint("holder = 'SHOP' or algorithm = 'HS256'", name="own_algorithm"),
    )

    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"), primary_key=True)
    kid: Mapped[str] = mapped_column(primary_key=True, unique=True)
    algorithm: Mapped[str]
    holder: Mapped[str]
    public_key: Mapped[str | None]
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
