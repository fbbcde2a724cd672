"""What an import does with an order before it needs the database: read it, check it, count its points.

Most of an import's time goes into this, so it runs in processes of its own (``order_preparing_pool``); all that
passes between them is plain data. An order of an import pays nothing with points: one with a code is left
to the use case for single orders, and so is one that says when it got its status.
"""

import pickle
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

from pointbook.domain.earning import qualifies
from pointbook.domain.errors import PointbookError
from pointbook.domain.orders import Customer, OrderDocument, StoredOrder, parse_order
from pointbook.domain.programme_settings import SettingsVersion
from pointbook.domain.rules import STANDARD_LOT, EarningResult, Part
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.import_files import Heading, Record, Refusal
from pointbook.services.import_records import document_of_json, refusal_of
from pointbook.services.judging import Circumstances, Judge, looks_at_lines
from pointbook.services.members import normalised_email
from pointbook.services.order_csv import order_of_rows
from pointbook.services.usual_orders import usual_order


@dataclass(frozen=True, slots=True)
class Rules:
    """What the orders of a file are judged by, and when it was so: equal ones judge alike."""

    programme: ProgrammeSnapshot
    version: SettingsVersion
    edition: int
    heading: Heading | None
    at: datetime = field(compare=False)

    @classmethod
    def of(cls, programme: ProgrammeSnapshot, heading: Heading | None, at: datetime) -> "Rules":
        return cls(programme, programme.version_at(at), programme.book.edition(at), heading, at)

    @property
    def judge(self) -> Judge:
        return Judge(self.programme, self.at)

    def packed(self) -> bytes:
        """The form in which they travel to another process, where they are unpacked once."""
        return pickle.dumps(self)


class Judged(NamedTuple):
    """What an order earns; the fields are those of ``PreparedOrder``."""

    points: int
    parts: tuple[Part, ...] | None = None
    judgement: str | None = None
    counted: bool = False


_NOTHING: Final = Judged(0)
_COUNTED: Final = Judged(0, counted=True)


class PreparedOrder(NamedTuple):
    """An order ready to be written. ``points`` are for a member, ``email`` is how one may be found later.

    ``counted``: capped rules are for it, so that its points depend on what its member got before; it has none yet.
    """

    line: int
    external_id: str
    type: str
    status: str
    placed_at: datetime
    store: str | None
    entry_channel: str | None
    exit_channel: str | None
    customer: str
    email: str | None
    qualifies: bool
    points: int
    total: int
    content: str
    fingerprint: bytes
    parts: tuple[Part, ...] | None = None
    """The lots of ``points``; None: they are the programme's usual ones, all together."""
    judgement: str | None = None
    counted: bool = False

    @property
    def circumstances(self) -> Circumstances:
        return Circumstances(self.placed_at, self.store, self.entry_channel, self.exit_channel)


@dataclass(slots=True)
class PreparedChunk:
    """``single`` are the records left to the use case for single orders: their orders' ids by their lines."""

    orders: list[PreparedOrder] = field(default_factory=list)
    single: dict[int, str] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)


def prepare_packed(records: list[Record], packed: bytes) -> PreparedChunk:
    return prepare(records, _unpacked(packed))


@lru_cache(maxsize=1)
def _unpacked(packed: bytes) -> Rules:
    rules = pickle.loads(packed)  # noqa: S301  # from the process that started this one
    assert isinstance(rules, Rules), "packed by the class itself"
    return rules


def prepare(records: list[Record], rules: Rules) -> PreparedChunk:
    """Read every record; what is wrong with one is a refusal, and the others are not touched by it."""
    prepared = PreparedChunk()
    judge = rules.judge
    currency, lines_matter, is_json = judge.programme.currency, looks_at_lines(judge.engine), rules.heading is None
    for record in records:
        raw: Any = None
        try:
            usual = usual_order(record.content, currency, lines_matter=lines_matter) if is_json else None
            if usual is None:
                raw = raw_order(record, rules.heading)
                order = parse_order(raw, currency)
                stored = order.stored()
            else:
                order, stored = usual
                raw = {"externalId": order.external_id}
            if order.voucher_code is not None or order.status_at is not None or order.names_gift_cards:
                prepared.single[record.line] = order.external_id
            else:
                prepared.orders.append(_prepared(record.line, order, stored, judge))
        except PointbookError as error:
            prepared.refusals.append(refusal_of(record.line, raw, error))
    return prepared


def raw_order(record: Record, heading: Heading | None) -> Any:
    """The document of a record, not yet checked. Raises InvalidInput when it is no JSON, or no rows of CSV."""
    return document_of_json(record) if heading is None else order_of_rows(heading, record.content)


def _prepared(line: int, order: OrderDocument, stored: StoredOrder, judge: Judge) -> PreparedOrder:
    judge.programme.store(order.store)
    does_qualify = qualifies(order.status, judge.version.settings)
    judged = _judged(order, judge) if does_qualify else _NOTHING
    return PreparedOrder(
        line=line,
        external_id=order.external_id,
        type=order.type.value,
        status=order.status,
        placed_at=order.placed_at,
        store=order.store,
        entry_channel=order.entry_channel,
        exit_channel=order.exit_channel,
        customer=order.customer.external_id,
        email=_waiting_email(order.customer),
        qualifies=does_qualify,
        points=judged.points,
        total=order.content.total,
        content=stored.content,
        fingerprint=stored.fingerprint,
        parts=judged.parts,
        judgement=judged.judgement,
        counted=judged.counted,
    )


def _judged(order: OrderDocument, judge: Judge) -> Judged:
    placed = Circumstances(order.placed_at, order.store, order.entry_channel, order.exit_channel)
    occasion = judge.occasion(placed)
    if judge.counters(occasion, order.content):
        return _COUNTED
    return judged_by(judge, judge.order(order.content, occasion))


def judged_by(judge: Judge, result: EarningResult) -> Judged:
    """What an order earns, in the form in which it is prepared."""
    usual = all(part.lot == STANDARD_LOT for part in result.parts)
    return Judged(result.points, None if usual else result.parts, judge.record(result, traced=False))


def _waiting_email(customer: Customer) -> str | None:
    """Only an address that the shop has verified may find its member later."""
    if customer.email is None or not customer.email_verified:
        return None
    return normalised_email("customer.email", customer.email)
