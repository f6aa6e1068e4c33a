"""Applies a file that has been read to its portfolio, contract by contract in resumable chunks.

Each chunk is one transaction, which also stores how far the file is applied. A payment for a contract of the chunk is
applied before or after this transaction. ``loading`` is published before the first chunk, ``ready`` after the last.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from uuid import UUID

import structlog
from recobro_events import Database, Row, Transaction, sorted_unique, step
from recobro_events.contracts.portfolio import (
    ContractRegistered,
    ContractRevised,
    PortfolioFileLoaded,
    PortfolioState,
    StageCause,
)

from portfolio import metrics
from portfolio.charges import laying
from portfolio.files import (
    amending,
    applying_queries,
    comparing,
    comparing_queries,
    contacts,
    parties,
    people,
    queries,
)
from portfolio.files.work import Work, columns_of
from portfolio.ledger import history
from portfolio.ledger.changes import record_whole
from portfolio.ledger.limits import LARGEST_BALANCE
from portfolio.ledger.positions import publish_reapplied, reapply_payments
from portfolio.ledger.whole import publish_whole
from portfolio.payments.queries import RESTORE_ABSORBED
from portfolio.people import linking
from portfolio.portfolios import portfolios
from portfolio.portfolios import queries as portfolio_queries
from portfolio.stages import bands, daily_run, pausing
from portfolio.strategy import judging

_log = structlog.get_logger(__name__)
CHUNK_CONTRACTS = 500
INTERNAL = "internal"
"""The error code of a file that fails because of a defect of this service."""

_OUR_FAULT = frozenset({INTERNAL, "reading_failed", "interrupted"})

_CLOSED_FOR_GOOD = frozenset({"returned", "written_off", "erased"})
"""The states of contracts that no file changes. ``erased``: the data of the debtor were erased."""


async def apply(database: Database, work: Work, chunk_contracts: int = CHUNK_CONTRACTS) -> None:
    """Apply the file, from the point at which an earlier attempt stopped."""
    if not await step(database, lambda tx: begin(tx, work)):
        return
    await daily_run.advance(database, work.portfolio_id, work.as_of, last_day=StageCause.CATCH_UP)
    while await step(database, lambda tx: apply_chunk(tx, work, chunk_contracts)):
        pass
    if work.mode == "snapshot":
        await step(database, lambda tx: tx.execute(applying_queries.ENTER_PHASE, work.file_id, "closing"))
        while await step(database, lambda tx: withdraw_chunk(tx, work, chunk_contracts)):
            pass
    await step(database, lambda tx: tx.execute(applying_queries.ENTER_PHASE, work.file_id, "linking"))
    await _link(database, work, chunk_contracts)
    await step(database, lambda tx: _finish(tx, work))


async def fail(tx: Transaction, work: Work, code: str, detail: str) -> None:
    """Mark the file as failed. The portfolio becomes ``ready`` again, so that its contracts can go on lists."""
    portfolio = await portfolios.locked(tx, work.portfolio_id)
    file = await _unfinished(tx, work)
    if file is None:
        return
    seconds = await tx.fetchval(queries.FAIL, work.file_id, code, detail)
    tx.after_commit(partial(metrics.file_ended, "failed" if code in _OUR_FAULT else "refused", seconds))
    if portfolio["state"] == PortfolioState.LOADING:
        await _set_state(tx, work.portfolio_id, PortfolioState.READY)


async def begin(tx: Transaction, work: Work) -> bool:
    """Publish that the portfolio is loading. Returns False when the file is not to be applied now, or at all."""
    portfolio = await portfolios.locked(tx, work.portfolio_id)
    file = await _unfinished(tx, work)
    if file is None or file["status"] != "loading":
        return False
    if portfolio["state"] == PortfolioState.LOADING:
        return True
    if portfolio["business_date"] is None:
        await bands.move(tx, work.portfolio_id, work.as_of)
        await tx.execute(portfolio_queries.STAGED, work.portfolio_id)
    await _set_state(tx, work.portfolio_id, PortfolioState.LOADING)
    return True


async def _set_state(tx: Transaction, portfolio_id: UUID, state: PortfolioState) -> None:
    await tx.execute(portfolio_queries.SET_STATE, portfolio_id, state)
    await portfolios.publish_state(tx, portfolio_id)


async def _unfinished(tx: Transaction, work: Work) -> Row | None:
    """Lock the file's row and return it; None when the file has been loaded or has failed."""
    file = await tx.fetchrow(queries.LOCKED, work.file_id)
    return None if file is None or file["status"] in ("loaded", "failed") else file


@dataclass
class Chunk:
    """Some contracts of a file, grouped by the way to apply them."""

    day: date
    registered: list[UUID] = field(default_factory=list)
    revised: list[UUID] = field(default_factory=list)
    kept: list[UUID] = field(default_factory=list)
    file_payments: Collection[UUID] = ()

    @property
    def stated(self) -> list[UUID]:
        """The contracts whose rows replace what is stored."""
        return sorted_unique([*self.registered, *self.revised])  # type: ignore[return-value]

    def add(self, row: Row, state: str | None) -> None:
        if state is None:
            # A new contract without a good row is not registered.
            if row["debtor_id"] is not None:
                self.registered.append(row["contract_id"])
        elif state not in _CLOSED_FOR_GOOD:
            (self.kept if row["incomplete"] else self.revised).append(row["contract_id"])


async def apply_chunk(tx: Transaction, work: Work, chunk_contracts: int = CHUNK_CONTRACTS) -> bool:
    """Apply the next contracts of the file, by number. Returns False when none is left."""
    day = await portfolios.held_business_date(tx, work.portfolio_id)
    file = await _unfinished(tx, work)
    if file is None or file["status"] != "loading":
        return False
    rows = await tx.fetch(applying_queries.CHUNK, work.file_id, file["applied_to"], chunk_contracts)
    if not rows:
        return False
    await (amend if work.mode == "amend" else state)(tx, work, columns_of(file), day, rows)
    await tx.execute(applying_queries.APPLIED_TO, work.file_id, rows[-1]["contract_number"], len(rows))
    return True


async def state(
    tx: Transaction,
    work: Work,
    columns: Sequence[str | None],
    day: date,
    rows: Collection[Row],
    *,
    accepted: bool = False,
) -> None:
    """Apply what the file states of these contracts. ``accepted``: a person has decided that its rows are all."""
    chunk = await locked_chunk(tx, work, day, rows)
    moving, held = await people.moves(tx, work, chunk.revised, accepted=accepted)
    stated = [contract_id for contract_id in chunk.revised if contract_id not in held]
    comparison = await comparing.compare(tx, work, stated, chunk.day, accepted=accepted)
    chunk.revised, chunk.file_payments = list(comparison.applied), comparison.file_payments
    reapplied = await _state_contracts(tx, work, chunk, comparison)
    applied = set(comparison.applied)
    await people.follow(tx, work, [row for row in moving if row["contract_id"] in applied])
    await contacts.state(tx, work, columns, chunk.registered, chunk.revised)
    await parties.state(tx, work, columns, chunk.registered, chunk.revised)
    await _record(tx, work, chunk, reapplied)


async def amend(tx: Transaction, work: Work, columns: Sequence[str | None], day: date, rows: Collection[Row]) -> None:
    """Amend these contracts by the corrected rows of an earlier file."""
    await _locked(tx, work, rows)
    amendment = await amending.amend(tx, work, columns, day, [row["contract_id"] for row in rows])
    if amendment.new:
        await state(tx, work, columns, day, amendment.new)
    if amendment.complete:
        await state(tx, amendment.root, amendment.root_columns, day, amendment.complete)
        await amending.forget_complete(tx, amendment.root, [row["contract_id"] for row in amendment.complete])


async def _locked(tx: Transaction, work: Work, rows: Collection[Row]) -> Sequence[Row]:
    """Lock the debtors and the contracts of these rows. Returns the contracts that are known, with their state.

    The state of a contract whose debtor was erased is ``erased``.
    """
    ids = [row["contract_id"] for row in rows]
    await parties.share_numbers(tx, work)
    await tx.execute(applying_queries.ADD_DEBTORS, work.file_id, ids, work.creditor_id)
    stated = [row["debtor_id"] for row in rows if row["debtor_id"] is not None]
    await tx.execute(applying_queries.LOCK_DEBTORS, stated, ids)
    return await tx.fetch(applying_queries.LOCK_CONTRACTS, ids)


async def locked_chunk(tx: Transaction, work: Work, day: date, rows: Collection[Row]) -> Chunk:
    """Lock the debtors, then the contracts of these rows, and group the contracts by the way to apply them."""
    known = {row["contract_id"]: row["state"] for row in await _locked(tx, work, rows)}
    chunk = Chunk(day)
    for row in rows:
        chunk.add(row, known.get(row["contract_id"]))
    return chunk


async def _state_contracts(tx: Transaction, work: Work, chunk: Chunk, found: comparing.Comparison) -> Sequence[Row]:
    """Replace the stored amounts by the creditor's.

    The payments and charges that the file lacks stay on top of them. What was reversed after its day is undone again.
    Returns the payments whose credit has changed because the file has absorbed them.
    """
    reapplied: Sequence[Row] = ()
    if chunk.registered:
        await tx.execute(
            applying_queries.REGISTER,
            *(work.file_id, chunk.registered, work.portfolio_id, work.creditor_id, chunk.day, work.as_of),
        )
    if found.paid and (overpaid := await tx.fetch(comparing_queries.OVERPAID, found.paid, work.as_of, found.kept)):
        # What the file absorbs was owed before what stays on top of it. Its reversal puts that back.
        staying = [payment_id for row in overpaid for payment_id in row["staying"]]
        reapplied = await reapply_payments(tx, [row["contract_id"] for row in overpaid], last=staying)
    if chunk.revised:
        await tx.execute(applying_queries.REVISE, work.file_id, chunk.revised, work.as_of)
        await tx.execute(queries.FORGET_REFUSALS, chunk.revised)
        if found.split:
            await tx.execute(applying_queries.KEEP_COMPONENTS, work.file_id, found.split, work.as_of)
        await tx.execute(applying_queries.DELETE_INSTALMENTS, chunk.revised)
    await tx.execute(applying_queries.ADD_INSTALMENTS, work.file_id, chunk.stated, work.as_of)
    if chunk.revised:
        await tx.execute(comparing_queries.ABSORB, work.file_id, chunk.revised, work.as_of, found.kept)
    if found.unposted:
        await tx.execute(comparing_queries.UNPOST, found.unposted)
    if found.taken_back:
        await tx.execute(RESTORE_ABSORBED, found.taken_back)
    if found.charged:
        await tx.execute(
            comparing_queries.ABSORB_CHARGES, found.charged, work.file_id, work.as_of, found.kept, found.unposted
        )
        await laying.undo_absorbed(tx, found.taken_back)
        await laying.lay(tx, found.charged)
    return reapplied


async def _record(tx: Transaction, work: Work, chunk: Chunk, absorbed: Sequence[Row]) -> None:
    paying = (
        [row["contract_id"] for row in await tx.fetch(applying_queries.STILL_PAYING, chunk.revised)]
        if chunk.revised
        else []
    )
    reapplied = await reapply_payments(tx, paying) if paying else ()
    stated = {"file_id": work.file_id, "as_of": work.as_of}
    await history.record_each(
        tx, chunk.registered, "registered", "a file names the contract for the first time", stated
    )
    await pausing.join_scopes(tx, work.creditor_id, chunk.stated)
    judge = partial(judging.judge, tx, work.portfolio_id, publish=False)
    await record_whole(tx, None, chunk.registered, chunk.day, event_type=ContractRegistered, judge=judge)
    await record_whole(
        tx, StageCause.REVISION, chunk.revised, chunk.day, file_payments=chunk.file_payments, judge=judge
    )
    await publish_reapplied(tx, [*absorbed, *reapplied])
    if chunk.kept:
        flags = await tx.fetch(applying_queries.FLAG_INCOMPLETE, chunk.kept, work.file_id)
        if flagged := [row["contract_id"] for row in flags if row["is_new"]]:
            await publish_whole(tx, flagged, ContractRevised)
    await history.record_each(tx, chunk.revised, "revised", "a file restates the contract", stated)
    await history.record_each(
        tx, chunk.kept, "incomplete", "unchanged: a file has rejected rows of the contract", stated
    )


async def withdraw_chunk(tx: Transaction, work: Work, chunk_contracts: int) -> bool:
    """Close some of the open contracts that a snapshot does not name. Returns False when none is left."""
    day = await portfolios.held_business_date(tx, work.portfolio_id)
    file = await _unfinished(tx, work)
    if file is None or file["status"] != "loading":
        return False
    unnamed = await tx.fetch(applying_queries.LOCK_UNNAMED, work.file_id, work.portfolio_id, chunk_contracts)
    ids = [row["contract_id"] for row in unnamed]
    if not ids:
        return False
    await comparing.forget_set_aside(tx, unnamed)
    await tx.execute(queries.FORGET_REFUSALS, ids)
    await tx.execute(applying_queries.WITHDRAW, ids)
    await tx.execute(applying_queries.MADE_PROGRESS, work.file_id)
    await record_whole(tx, StageCause.REVISION, ids, day)
    stated = {"file_id": work.file_id, "as_of": work.as_of}
    await history.record_each(tx, ids, "withdrawn", "a snapshot does not name the contract any more", stated)
    return True


async def _link(database: Database, work: Work, chunk_contracts: int) -> None:
    """Link the customers whom the file states, after all of it is applied: it may state two of one person far apart.

    A repeated attempt looks at all of them again, which changes nothing that is linked already.
    """
    after: str | None = ""
    while after is not None:
        after = await step(database, lambda tx: link_chunk(tx, work, after or "", chunk_contracts))  # noqa: B023


async def link_chunk(tx: Transaction, work: Work, after: str, chunk_contracts: int) -> str | None:
    """Link the customers of the contracts after this number. Returns the last number; None when none is left."""
    rows = await tx.fetch(applying_queries.APPLIED, work.file_id, after, chunk_contracts)
    if not rows:
        return None
    await linking.link(tx, work.creditor_id, [row["contract_id"] for row in rows])
    await tx.execute(applying_queries.MADE_PROGRESS, work.file_id)
    return str(rows[-1]["contract_number"])


async def _finish(tx: Transaction, work: Work) -> None:
    portfolio = await portfolios.locked(tx, work.portfolio_id)
    file = await _unfinished(tx, work)
    if file is None:
        return
    seconds = await tx.fetchval(applying_queries.LOADED, work.file_id)
    rows = {"accepted": file["rows_accepted"], "rejected": file["rows_rejected"]}
    tx.after_commit(partial(metrics.file_ended, "loaded", seconds, **rows))
    ids = {"file_id": str(work.file_id), "portfolio_id": str(work.portfolio_id)}
    tx.after_commit(partial(_log.info, "file_loaded", **ids, count=file["rows_accepted"], seconds=round(seconds, 1)))
    tx.publish(
        PortfolioFileLoaded(
            portfolio_id=work.portfolio_id,
            file_id=work.file_id,
            rows_accepted=file["rows_accepted"],
            rows_rejected=file["rows_rejected"],
            amount_accepted=min(file["amount_accepted"], LARGEST_BALANCE),
            total_accepted=file["amount_accepted"],
            currency=portfolio["currency"],
            filename=file["filename"],
            sha256=file["sha256"].hex(),
            mode=file["mode"],
            file_as_of=file["as_of"],
        )
    )
    await _set_state(tx, work.portfolio_id, PortfolioState.READY)
