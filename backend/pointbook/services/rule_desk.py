"""The earning rules of a programme while one caller changes them: locked, looked at, appended to.

A change is a version, in force once every process has heard of it. Changes queue on the programme's row.
"""

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import orjson

from pointbook.db.queries.programmes import lock_programme
from pointbook.db.session import Connection
from pointbook.domain import text
from pointbook.domain.errors import EditConflict, InvalidInput, RuleNotFound
from pointbook.domain.rules import Known, Rule, RuleState, RuleVersion, Standard, check_rule, write_rule
from pointbook.services import audit
from pointbook.services.audit import Action, Change
from pointbook.services.directory import SETTINGS_NOTICE, ProgrammeSnapshot, ProgrammeState
from pointbook.services.installation import Installation

RULES_MAX: Final = 2_000
"""Of one programme, not counting deleted ones."""
RULE_VERSIONS_MAX: Final = 50_000
"""Of one programme; what stops a rule is never refused."""


@contextlib.asynccontextmanager
async def locked_rules(
    installation: Installation, programme_id: int, by: str, now: datetime
) -> AsyncIterator["RuleDesk"]:
    """A transaction that holds the programme's row; afterwards this process asks anew."""
    async with installation.db.bare_transaction(programme_id) as connection:
        await lock_programme(connection, programme_id)
        programme = await installation.programmes.inside(connection, programme_id)
        yield RuleDesk(connection, programme, programme.book.newest(), by, now)
    installation.programmes.forget(programme_id)


@dataclass(frozen=True, slots=True)
class RuleDesk:
    """The rules of a programme while nobody else changes them."""

    connection: Connection
    programme: ProgrammeSnapshot
    newest: dict[str, RuleVersion]
    by: str
    now: datetime

    @property
    def earliest(self) -> datetime:
        """When every process will have heard of a change; a draft earns nothing, so there it may be at once."""
        return self.now if self.programme.state is ProgrammeState.DRAFT else self.now + SETTINGS_NOTICE

    def starts(self, wanted: datetime | None, newest: RuleVersion | None) -> datetime:
        """From when a change counts: not before the rule's newest version does."""
        least = self.earliest if newest is None else max(self.earliest, newest.effective_from)
        if wanted is not None and wanted < least:
            raise InvalidInput("effectiveFrom", f"must not be before {least.isoformat()}")
        return least if wanted is None else wanted

    def seen(self, key: str, version: int) -> RuleVersion:
        newest = self.newest.get(key)
        if newest is None or newest.state is RuleState.DELETED:
            raise RuleNotFound(text.shown(key))
        if newest.version != version:
            raise EditConflict(key, newest.version)
        return newest

    def checked_key(self, key: str) -> str:
        text.identifier("key", key, text.MAX_WORD)
        if key in Standard.__members__:
            raise InvalidInput("key", "names what the settings give")
        if key in self.newest:
            raise EditConflict(key, self.newest[key].version)
        return key

    def checked(self, rule: Rule, starts: datetime) -> Rule:
        """The rule, if all that it names is there and its points can be spent under the settings of that time."""
        return checked_rule(self.programme, self.newest, rule, starts)

    @property
    def kept(self) -> list[RuleVersion]:
        return _kept(self.newest)

    def refuse_too_many(self) -> None:
        if len(self.kept) >= RULES_MAX:
            raise InvalidInput("rule", f"a programme has at most {RULES_MAX} rules")
        self.refuse_too_many_versions()

    def refuse_too_many_versions(self) -> None:
        if len(self.programme.book.versions) >= RULE_VERSIONS_MAX:
            raise InvalidInput("rule", f"a programme has at most {RULE_VERSIONS_MAX} versions of rules")

    def stopped(self, newest: RuleVersion, state: RuleState) -> list[RuleVersion]:
        """Versions that stop a rule at once, and again wherever a version was to come into force later."""
        own = [version for version in self.programme.book.versions if version.key == newest.key]
        instants = {self.earliest, *(version.effective_from for version in own)}
        made: list[RuleVersion] = []
        for instant in sorted(instant for instant in instants if instant >= self.earliest):
            begun = [version for version in own if version.effective_from <= instant]
            if begun:
                content = max(begun, key=lambda version: (version.effective_from, version.version))
                number = newest.version + len(made) + 1
                made.append(replace(content, version=number, effective_from=instant, state=state))
        return made

    async def append(self, action: Action, before: RuleVersion | None, made: Sequence[RuleVersion]) -> None:
        """Write versions with the audit of the change, of which the last one tells."""
        currency = self.programme.currency
        await self.connection.executemany(_INSERT, [self._row(version) for version in made])
        await self.connection.execute(_BUMP, self.programme.id)
        change = Change(
            action,
            f"rule {made[-1].key}",
            None if before is None else _audited(before, currency),
            _audited(made[-1], currency),
        )
        await audit.append(self.connection, self.programme.id, [change], by=self.by, now=self.now)

    def _row(self, version: RuleVersion) -> tuple[object, ...]:
        currency = self.programme.currency
        document = orjson.dumps(write_rule(version.rule, currency)).decode()
        return (
            self.programme.id,
            version.key,
            version.version,
            version.number,
            version.state.value,
            version.effective_from,
            currency,
            document,
            self.now,
            self.by,
        )


def checked_rule(
    programme: ProgrammeSnapshot, newest: Mapping[str, RuleVersion], rule: Rule, starts: datetime
) -> Rule:
    """The rule, if all that it names is there and its points can be spent, by the settings then and planned later.

    ``newest`` are the programme's rules, each as it was made last. Raises InvalidInput naming the field.
    """
    known = Known(
        stores=programme.stores,
        entry_channels=programme.entry_channels,
        exit_channels=programme.exit_channels,
        locales=programme.locales,
        rules={version.key: version.rule.kind for version in _kept(newest)},
    )
    planned = {version.effective_from for version in programme.versions if version.effective_from > starts}
    for instant in (starts, *sorted(planned)):
        check_rule(rule, known, programme.settings_at(instant))
    return rule


def _kept(newest: Mapping[str, RuleVersion]) -> list[RuleVersion]:
    return [version for version in newest.values() if version.state is not RuleState.DELETED]


def _audited(version: RuleVersion, currency: str) -> dict[str, Any]:
    return {
        "version": version.version,
        "state": version.state.value,
        "effectiveFrom": version.effective_from.isoformat(),
        "rule": write_rule(version.rule, currency),
    }


_INSERT = """
insert into earning_rule_version
    (programme_id, rule_key, version, number, state, effective_from, currency, document, created_at, created_by)
values ($1, $2, $3, $4, $5, $6, $7, $8::text::jsonb, $9, $10)
"""

_BUMP = "update programme set rules_revision = rules_revision + 1 where id = $1"
