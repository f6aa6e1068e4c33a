"""Tries a file without applying it. Each chunk is applied as always, its effects are noted, and then it is undone.

So a dry run says what the same code would do. It takes the locks of a chunk for a moment, and leaves nothing but its
counts and findings. Payments between two chunks are not seen by the first.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial
from typing import Any
from uuid import UUID

from recobro_events import Database, Row, Transaction, step

from portfolio import metrics
from portfolio.files import applying, applying_queries, findings, queries
from portfolio.files.work import Work, columns_of
from portfolio.portfolios import portfolios
from portfolio.portfolios import queries as portfolio_queries


class _Undone(Exception):
    """Carries what a chunk has done out of the transaction that is rolled back."""

    def __init__(self, found: Sequence[Mapping[str, Any]], last: str, contracts: int) -> None:
        super().__init__("a dry run")
        self.found = found
        self.last = last
        self.contracts = contracts


async def run(database: Database, work: Work, chunk_contracts: int) -> None:
    """Try the file, from the point at which an earlier attempt stopped."""
    after: str | None = await step(database, partial(_position, work=work))
    while True:
        try:
            async with database.transaction() as tx:
                await _try_chunk(tx, work, after, chunk_contracts)
                break
        except _Undone as undone:
            after = undone.last
            await step(database, partial(_note, work=work, undone=undone))
    await step(database, lambda tx: _finish(tx, work))


async def _position(tx: Transaction, work: Work) -> str | None:
    file = await tx.fetchrow(queries.LOCKED, work.file_id)
    assert file is not None
    applied_to: str | None = file["applied_to"]
    return applied_to


async def _try_chunk(tx: Transaction, work: Work, after: str | None, chunk_contracts: int) -> None:
    """Apply the next contracts and raise ``_Undone``. Returns when none is left."""
    day = await _day(tx, work)
    file = await tx.fetchrow(queries.LOCKED, work.file_id)
    if file is None or file["status"] != "loading":
        return
    rows = await tx.fetch(applying_queries.CHUNK, work.file_id, after, chunk_contracts)
    if not rows:
        return
    ids = [row["contract_id"] for row in rows]
    before = {row["contract_id"]: row for row in await tx.fetch(applying_queries.BALANCES, ids)}
    newest = await tx.fetchval(findings.NEWEST, work.file_id)
    await (applying.amend if work.mode == "amend" else applying.state)(tx, work, columns_of(file), day, rows)
    found = await tx.fetch(findings.SINCE, work.file_id, newest)
    aside = {row["contract_id"] for row in found if row["kind"] == "set_aside"}
    after_it = [row for row in await tx.fetch(applying_queries.BALANCES, ids) if row["contract_id"] not in aside]
    raise _Undone([*map(dict, found), *_changes(work, before, after_it)], rows[-1]["contract_number"], len(rows))


async def _day(tx: Transaction, work: Work) -> date:
    """The business date that the portfolio would have: the file's day moves it forward."""
    known: date | None = await tx.fetchval(portfolio_queries.BUSINESS_DATE, work.portfolio_id)
    return work.as_of if known is None else max(known, work.as_of)


def _changes(work: Work, before: dict[UUID, Row], after: Sequence[Row]) -> list[dict[str, Any]]:
    """What happened to each contract, as findings. One that was left as it was is none."""
    changes: list[dict[str, Any]] = []
    for row in after:
        known = before.get(row["contract_id"])
        if known is None:
            kind = "would_register"
        elif row["file_id"] == work.file_id or (work.mode == "amend" and row["version"] != known["version"]):
            kind = "would_revise"
        else:
            continue
        stated = {"kind": kind, "contract_id": row["contract_id"], "contract_number": row["contract_number"]}
        known_balance = None if known is None else str(known["total_balance"])
        changes.append({**stated, "stated": str(row["total_balance"]), "known": known_balance})
    return changes


async def _note(tx: Transaction, work: Work, undone: _Undone) -> None:
    names = ("kind", "contract_id", "contract_number", "instalment", "stated", "known", "detail")
    columns = [[row.get(name) for row in undone.found] for name in names]
    await tx.execute(findings.NOTE, work.file_id, *columns)
    await tx.execute(applying_queries.APPLIED_TO, work.file_id, undone.last, undone.contracts)


async def _finish(tx: Transaction, work: Work) -> None:
    await portfolios.locked(tx, work.portfolio_id)
    file = await tx.fetchrow(queries.LOCKED, work.file_id)
    if file is None or file["status"] != "loading":
        return
    seconds = await tx.fetchval(applying_queries.LOADED, work.file_id)
    tx.after_commit(partial(metrics.file_ended, "tried", seconds))
