"""The declarative base: names of constraints, and how Python types become columns."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, MetaData, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, mapped_column

Points = Annotated[int, mapped_column(BigInteger)]
MinorUnits = Annotated[int, mapped_column(BigInteger)]  # of the programme's currency
BigId = Annotated[int, mapped_column(BigInteger)]  # handed out by the database


class Base(DeclarativeBase):
    """Tables of the schema ``public``. The ledger has its own schema and is written by its functions only."""

    metadata = MetaData(
        naming_convention={
            "pk": "%(table_name)s_pkey",
            "uq": "%(table_name)s_%(column_0_N_name)s_key",
            "ix": "%(table_name)s_%(column_0_N_name)s_idx",
            "ck": "%(table_name)s_%(constraint_name)s_check",
            "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        }
    )
    type_annotation_map = {
        datetime: DateTime(timezone=True),
        str: Text,
        UUID: Uuid,
        dict[str, Any]: JSONB,
    }


def one_of(column: str, *values: str) -> str:
    """The condition that a text column holds one of ``values``; constants of this package only."""
    return f"{column} in ({', '.join(repr(value) for value in values)})"
