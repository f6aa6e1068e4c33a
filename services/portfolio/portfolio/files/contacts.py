"""Applies what a file states of phones, e-mails and addresses.

What the rows of a contract state replaces what the creditor has stated before. A column that the file does not have
says nothing, and neither do cells that are all empty, unless the portfolio clears by empty cells. What others than the
creditor have given stays. A number found wrong and an address that was checked stay so while files repeat the value;
another value is the creditor's new word. The file's findings list both.
"""

from collections.abc import Collection, Sequence
from uuid import UUID

from recobro_events import Transaction

from portfolio.debtors import opt_outs
from portfolio.files import contacts_queries as queries
from portfolio.files.reader.addresses import PARTS
from portfolio.files.work import Work
from portfolio.ledger.limits import CONTACTS_BEFORE_ADDING
from portfolio.tabular.profiles import REPEATED

_CONTACTS = (*REPEATED["phone"], *REPEATED["email"])


async def add(tx: Transaction, work: Work, columns: Sequence[str | None], contract_ids: Collection[UUID]) -> None:
    """Add the contact points and addresses of the file that these contracts do not have. Nothing is replaced."""
    parts = [part for part in PARTS if part in columns]
    await opt_outs.recall_stated(tx, work.creditor_id, work.file_id, contract_ids)
    await tx.execute(queries.ADD_CONTACT_POINTS, work.file_id, contract_ids, False, CONTACTS_BEFORE_ADDING)  # noqa: FBT003
    if parts:
        await tx.execute(queries.ADD_ADDRESSES, work.file_id, contract_ids, work.jurisdiction, parts)


async def state(
    tx: Transaction,
    work: Work,
    columns: Sequence[str | None],
    registered: Collection[UUID],
    revised: Collection[UUID],
) -> None:
    """Apply the contact points and addresses of new and of known contracts. ``columns`` are those of the file."""
    contacts = [column for column in _CONTACTS if column in columns]
    parts = [part for part in PARTS if part in columns]
    stated = sorted({*registered, *revised})
    clear = bool(await tx.fetchval(queries.CLEARS, work.portfolio_id))
    await opt_outs.recall_stated(tx, work.creditor_id, work.file_id, stated)
    await tx.execute(queries.PUT_CONTACT_POINTS, work.file_id, stated, clear and bool(parts))
    if contacts and revised:
        await tx.execute(queries.LIST_WRONG_CONTACTS, work.file_id, revised, contacts, clear)
        await tx.execute(queries.RETIRE_CONTACT_POINTS, work.file_id, revised, contacts, clear)
    if parts:
        has_kind = "address_kind" in columns
        if revised and not has_kind:
            await tx.execute(queries.TAKE_KNOWN_KIND, work.file_id, revised, parts)
        if revised:
            await tx.execute(queries.LIST_CHECKED_ADDRESSES, work.file_id, revised, parts)
        await tx.execute(queries.PUT_ADDRESSES, work.file_id, stated, work.jurisdiction, parts)
        if revised:
            await tx.execute(queries.DELETE_ADDRESSES, work.file_id, revised, has_kind, clear)
