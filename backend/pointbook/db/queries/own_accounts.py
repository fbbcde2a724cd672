"""A member's account and all that were merged into it, however far back."""

from typing import Final

OWN: Final = """with recursive own as (
    select a.account_id from ledger.account as a where a.programme_id = $1 and a.account_id = $2
    union
    select a.account_id
    from own
    join ledger.account as a on a.programme_id = $1 and a.merged_into = own.account_id
)"""
"""Begins a query: ``own (account_id)`` of programme $1 and account $2."""
