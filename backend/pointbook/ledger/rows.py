"""Rows of the ledger's functions as typed answers."""

import asyncpg

from pointbook.ledger.answers import Hold, HoldState


def hold_of(row: asyncpg.Record) -> Hold:
    return Hold(
        hold_id=row["hold_id"],
        account_id=row["account_id"],
        cart=row["cart"],
        code_hash=row["code_hash"],
        last_four=row["last_four"],
        points=row["points"],
        value=row["value"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        extensions=row["extensions"],
        state=HoldState(row["state"].upper()),
        ended_at=row["ended_at"],
        captured_points=row["captured_points"],
        captured_value=row["captured_value"],
    )
