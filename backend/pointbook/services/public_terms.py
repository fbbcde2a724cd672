"""What a programme says of itself to everybody: the rules that give points now, and its conditions. Reads only."""

from dataclasses import dataclass
from datetime import datetime

from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.domain.rules import RuleVersion, giving
from pointbook.services.directory import ProgrammeSnapshot, StoreSnapshot
from pointbook.services.installation import Installation
from pointbook.texts import Guidelines


@dataclass(frozen=True, slots=True)
class GivingRules:
    """The rules that give points at an instant, the oldest first, and the ``settings`` of that instant."""

    versions: tuple[RuleVersion, ...]
    settings: ProgrammeSettings
    programme: ProgrammeSnapshot
    keys: frozenset[str]
    """Of these rules, and of what the settings give."""

    def stores_of(self, version: RuleVersion) -> list[StoreSnapshot] | None:
        """The stores in which a rule gives points, without those that are off; None: everywhere."""
        stores = version.rule.stores
        if stores is None:
            return None
        found = (self.programme.stores.get(store) for store in stores)
        return [store for store in found if store is not None and store.active]


async def giving_rules(installation: Installation, programme_id: int, *, now: datetime) -> GivingRules:
    programme = await installation.programmes.get(programme_id)
    settings = programme.settings_at(now)
    versions = giving(
        programme.book.versions,
        settings,
        programme.zone,
        now=now,
        earns=programme.earns,
        open_stores={store.store_id for store in programme.open_stores},
    )
    standard = (rule.key for rule in programme.engine_at(now).rules if rule.version is None)
    keys = frozenset(standard).union(version.key for version in versions)
    return GivingRules(versions, settings, programme, keys)


async def programme_guidelines(
    installation: Installation, programme_id: int, locale: str | None, *, now: datetime
) -> Guidelines:
    """The conditions as they are now; ``locale`` None: in the programme's first."""
    programme = await installation.programmes.get(programme_id)
    return await installation.guidelines.get(programme, locale or programme.locales[0], now)
