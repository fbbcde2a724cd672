"""Why an entry granted its points: what became of each rule, as it was judged then."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple, Protocol, TypeAlias
from uuid import UUID

import orjson

from pointbook.domain.orders import OrderContent
from pointbook.domain.programme_settings import ProgrammeSettings, SettingsVersion
from pointbook.domain.rules import Rule
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.granting import BOOKING, ORDER, SIGN_UP
from pointbook.services.installation import Installation
from pointbook.services.judging import Circumstances, JudgedOrder, Judgement, judged_again


class ExplainedRule(NamedTuple):
    """``trace`` as ``RuleTrace.to_document`` has it. ``rule`` as it was; None: it is what the settings give.

    The rule's name is for staff only, its labels are for everybody.
    """

    trace: Mapping[str, Any]
    rule: Rule | None


class Judged(Protocol):
    """What rules were asked about, with the settings in force then."""

    @property
    def rules(self) -> tuple[ExplainedRule, ...]: ...
    @property
    def settings(self) -> ProgrammeSettings: ...
    @property
    def programme(self) -> ProgrammeSnapshot: ...


@dataclass(frozen=True, slots=True)
class Explanation:
    """``points`` that were granted at ``at``. ``source``: "order" or "booking" with the id of it, or "sign_up"."""

    points: int
    at: datetime
    source: str
    source_id: str
    rules: tuple[ExplainedRule, ...]
    settings: ProgrammeSettings
    """By which it was judged."""
    programme: ProgrammeSnapshot = field(compare=False)


_Found: TypeAlias = tuple[int, list[dict[str, Any]], SettingsVersion]
"""Points, the traces of rules, and the settings by which they were judged."""


async def explain(installation: Installation, programme_id: int, external_id: str, seq: int) -> Explanation | None:
    """The entry of a customer's account with this number.

    None: there is no such entry, no rule gave its points, or it is from before the programme changed its currency.
    """
    account = await installation.accounts.find(programme_id, external_id)
    return None if account is None else await explain_entry(installation, programme_id, account.public_id, seq)


async def explain_entry(
    installation: Installation, programme_id: int, public_id: UUID, seq: int
) -> Explanation | None:
    """The entry of the account with this public id; otherwise as ``explain``."""
    async with installation.db.bare_transaction(programme_id) as connection:
        row = await connection.fetchrow(_ENTRY, programme_id, public_id, seq)
    if row is None:
        return None
    programme = await installation.programmes.get(programme_id)
    found = _OF_SOURCE[row["source_type"]](programme, row)
    if found is None:
        return None
    points, rules, version = found
    return Explanation(
        points,
        row["at"],
        row["source_type"],
        row["source_id"],
        explained(programme, rules),
        version.settings,
        programme,
    )


async def is_own(installation: Installation, programme_id: int, external_id: str, account: UUID) -> bool:
    """Whether the account with this public id is the customer's, or was merged into it."""
    own = await installation.accounts.find(programme_id, external_id)
    if own is None or own.public_id == account:
        return own is not None
    return await installation.db.one_row(programme_id, _IS_OWN, programme_id, external_id, account) is not None


def explained(programme: ProgrammeSnapshot, traces: Iterable[Mapping[str, Any]]) -> tuple[ExplainedRule, ...]:
    """Traces with the rules they speak of."""
    found = ((trace, programme.book.find(trace["rule"], trace.get("version"))) for trace in traces)
    return tuple(ExplainedRule(trace, None if version is None else version.rule) for trace, version in found)


def _of_order(programme: ProgrammeSnapshot, row: Any) -> _Found | None:
    """What was recorded; without it (an import pins only what judged, settings alone nothing) judged again."""
    version = _version(programme, row)
    if version is None:
        return None
    if row["judgement"] is not None:
        recorded = Judgement.of(row["judgement"]).rules
        if recorded is not None:
            return row["points"], recorded, version
    placed = Circumstances(row["placed_at"], row["store_id"], row["entry_channel"], row["exit_channel"])
    order = JudgedOrder(placed, version.version, row["judgement"])
    content = OrderContent.from_stored(orjson.loads(row["document"]))
    result = judged_again(programme, order, content, row["redeemed_value"])
    return row["points"], [trace.to_document() for trace in result.trace()], version


def _of_booking(programme: ProgrammeSnapshot, row: Any) -> _Found | None:
    version = _version(programme, row)
    recorded = None if version is None else Judgement.of(row["judgement"]).rules
    return None if version is None or recorded is None else (row["points"], recorded, version)


def _version(programme: ProgrammeSnapshot, row: Any) -> SettingsVersion | None:
    number = row["settings_version"]
    return next((version for version in programme.versions if version.version == number), None)


def _of_joining(programme: ProgrammeSnapshot, row: Any) -> _Found | None:
    if row["sign_up_judgement"] is None:
        return None
    judgement = Judgement.of(row["sign_up_judgement"])
    if judgement.rules is None or judgement.at < programme.versions[0].effective_from:
        return None
    return row["sign_up_points"], judgement.rules, programme.version_at(judgement.at)


_OF_SOURCE: Final[Mapping[str, Callable[[ProgrammeSnapshot, Any], _Found | None]]] = {
    ORDER: _of_order,
    BOOKING: _of_booking,
    SIGN_UP: _of_joining,
}

_IS_OWN = """
select from ledger.account as account
join member_external_id as known on known.programme_id = $1 and known.external_id = $2
where account.programme_id = $1 and account.public_id = $3
    and ledger.stands_for($1, account.account_id) = known.account_id
"""

_ENTRY = f"""
select
    entry.at, entry.source_type, entry.source_id, known.placed_at, known.store_id, known.entry_channel,
    known.exit_channel, known.document, granted.points, granted.judgement, granted.settings_version,
    granted.redeemed_value, member.sign_up_points, member.sign_up_judgement
from ledger.account as account
join ledger.entry as entry on entry.programme_id = account.programme_id and entry.account_id = account.account_id
join member on member.programme_id = entry.programme_id and member.account_id = entry.account_id
left join sales_order as known
    on known.programme_id = entry.programme_id and known.external_id = entry.source_id
    and entry.source_type = '{ORDER}'
left join order_occurrence as former
    on former.programme_id = known.programme_id and former.order_external_id = known.external_id
    and former.occurrence = entry.occurrence
left join booking_occurrence as booked
    on booked.programme_id = entry.programme_id and booked.booking_external_id = entry.source_id
    and booked.occurrence = entry.occurrence and entry.source_type = '{BOOKING}'
cross join lateral (
    select known.points, known.judgement, known.settings_version, known.redeemed_value
    where former.occurrence is null and booked.occurrence is null
    union all
    select booked.points, booked.judgement, booked.settings_version, 0
    where booked.occurrence is not null
    union all
    select former.points, former.judgement, former.settings_version, former.redeemed_value
    where former.occurrence is not null
) as granted
where account.programme_id = $1 and account.public_id = $2 and entry.seq = $3 and entry.kind = 'accrual'
    and (
        known.external_id is not null or booked.occurrence is not null or entry.source_type = '{SIGN_UP}'
    )
"""  # noqa: S608  # kinds of source
