"""What was too much to be released when its member was found is released by the worker, part by part (R14).

Each part is a transaction that takes its message away and promises the next one, so that a worker which dies
loses nothing and does nothing twice.
"""

from collections.abc import Callable
from datetime import datetime

from pointbook import ledger
from pointbook.db.queries import members as rows
from pointbook.services import outbox
from pointbook.services.directory import AccountKey, ProgrammeChangedError, ProgrammeSnapshot, check_unchanged
from pointbook.services.granting import Together
from pointbook.services.installation import Installation
from pointbook.services.judging import Judge
from pointbook.services.members import MemberState, member_of
from pointbook.services.outbox import Message
from pointbook.services.releasing import Names, Releasing


async def release_rest(installation: Installation, clock: Callable[[], datetime], message: Message, /) -> None:
    """Release the next part, for who has the account by now, by what is in force now.

    What is still parked when its member does not earn any more, or the programme is closed, goes on waiting.
    """
    programme = await installation.programmes.get(message.programme_id)
    try:
        await _release(installation, programme, message, programme.now(clock()))
    except ProgrammeChangedError:
        installation.programmes.forget(programme.id)
        raise  # delivered again, by what it is now


async def _release(
    installation: Installation, programme: ProgrammeSnapshot, message: Message, now: datetime
) -> None:
    said = message.payload
    credited = None if said["credited"] is None else Together.of(said["credited"])
    async with installation.db.bare_transaction(programme.id) as connection:
        account_id = await rows.account_of(connection, programme.id, said["account"])
        locked = {} if account_id is None else await ledger.lock(connection, programme.id, [account_id])
        if not await outbox.withdraw(connection, programme.id, message.id):
            return  # another worker was faster
        row = await rows.locked(connection, programme.id, next(iter(locked.values()), 0))
        if row is None:
            return  # the member has left
        member, judge = member_of(row), Judge(programme, now)
        account = AccountKey(member.account_id, member.public_id)
        releasing = Releasing(programme, judge, said["tells"], now)
        goes_on = judge.version.settings.release_parked_on_join and programme.is_open
        names = await rows.external_ids(connection, programme.id, account.account_id)
        email = member.email if member.email_verified else None
        waiting = [Names(name, email) for name in names] if goes_on and member.state is MemberState.ACTIVE else []
        await releasing.release_more(connection, account, waiting, said["together"], credited)
        await check_unchanged(connection, programme)
