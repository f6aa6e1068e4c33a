"""Applies what a file states of the people besides the debtor.

What the rows of a contract state of a role replaces what files have stated of it before. A column that the file does
not have says nothing, and neither do cells that are all empty, unless the portfolio clears by empty cells. What a
person has said of a party, a correction or a removal, holds against files.
"""

from collections.abc import Collection, Sequence
from uuid import UUID

from recobro_events import Transaction

from portfolio.debtors.party_queries import REMEMBER_MARKS, SHARE_NUMBERS_OF
from portfolio.files import contacts_queries
from portfolio.files import parties_queries as queries
from portfolio.files.work import Work
from portfolio.ledger.limits import PARTIES
from portfolio.tabular.profiles import PARTY_COLUMN, PartyColumn


async def share_numbers(tx: Transaction, work: Work) -> None:
    """Keep the marks of parties' numbers as they are until the transaction ends. Call it before rows are locked."""
    await tx.execute(SHARE_NUMBERS_OF, work.creditor_id)


def _stating(columns: Collection[str | None]) -> list[PartyColumn]:
    return [PARTY_COLUMN[column] for column in columns if column is not None and column in PARTY_COLUMN]


def _roles(columns: Collection[str | None]) -> list[str]:
    return sorted({one.role for one in _stating(columns)})


async def add(tx: Transaction, work: Work, columns: Sequence[str | None], contract_ids: Collection[UUID]) -> None:
    """Add the parties of the file, and the numbers of parties, that these contracts do not have. None is replaced."""
    if _roles(columns):
        await tx.execute(queries.ADD_PARTIES, work.file_id, contract_ids, PARTIES)
        await tx.execute(queries.ADD_POINTS, work.file_id, contract_ids)
        await tx.execute(REMEMBER_MARKS, contract_ids)


async def state(
    tx: Transaction,
    work: Work,
    columns: Sequence[str | None],
    registered: Collection[UUID],
    revised: Collection[UUID],
) -> None:
    """Apply the parties of new and of known contracts. ``columns`` are those of the file."""
    roles = _roles(columns)
    if not roles:
        return
    stated = sorted({*registered, *revised})
    clear = bool(await tx.fetchval(contacts_queries.CLEARS, work.portfolio_id))
    if revised:
        await tx.execute(queries.RETIRE_PARTIES, work.file_id, revised, roles, clear)
    await tx.execute(queries.PUT_PARTIES, work.file_id, stated, PARTIES)
    kinds = sorted({f"{one.role} {one.what}" for one in _stating(columns) if one.what in ("phone", "email")})
    if revised:
        await tx.execute(queries.RETIRE_POINTS, work.file_id, revised, kinds, clear)
    await tx.execute(queries.PUT_POINTS, work.file_id, stated)
    await tx.execute(REMEMBER_MARKS, stated)
