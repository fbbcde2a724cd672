"""Notices by mail as the staff keep them: what they say, who sends them, how they look, and tries."""

from datetime import datetime
from typing import Annotated, Any, Final, Self

import strawberry

from pointbook.domain import notices
from pointbook.domain.access import Right, staff
from pointbook.domain.notice_settings import NoticeSettings as Kept
from pointbook.domain.notices import TYPES, Audience, NoticeKind
from pointbook.graphql.context import Info
from pointbook.graphql.described import described_enum
from pointbook.graphql.errors import EditConflict, InvalidInput, MailNotConfigured, TooManyTestNotices
from pointbook.graphql.policies import mutation_field, query_field
from pointbook.services.notices import settings as notice_settings
from pointbook.services.notices import trying, wording
from pointbook.texts.notice_examples import examples
from pointbook.texts.notice_mail import written_value
from pointbook.texts.phrasing import Phrasing

_EDIT: Final = staff(Right.EDIT_NOTICES)
_LOCALE: Final = "One of the programme's locales."
_SUBJECT: Final = (
    "At most 150 characters in one line. Variables stand in braces: {points}; those that may have no value do not "
    "stand here."
)
_BODY: Final = (
    "Plain text of at most 5,000 characters. An empty line ends a paragraph; a paragraph with a variable that has "
    "no value is left out; one that is nothing but [label]({variable}) is a button that leads where it says."
)

described_enum(
    NoticeKind,
    "What a notice by mail tells.",
    POINTS_CREDITED="Points were earned.",
    POINTS_ADJUSTED="The staff gave or took points.",
    POINTS_EXPIRING="Points expire in some days (setting `expiryNoticeDays`).",
    WELCOME="The customer joined.",
    GOODBYE="The member left.",
    GIFT_CARD="The code of a gift card, to whoever bought it.",
    GIFT_CARD_GIVEN="The code of a gift card, to whom it was given.",
    MERGE_PROOF="Somebody asks for the account of the address; its owner proves it by a link.",
    MERGE_VERIFIED="The other account's address is proved, and the staff decide; to whoever asked.",
    MERGE_DONE="The other account is a part of the member's.",
    MERGE_REJECTED="The staff did not merge, and why.",
    EXCHANGE_ORDER="A member exchanged points for products; to the staff.",
)
described_enum(
    Audience,
    "Whom a notice goes to.",
    name="NoticeAudience",
    OPTED_IN="Members who want notices.",
    ADDRESSEE="Whoever it is about, whatever they said of notices.",
    STAFF="The addresses in the notice settings.",
)


@strawberry.type(description="What a text may name in braces.")
class NoticeVariable:
    name: str = strawberry.field(description="Its name, without the braces.")
    description: str = strawberry.field(description="What it stands for.")
    example: str | None = strawberry.field(description="What previews put in its place; null: nothing.")
    optional: bool = strawberry.field(
        description="Whether it may have no value: then its paragraph is left out. It does not stand in a subject."
    )

    @classmethod
    def of(cls, variable: notices.Variable, example: notices.Value, say: Phrasing) -> Self:
        return cls(
            name=variable.name,
            description=variable.means,
            example=written_value(example, variable.shape, say),
            optional=variable.optional,
        )


@strawberry.type(description="What a notice says, with its variables in braces.")
class NoticeText:
    subject: str = strawberry.field(description="The subject.")
    body: str = strawberry.field(description="The text.")


@strawberry.type(description="The programme's own words for a notice in a locale.")
class OwnNoticeText:
    subject: str = strawberry.field(description="The subject.")
    body: str = strawberry.field(description="The text.")
    version: int = strawberry.field(description="Counts its changes; name it in the next one.")
    changed_at: datetime = strawberry.field(description="When it was changed last.")
    changed_by: str = strawberry.field(description="Who changed it last: kind and id of a key.")
    changed_by_label: str | None = strawberry.field(description="What that key is called.")

    @classmethod
    def of(cls, own: wording.OwnText) -> Self:
        return cls(
            subject=own.text.subject,
            body=own.text.body,
            version=own.version,
            changed_at=own.changed_at,
            changed_by=own.changed_by,
            changed_by_label=own.label,
        )


@strawberry.type(description="What a kind of notice says in a locale.")
class NoticeTemplate:
    kind: NoticeKind = strawberry.field(description="The kind.")
    locale: str = strawberry.field(description="The locale.")
    audience: Audience = strawberry.field(description="Whom it goes to.")
    variables: list[NoticeVariable] = strawberry.field(description="What its texts may name.")
    default: NoticeText = strawberry.field(description="The product's words.")
    own: OwnNoticeText | None = strawberry.field(
        description="The programme's words, which are sent if there are any."
    )

    @classmethod
    def of(cls, found: wording.Wording, currency: str) -> Self:
        say, kind = Phrasing(found.locale, currency), TYPES[found.kind]
        shown = examples(found.kind, say.language)
        return cls(
            kind=found.kind,
            locale=found.locale,
            audience=kind.audience,
            variables=[NoticeVariable.of(variable, shown[variable.name], say) for variable in kind.variables],
            default=NoticeText(subject=found.default.subject, body=found.default.body),
            own=None if found.own is None else OwnNoticeText.of(found.own),
        )


@strawberry.type(description="Who sends the programme's notices, how they look, and which are sent.")
class NoticeSettings:
    sender_name: str | None = strawberry.field(
        description="Whom mails come from, and {programme}; null: the programme's name."
    )
    reply_to: str | None = strawberry.field(description="Where answers go; null: to the sender's address.")
    staff_addresses: list[str] = strawberry.field(description="Who is told of exchange orders.")
    footer: str | None = strawberry.field(description="What stands at the end of a mail, such as an imprint.")
    colour: str | None = strawberry.field(description="The colour of buttons, like #14597a; null: the product's.")
    logo_url: str | None = strawberry.field(
        description="Where mails load the logo from; null: the name stands there."
    )
    account_url: str | None = strawberry.field(description="Where members see their points: {account_page}.")
    off: list[NoticeKind] = strawberry.field(description="The kinds that are not sent.")

    @classmethod
    def of(cls, found: Kept) -> Self:
        return cls(
            sender_name=found.sender_name,
            reply_to=found.reply_to,
            staff_addresses=list(found.staff_addresses),
            footer=found.footer,
            colour=found.colour,
            logo_url=found.logo_url,
            account_url=found.account_url,
            off=sorted(found.off),
        )


@strawberry.type(description="A notice with example values.")
class NoticePreview:
    subject: str = strawberry.field(description="The subject.")
    text: str = strawberry.field(description="The part in plain text.")
    html: str = strawberry.field(
        description="The part in HTML, a whole page; show it in a frame of its own that runs no scripts."
    )


@strawberry.input(description="The programme's own words for a notice.")
class SaveNoticeTemplateInput:
    kind: NoticeKind = strawberry.field(description="Which notice.")
    locale: str = strawberry.field(description=_LOCALE)
    subject: str = strawberry.field(description=_SUBJECT)
    body: str = strawberry.field(description=_BODY)
    version: int = strawberry.field(
        default=0, description="The version of the own text that you have seen; 0: there was none."
    )


@strawberry.input(description="Which notice is to say what the product says.")
class ResetNoticeTemplateInput:
    kind: NoticeKind = strawberry.field(description="Which notice.")
    locale: str = strawberry.field(description=_LOCALE)


@strawberry.input(description="What to change; what is left out stays, null empties.")
class ChangeNoticeSettingsInput:
    sender_name: str | None = strawberry.field(default=strawberry.UNSET, description="At most 80 characters.")
    reply_to: str | None = strawberry.field(default=strawberry.UNSET, description="One address.")
    staff_addresses: list[str] | None = strawberry.field(
        default=strawberry.UNSET, description="At most 10 addresses."
    )
    footer: str | None = strawberry.field(
        default=strawberry.UNSET, description="Plain text of at most 500 characters; it may have lines."
    )
    colour: str | None = strawberry.field(default=strawberry.UNSET, description="A colour like #14597a.")
    logo_url: str | None = strawberry.field(default=strawberry.UNSET, description="An https address.")
    account_url: str | None = strawberry.field(default=strawberry.UNSET, description="An https address.")
    off: list[NoticeKind] | None = strawberry.field(
        default=strawberry.UNSET,
        description="The kinds that are not to be sent. Mail that something needs, such as a card's, stays on.",
    )

    def changes(self) -> dict[str, Any]:
        given = {name: value for name, value in vars(self).items() if value is not strawberry.UNSET}
        for name, kind in (("staff_addresses", tuple), ("off", frozenset)):
            if name in given:
                given[name] = kind(given[name] or ())
        return given


@strawberry.input(description="A notice to try, and where it is to go.")
class SendTestNoticeInput:
    kind: NoticeKind = strawberry.field(description="Which notice.")
    locale: str = strawberry.field(description=_LOCALE)
    to: str = strawberry.field(description="The address.")


@strawberry.type(description="What is said from now on.")
class SaveNoticeTemplateSuccess:
    template: NoticeTemplate = strawberry.field(description="The notice in that locale.")


@strawberry.type(description="The product's words are said again.")
class ResetNoticeTemplateSuccess:
    template: NoticeTemplate = strawberry.field(description="The notice in that locale.")


@strawberry.type(description="The settings are as was asked.")
class ChangeNoticeSettingsSuccess:
    settings: NoticeSettings = strawberry.field(description="All of them.")


@strawberry.type(description="The mail is on its way; the worker sends it within seconds.")
class SendTestNoticeSuccess:
    to: str = strawberry.field(description="The address.")


PreviewNoticeResult = Annotated[
    NoticePreview | InvalidInput,
    strawberry.union("PreviewNoticeResult", description="The notice, or what is wrong with its words."),
]
SaveNoticeTemplateResult = Annotated[
    SaveNoticeTemplateSuccess | InvalidInput | EditConflict,
    strawberry.union("SaveNoticeTemplateResult", description="The notice, or why it says what it said before."),
]
ResetNoticeTemplateResult = Annotated[
    ResetNoticeTemplateSuccess | InvalidInput,
    strawberry.union("ResetNoticeTemplateResult", description="The notice, or why nothing was changed."),
]
ChangeNoticeSettingsResult = Annotated[
    ChangeNoticeSettingsSuccess | InvalidInput,
    strawberry.union("ChangeNoticeSettingsResult", description="The settings, or why nothing was changed."),
]
SendTestNoticeResult = Annotated[
    SendTestNoticeSuccess | InvalidInput | MailNotConfigured | TooManyTestNotices,
    strawberry.union("SendTestNoticeResult", description="Where it goes, or why nothing is sent."),
]


@strawberry.type
class NoticeQuery:
    @query_field(_EDIT, "What notices by mail say, in each of the programme's locales.")
    async def notice_templates(
        self,
        info: Info,
        kind: Annotated[NoticeKind | None, strawberry.argument(description="Only of this kind.")] = None,
    ) -> list[NoticeTemplate]:
        installation, programme_id = info.context.tenant
        found = await wording.list_wordings(installation, programme_id, kind)
        currency = (await installation.programmes.get(programme_id)).currency
        return [NoticeTemplate.of(each, currency) for each in found]

    @query_field(_EDIT, "Who sends notices, how they look, and which are sent.")
    async def notice_settings(self, info: Info) -> NoticeSettings:
        return NoticeSettings.of(await notice_settings.find_settings(*info.context.tenant))

    @query_field(_EDIT, "A notice with example values, also in words that are not saved.")
    async def preview_notice(
        self,
        info: Info,
        kind: Annotated[NoticeKind, strawberry.argument(description="Which notice.")],
        locale: Annotated[str, strawberry.argument(description=_LOCALE)],
        subject: Annotated[
            str | None, strawberry.argument(description=f"{_SUBJECT} Null: what is said now.")
        ] = None,
        body: Annotated[str | None, strawberry.argument(description=f"{_BODY} Null: what is said now.")] = None,
    ) -> PreviewNoticeResult:
        mail = await trying.preview(*info.context.tenant, trying.Preview(kind, locale, subject, body))
        return NoticePreview(subject=mail.subject, text=mail.text, html=mail.html)


@strawberry.type
class NoticeMutation:
    @mutation_field(_EDIT, "Let a notice say something in the programme's own words.")
    async def save_notice_template(
        self,
        info: Info,
        input: Annotated[SaveNoticeTemplateInput, strawberry.argument(description="The words.")],  # noqa: A002
    ) -> SaveNoticeTemplateResult:
        command = wording.SaveText(input.kind, input.locale, input.subject, input.body, input.version)
        installation, programme_id = info.context.tenant
        saved = await wording.save_text(installation, info.context.principal, command, now=info.context.now)
        currency = (await installation.programmes.get(programme_id)).currency
        return SaveNoticeTemplateSuccess(template=NoticeTemplate.of(saved, currency))

    @mutation_field(_EDIT, "Let a notice say what the product says.")
    async def reset_notice_template(
        self,
        info: Info,
        input: Annotated[ResetNoticeTemplateInput, strawberry.argument(description="Which one.")],  # noqa: A002
    ) -> ResetNoticeTemplateResult:
        installation, programme_id = info.context.tenant
        reset = await wording.reset_text(
            installation, info.context.principal, input.kind, input.locale, now=info.context.now
        )
        currency = (await installation.programmes.get(programme_id)).currency
        return ResetNoticeTemplateSuccess(template=NoticeTemplate.of(reset, currency))

    @mutation_field(_EDIT, "Change who sends notices, how they look, and which are sent.")
    async def change_notice_settings(
        self,
        info: Info,
        input: Annotated[ChangeNoticeSettingsInput, strawberry.argument(description="What to change.")],  # noqa: A002
    ) -> ChangeNoticeSettingsResult:
        changed = await notice_settings.change_settings(
            info.context.tenant[0], info.context.principal, input.changes(), now=info.context.now
        )
        return ChangeNoticeSettingsSuccess(settings=NoticeSettings.of(changed))

    @mutation_field(_EDIT, "Send a notice with example values to an address, at most 20 in an hour.")
    async def send_test_notice(
        self,
        info: Info,
        input: Annotated[SendTestNoticeInput, strawberry.argument(description="Which, and where to.")],  # noqa: A002
    ) -> SendTestNoticeResult:
        await trying.send_test(
            info.context.tenant[0],
            info.context.principal,
            input.kind,
            input.locale,
            input.to,
            now=info.context.real_now,
        )
        return SendTestNoticeSuccess(to=input.to)
