"""Loading a suppression list: the file is the whole list, and its numbers are barred at once."""

import asyncio
import hashlib
from datetime import datetime
from uuid import UUID

from chassis import Conflict, FieldError, Invalid, NotFound, OutputModel, Reader
from recobro_events import Transaction
from recobro_events.contracts.dialer_feed import WithdrawalReason

from dialer_feed.suppression import queries, rules
from dialer_feed.withdrawals.silencing import silencing
from dialer_feed.withdrawals.withdrawing import Cause

_AT_ONCE = 50_000


class Version(OutputModel):
    """A version of a suppression list: how many numbers it holds, and how many came and went with it.

    ``official`` is the jurisdiction whose profile names the list; null for a list of our own. ``sha256`` is the file's.
    """

    name: str
    version: int
    official: str | None
    numbers: int
    added: int
    removed: int
    sha256: str
    loaded_at: datetime
    by: str | None


class TooManyLists(Conflict):
    code = "too-many-suppression-lists"
    detail = f"There may be at most {rules.MOST_LISTS} suppression lists."


class SuppressionListUnknown(NotFound):
    code = "suppression-list-unknown"
    detail = "There is no such suppression list."


class NoNumbers(Invalid):
    code = "no-numbers"
    detail = "The file has no numbers. To end a list, send it with allow_empty=true."


async def load(tx: Transaction, name: str, content: bytes, jurisdiction: str, *, allow_empty: bool) -> Version:
    """Make the file the list's new version. The same file again changes nothing.

    The numbers leave the live lists in the same transaction. 422 names the first wrong lines; nothing is changed then.
    """
    hashes = await asyncio.to_thread(_hashes, content, jurisdiction)
    if not hashes and not allow_empty:
        raise NoNumbers()
    if await tx.fetchval(queries.COUNT, name) >= rules.MOST_LISTS:
        raise TooManyLists()
    await tx.execute(queries.ADD_LIST, name)
    await tx.fetchval(queries.LOCK_LIST, name)
    digest = hashlib.sha256(content).digest()
    newest = await tx.fetchrow(queries.NEWEST, name)
    if newest is not None and newest["digest"] == digest:
        return await _shown(tx, name, newest["version"])
    moment = await tx.fetchval("SELECT clock_timestamp()")
    version = 1 if newest is None else newest["version"] + 1
    added = 0
    for n in range(0, len(hashes), _AT_ONCE):
        added += await tx.fetchval(queries.ADD, name, hashes[n : n + _AT_ONCE], moment)
    removed = await tx.fetchval(queries.REMOVE, name, hashes, moment)
    await tx.execute(queries.KEEP_VERSION, name, version, len(hashes), added, removed, digest, moment)
    await _withdraw(tx, name, moment)
    return await _shown(tx, name, version)


def _hashes(content: bytes, jurisdiction: str) -> list[bytes]:
    try:
        hashes = rules.hashes_of(content.decode("utf-8"), jurisdiction)
    except UnicodeDecodeError:
        raise Invalid("The file must be UTF-8 text.", code="not-text") from None
    except rules.WrongLines as wrong:
        errors = [FieldError(f"/{line}", "must be a phone number or the SHA-256 of one") for line in wrong.lines]
        raise Invalid("Some lines are no numbers. Nothing was changed.", code="wrong-lines", errors=errors) from None
    if len(hashes) > rules.MOST_NUMBERS:
        raise Invalid(f"A list may have {rules.MOST_NUMBERS} numbers.", code="too-many-numbers")
    return hashes


async def _withdraw(tx: Transaction, name: str, moment: datetime) -> None:
    """Take the new numbers off their live entries; an entry without any other number is withdrawn."""
    rows = await tx.fetch(queries.ON_LIVE_LISTS, name, moment)
    if not rows:
        return
    contact_ids: list[UUID] = [row["contact_id"] for row in rows]
    causes = [Cause(row["contract_id"], WithdrawalReason.OPTED_OUT, None, moment) for row in rows]
    async with silencing(tx, {row["contract_id"] for row in rows}) as lists:
        await lists.withdraw_numbers(causes, contact_ids)


async def _shown(reader: Reader, name: str, version: int) -> Version:
    row = await reader.fetchrow(queries.ONE, name, version)
    assert row is not None
    return Version(**row, official=rules.official_lists().get(name))
