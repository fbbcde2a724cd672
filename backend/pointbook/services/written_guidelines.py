"""Conditions that were written a moment ago, for whoever asks next: writing those of many rules takes long."""

import asyncio
from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from pointbook.domain.guidelines import Terms
from pointbook.services.directory import CACHE_LIFE, ProgrammeSnapshot
from pointbook.texts import Guidelines, Phrasing, guidelines

_LIFE: Final = timedelta(seconds=CACHE_LIFE)
_KEPT: Final = 500


class _Written(NamedTuple):
    programme: ProgrammeSnapshot
    at: datetime
    guidelines: Guidelines


class WrittenGuidelines:
    """The last conditions of each programme and language; good for as long as a snapshot of the programme is."""

    __slots__ = ("_written",)

    def __init__(self) -> None:
        self._written: OrderedDict[tuple[int, str], _Written] = OrderedDict()

    async def get(self, programme: ProgrammeSnapshot, locale: str, now: datetime) -> Guidelines:
        """The programme's conditions as they are at ``now``; another thread writes them."""
        tag = Phrasing.of_texts(locale, programme.currency).tag  # of all that is asked for there are only so many
        known = self._written.get((programme.id, tag))
        if known is None or known.programme is not programme or not known.at <= now < known.at + _LIFE:
            known = _Written(programme, now, await asyncio.to_thread(_write, programme, tag, now))
            self._written[programme.id, tag] = known
            self._written.move_to_end((programme.id, tag))
            if len(self._written) > _KEPT:
                self._written.popitem(last=False)
        return known.guidelines


def _write(programme: ProgrammeSnapshot, locale: str, now: datetime) -> Guidelines:
    terms = Terms.in_force(
        programme.name,
        programme.currency,
        programme.zone,
        programme.settings_at(now),
        programme.book.versions,
        now=now,
        stores={store.store_id: store.name for store in programme.open_stores},
        earns=programme.earns,
    )
    return guidelines(terms, locale)
