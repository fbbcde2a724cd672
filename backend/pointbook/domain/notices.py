"""Notices by mail (R32): which kinds there are, whom each goes to, and what its texts may name.

A text is plain, with ``{variables}``. An empty line ends a paragraph. A paragraph that is nothing but
``[label]({variable})`` is a button that leads where the variable says. A paragraph with a variable that has no
value is left out, so that one text does for all.
"""

import enum
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple, TypeAlias
from uuid import UUID

from pointbook.domain import placeholders, text
from pointbook.domain.errors import InvalidInput

SUBJECT_MAX: Final = 150
BODY_MAX: Final = 5_000
_BUTTON: Final = re.compile(r"\[([^\[\]\n]+)\]\(\{([a-z_]+)\}\)")
_BLANK_LINES: Final = re.compile(r"\n[^\S\n]*(?:\n[^\S\n]*)+")


class Audience(enum.StrEnum):
    """Whom a kind of notice goes to."""

    OPTED_IN = "OPTED_IN"
    """Members who said that they want notices, and still do when the mail is due."""
    ADDRESSEE = "ADDRESSEE"
    """Whoever it is about, whatever they said of notices: they asked for it."""
    STAFF = "STAFF"
    """The addresses in the notice settings."""


class Shape(enum.StrEnum):
    """What a variable's value is, and so how a locale writes it."""

    TEXT = "TEXT"
    POINTS = "POINTS"
    CHANGE = "CHANGE"
    """Points with their sign."""
    MONEY = "MONEY"
    """Minor units of the programme's currency."""
    DAY = "DAY"
    DAYS = "DAYS"
    """A number of days."""
    LINK = "LINK"
    BATCHES = "BATCHES"
    """Points with the last day on which they can be spent, a line for each."""


class Batch(NamedTuple):
    points: int
    last_day: date


Value: TypeAlias = str | int | date | Sequence[Batch] | None
"""None: there is none, and the paragraph that names it is left out."""


@dataclass(frozen=True, slots=True)
class Variable:
    """``optional``: it may have no value. Then it does not stand in a subject.

    ``quoted``: a stranger's words with lines of their own, which must not pass for ours where mail is plain text.
    """

    name: str
    shape: Shape
    means: str
    example: Value
    optional: bool = False
    quoted: bool = False


PROGRAMME: Final = Variable("programme", Shape.TEXT, "Who sends it: the sender's name, else the programme's.", "")
ACCOUNT_PAGE: Final = Variable(
    "account_page",
    Shape.LINK,
    "Where members see their points: the address in the notice settings.",
    "https://shop.example/points",
    optional=True,
)
BALANCE: Final = (
    Variable("balance", Shape.POINTS, "What the member can spend when the mail is sent.", 480),
    Variable("balance_value", Shape.MONEY, "What that is worth.", 2_400),
)
_OTHER_ADDRESS: Final = Variable(
    "address", Shape.TEXT, "The address of the other account, as the member named it.", "clara@shop.example"
)
_FOR_MEMBERS: Final = (PROGRAMME, ACCOUNT_PAGE, *BALANCE)


@dataclass(frozen=True, slots=True)
class NoticeType:
    """What there is to know of a kind: for whom, and the variables of its texts with examples.

    ``needed``: something does not work without it, so it cannot be switched off.
    """

    audience: Audience
    variables: tuple[Variable, ...]
    needed: bool = False

    @property
    def by_name(self) -> Mapping[str, Variable]:
        return {variable.name: variable for variable in self.variables}

    @property
    def links_needed(self) -> set[str]:
        """What the texts must have, because it is what the message is for."""
        links = (one.name for one in self.variables if one.shape is Shape.LINK and not one.optional)
        return set(links) if self.needed else set()

    @property
    def examples(self) -> dict[str, Value]:
        return {variable.name: variable.example for variable in self.variables}


class NoticeKind(enum.StrEnum):
    """A kind has its type in ``TYPES``, texts in every language (``texts/notices``), and a source in
    ``services/notices``.
    """

    POINTS_CREDITED = "POINTS_CREDITED"
    """Points were earned."""
    POINTS_ADJUSTED = "POINTS_ADJUSTED"
    """Staff gave or took points by hand."""
    POINTS_EXPIRING = "POINTS_EXPIRING"
    """Points will expire in some days."""
    WELCOME = "WELCOME"
    """A customer joined."""
    GOODBYE = "GOODBYE"
    """A member left; the address is forgotten with this mail."""
    GIFT_CARD = "GIFT_CARD"
    """The code of a card, to the member who bought it. The card itself follows the text."""
    GIFT_CARD_GIVEN = "GIFT_CARD_GIVEN"
    """The same to whom it was given."""
    MERGE_PROOF = "MERGE_PROOF"
    """Somebody asks for the account of this address; a link proves that it is theirs."""
    MERGE_VERIFIED = "MERGE_VERIFIED"
    """The other address is proved, and the staff decide."""
    MERGE_DONE = "MERGE_DONE"
    """Another account has become a part of the member's."""
    MERGE_REJECTED = "MERGE_REJECTED"
    """The staff did not merge."""
    EXCHANGE_ORDER = "EXCHANGE_ORDER"
    """A member exchanged points for products; to the staff."""


_OF_A_CARD: Final = (
    Variable("greeting", Shape.TEXT, "A greeting, with the recipient's name if it is known.", "Hello Ola,"),
    Variable("product", Shape.TEXT, "What the card is called in the catalogue.", "Coffee voucher"),
    Variable("face", Shape.TEXT, "What it was worth when it was bought.", "€50.00"),
    Variable("valid", Shape.TEXT, "How long it is valid.", "Valid through March 31, 2029"),
    PROGRAMME,
)

TYPES: Final[Mapping[NoticeKind, NoticeType]] = {
    NoticeKind.POINTS_CREDITED: NoticeType(
        Audience.OPTED_IN,
        (
            Variable("points", Shape.POINTS, "The points that were credited.", 120),
            Variable("order", Shape.TEXT, "The number of the order that earned them.", "M-1017", optional=True),
            Variable("booking", Shape.TEXT, "The number of the booking that earned them.", None, optional=True),
            Variable(
                "count", Shape.TEXT, "How many orders and bookings earned them, if several.", None, optional=True
            ),
            Variable(
                "available_from",
                Shape.DAY,
                "From when they can be spent, unless they can be already.",
                date(2027, 3, 15),
                optional=True,
            ),
            *_FOR_MEMBERS,
        ),
    ),
    NoticeKind.POINTS_ADJUSTED: NoticeType(
        Audience.OPTED_IN,
        (
            Variable("change", Shape.CHANGE, "The points that were given or taken, with their sign.", 50),
            Variable("description", Shape.TEXT, "What the staff said of it.", "Tasting of 3 March"),
            Variable("debt", Shape.POINTS, "What the member owes afterwards.", None, optional=True),
            *_FOR_MEMBERS,
        ),
    ),
    NoticeKind.POINTS_EXPIRING: NoticeType(
        Audience.OPTED_IN,
        (
            Variable("points", Shape.POINTS, "All the points that expire soon.", 65),
            Variable(
                "last_day", Shape.DAY, "The last day on which the first of them can be spent.", date(2027, 3, 31)
            ),
            Variable("days", Shape.DAYS, "How many days that is away.", 7),
            Variable(
                "batches",
                Shape.BATCHES,
                "Which points can be spent until when, a line for each day.",
                (Batch(40, date(2027, 3, 31)), Batch(25, date(2027, 4, 1))),
            ),
            *_FOR_MEMBERS,
        ),
    ),
    NoticeKind.WELCOME: NoticeType(
        Audience.OPTED_IN,
        (
            Variable("points", Shape.POINTS, "The points for joining, if there were any.", 50, optional=True),
            *_FOR_MEMBERS,
        ),
    ),
    NoticeKind.GOODBYE: NoticeType(Audience.ADDRESSEE, (PROGRAMME,)),
    NoticeKind.GIFT_CARD: NoticeType(Audience.ADDRESSEE, _OF_A_CARD, needed=True),
    NoticeKind.GIFT_CARD_GIVEN: NoticeType(Audience.ADDRESSEE, _OF_A_CARD, needed=True),
    NoticeKind.MERGE_PROOF: NoticeType(
        Audience.ADDRESSEE,
        (
            Variable(
                "link",
                Shape.LINK,
                "Where the owner of the address confirms; it is good once.",
                "https://loyalty.example/merge/1-5f0c2a7e",
            ),
            Variable("hours", Shape.TEXT, "For how many hours the link is good.", "24"),
            PROGRAMME,
        ),
        needed=True,
    ),
    NoticeKind.MERGE_VERIFIED: NoticeType(Audience.OPTED_IN, (_OTHER_ADDRESS, *_FOR_MEMBERS)),
    NoticeKind.MERGE_DONE: NoticeType(
        Audience.OPTED_IN,
        (
            _OTHER_ADDRESS,
            Variable(
                "points",
                Shape.POINTS,
                "The points that came over, if there were any, with those that cannot be spent yet.",
                300,
                optional=True,
            ),
            *_FOR_MEMBERS,
        ),
    ),
    NoticeKind.MERGE_REJECTED: NoticeType(
        Audience.OPTED_IN,
        (
            _OTHER_ADDRESS,
            Variable("reason", Shape.TEXT, "What the staff say.", "The two accounts have different names."),
            *_FOR_MEMBERS,
        ),
    ),
    NoticeKind.EXCHANGE_ORDER: NoticeType(
        Audience.STAFF,
        (
            Variable("customer", Shape.TEXT, "The shop's id of the member.", "clara"),
            Variable("items", Shape.TEXT, "What was ordered, a line for each item.", "2 Stoneware cup (cup)"),
            Variable("points", Shape.POINTS, "The points that were spent.", 120),
            Variable("fee", Shape.MONEY, "The fee, if there is one.", 500, optional=True),
            Variable(
                "note",
                Shape.TEXT,
                "What the member said of delivery.",
                "Please ring twice.",
                optional=True,
                quoted=True,
            ),
            Variable("order", Shape.TEXT, "The id of the exchange order.", "5f0c2a7e9d134b6f8a01c3d2e4b59678"),
            PROGRAMME,
        ),
    ),
}


class Paragraph(NamedTuple):
    text: str


class Button(NamedTuple):
    label: str
    link: str
    """The name of a variable, or where it leads once the text is filled in."""


Block: TypeAlias = Paragraph | Button


def about_expiry(account: UUID, day: date, step: int) -> str:
    """What a notice of points is about that end on a local ``day``, told ``step`` days before or less."""
    return f"expiring {account.hex} {day} {step}"


def parsed_expiry(about: str) -> tuple[UUID, date, int]:
    """What ``about_expiry`` was given.

    >>> parsed_expiry(about_expiry(UUID(int=7), date(2027, 3, 31), 30))
    (UUID('00000000-0000-0000-0000-000000000007'), datetime.date(2027, 3, 31), 30)
    """
    _, account, day, step = about.split(" ")
    return UUID(hex=account), date.fromisoformat(day), int(step)


def checked_subject(kind: NoticeKind, value: object) -> str:
    """A subject for this kind. Raises InvalidInput, which names a variable that is wrong."""
    variables = TYPES[kind].variables
    sure = {variable.name for variable in variables if not (variable.optional or variable.shape is Shape.BATCHES)}
    if isinstance(value, str) and ("\n" in value or "\r" in value):
        raise InvalidInput("subject", "must not contain a line break")
    return placeholders.checked("subject", value, sure, SUBJECT_MAX)


def checked_body(kind: NoticeKind, value: object) -> str:
    """A text for this kind. Raises InvalidInput, which names a variable that is wrong."""
    variables = TYPES[kind].by_name
    body = text.paragraphs("body", value, BODY_MAX).strip()
    placeholders.check_variables("body", body, variables)
    for block in blocks_of(body):
        if isinstance(block, Button) and variables[block.link].shape is not Shape.LINK:
            raise InvalidInput("body", f"has a button that leads to {{{block.link}}}, which is no address")
    for missing in sorted(TYPES[kind].links_needed - set(placeholders.names_in(body))):
        raise InvalidInput("body", f"must have {{{missing}}}: without it the message is of no use")
    return body


def blocks_of(body: str) -> list[Block]:
    r"""The paragraphs and buttons of a text, not filled in yet.

    >>> blocks_of("Hello {name},\n\n[Look]({page})")
    [Paragraph(text='Hello {name},'), Button(label='Look', link='page')]
    """
    found: list[Block] = []
    for part in _BLANK_LINES.split(body.strip()):
        button = _BUTTON.fullmatch(part.strip())
        found.append(Paragraph(part.strip()) if button is None else Button(button[1], button[2]))
    return found


def filled_in(block: Block, values: Mapping[str, str | None]) -> Block | None:
    """The block with values in place of its variables; None, if one of them has none."""
    names = placeholders.names_in(block[0])
    if isinstance(block, Button):
        names = [*names, block.link]
    if any(values[name] is None for name in names):
        return None
    known = {name: value for name, value in values.items() if value is not None}
    written = placeholders.filled(block[0], known)
    return Paragraph(written) if isinstance(block, Paragraph) else Button(written, known[block.link])
