"""Books a bank's file that has been read, in chunks that may be interrupted and repeated.

First the payments whose contracts are known, then the others, which wait for a person, then the reversals. Each chunk
is one transaction, which also keeps what became of its rows. A chunk is small and a pause follows it, so that a payment
that comes alone waits for neither the locks nor the events of a large file.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID, uuid5

import structlog
from chassis import Conflict, Invalid, Problem
from recobro_events import Database, Row, Transaction, step

from portfolio import metrics
from portfolio.bank_files import applying_queries, queries
from portfolio.bank_files.work import Work
from portfolio.payments import allocating, reversing
from portfolio.payments.batches import PlacedPayment, book_placed
from portfolio.payments.booking import Booked, PaymentFacts, PaymentKnown, PaymentUnidentified, ReferenceReversed
from portfolio.payments.reversing import NewReversal, PaymentReversedAlready
from portfolio.portfolios import portfolios

_log = structlog.get_logger(__name__)
CHUNK_ROWS = 25
PAUSE_SHARE = 1.0
"""The pause after a chunk, as a share of the time that the chunk took."""
_UNIDENTIFIED_ROWS = 1_000
_MATCHED_ROWS = 2_000
_FIRST = UUID(int=0)
_KEPT = ("booked", "known", "reversed", "unidentified")
REASON = "reversed_by_bank"
"""The reason that a reversal in a file has."""

_REVERSED = (
    "the payment with this channel and reference was reversed; if the money has arrived once more, enter it at its"
    " contract"
)
_ILLEGIBLE = "the reference has no visible character"


@dataclass
class Outcomes:
    """What became of the rows of a chunk. ``refused_amount`` is that of the refused payments, without reversals."""

    became: list[tuple[int, str, UUID | None, UUID | None]] = field(default_factory=list)
    refused: list[tuple[int, str, str]] = field(default_factory=list)
    refused_amount: Decimal = Decimal(0)
    amounts: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))

    def keep(self, row: Row, outcome: str, payment_id: UUID | None = None, unidentified_id: UUID | None = None) -> None:
        self.became.append((row["row_number"], outcome, payment_id, unidentified_id))
        self.amounts[outcome] += row["amount"]

    def refuse(self, row: Row, code: str, reason: str, *, is_reversal: bool = False) -> None:
        self.refused.append((row["row_number"], code, reason))
        self.refused_amount += 0 if is_reversal else row["amount"]

    async def store(self, tx: Transaction, work: Work) -> None:
        counts = Counter(outcome for _, outcome, *_ in self.became)
        if self.became:
            columns = [list(column) for column in zip(*self.became, strict=True)]
            await tx.execute(applying_queries.BECAME, work.file_id, *columns)
        if self.refused:
            columns = [list(column) for column in zip(*self.refused, strict=True)]
            await tx.execute(applying_queries.REJECT, work.file_id, *columns)
        kept = [counts[name] for name in _KEPT]
        amounts = [self.amounts[name] for name in _KEPT]
        await tx.execute(
            applying_queries.PROGRESS, work.file_id, *kept, len(self.refused), self.refused_amount, *amounts
        )


Attempt = Callable[[Transaction], Awaitable[tuple[Outcomes, Any]]]
"""Books rows, and returns what becomes of them and where the next attempt begins: None if no row is left."""
Perform = Callable[[Database, Work, Attempt], Awaitable[Any]]
Reverse = Callable[[Transaction, Work, Row], Awaitable[tuple[Outcomes, None]]]


async def apply(database: Database, work: Work, chunk_rows: int = CHUNK_ROWS) -> None:
    """Book the file, from where an earlier attempt stopped."""
    await match(database, work)
    await book(database, work, chunk_rows, _for_good)
    row: int | None = 0
    while row is not None:
        row = await reverse_next(database, work, row, _for_good, reverse)
    await step(database, lambda tx: finish(tx, work))


async def _for_good(database: Database, work: Work, attempt: Attempt) -> Any:
    async def do(tx: Transaction) -> Any:
        outcomes, next_ = await attempt(tx)
        await outcomes.store(tx, work)
        return next_

    return await step(database, do)


async def book(database: Database, work: Work, chunk_rows: int, perform: Perform) -> None:
    """Book the payments by contract, and keep the others as unidentified. ``perform`` makes each attempt."""
    await perform(database, work, lambda tx: _refuse_after_reversals(tx, work))
    clock = asyncio.get_running_loop().time
    after: UUID | None = _FIRST
    while after is not None:
        began, contract = clock(), after
        after = await perform(database, work, lambda tx: _book_chunk(tx, work, contract, chunk_rows))  # noqa: B023
        await asyncio.sleep(PAUSE_SHARE * (clock() - began))
        if after is None and contract != _FIRST:
            after = _FIRST
    row: int | None = 0
    while row is not None:
        row = await perform(database, work, lambda tx: _wait_chunk(tx, work, row or 0))  # noqa: B023


async def match(database: Database, work: Work) -> None:
    """Find the contract of each payment that is not booked yet."""
    async with database.connection() as connection:
        last = await connection.fetchval(applying_queries.LAST_ROW, work.file_id)
    for start in range(0, last, _MATCHED_ROWS):
        rows = (start, start + _MATCHED_ROWS)
        await step(
            database,
            lambda tx: tx.execute(applying_queries.MATCH, work.file_id, work.portfolio_id, *rows),  # noqa: B023
        )


async def is_ours(tx: Transaction, work: Work) -> bool:
    """Lock the file's row. A worker that has lost the lease meanwhile waits here, and finds the rows done."""
    file = await tx.fetchrow(queries.LOCKED, work.file_id)
    return file is not None and file["status"] == "loading"


async def _refuse_after_reversals(tx: Transaction, work: Work) -> tuple[Outcomes, None]:
    outcomes = Outcomes()
    if await is_ours(tx, work):
        for row in await tx.fetch(applying_queries.AFTER_REVERSALS, work.file_id):
            outcomes.refuse(row, "reference_reversed", _REVERSED)
    return outcomes, None


async def _book_chunk(tx: Transaction, work: Work, after: UUID, rows: int) -> tuple[Outcomes, UUID | None]:
    """Book the next payment of each of the next contracts. The next chunk begins after the last of these contracts.

    After the last contract the booking begins again with the first one, for the next payment of each.
    """
    outcomes = Outcomes()
    if not await is_ours(tx, work):
        return outcomes, None
    found = {row["row_number"]: row for row in await tx.fetch(applying_queries.PAYMENTS, work.file_id, after, rows)}
    if not found:
        return outcomes, None
    placed = [PlacedPayment(row["contract_id"], number, _facts(row)) for number, row in found.items()]
    for number, outcome in (await book_placed(tx, placed)).items():
        _judge(outcomes, found[number], outcome)
    return outcomes, placed[-1].contract_id


def _facts(row: Row) -> PaymentFacts:
    """The reader has checked these as a request's are checked."""
    return PaymentFacts.model_construct(
        amount=row["amount"], paid_on=row["paid_on"], channel=row["channel"], reference=row["reference"]
    )


def _judge(outcomes: Outcomes, row: Row, outcome: Booked | Problem) -> None:
    if isinstance(outcome, Booked):
        outcomes.keep(row, "booked", outcome.payment_id)
    elif isinstance(outcome, PaymentKnown) and outcome.is_same:
        outcomes.keep(row, "known", outcome.payment_id)
    elif isinstance(outcome, PaymentUnidentified) and outcome.is_same:
        outcomes.keep(row, "known", None, outcome.unidentified_id)
    else:
        outcomes.refuse(row, *reason_of(outcome))


def reason_of(problem: Problem) -> tuple[str, str]:
    if isinstance(problem, PaymentKnown):
        return "payment_conflict", f"this channel and reference belong to another payment: {problem.known}"
    if isinstance(problem, PaymentUnidentified):
        return "payment_conflict", "this channel and reference belong to another payment, which is not identified yet"
    if isinstance(problem, ReferenceReversed):
        return "reference_reversed", _REVERSED
    if isinstance(problem, Invalid):
        detail = "; ".join([problem.detail, *(f"{error.pointer}: {error.detail}" for error in problem.errors)])
        return "invalid", detail[:2000]
    return problem.code.replace("-", "_"), problem.detail


async def _wait_chunk(tx: Transaction, work: Work, after: int) -> tuple[Outcomes, int | None]:
    """Keep the next payments whose contracts are not known. The next chunk begins after the last of these rows.

    The portfolio is locked, so that no payment with such a reference is booked at the same moment.
    """
    outcomes = Outcomes()
    if not await is_ours(tx, work):
        return outcomes, None
    await portfolios.locked(tx, work.portfolio_id)
    rows = await tx.fetch(applying_queries.UNMATCHED, work.file_id, work.portfolio_id, after, _UNIDENTIFIED_ROWS)
    if not rows:
        return outcomes, None
    new: dict[bytes, Row] = {}
    ids: dict[int, UUID] = {}
    for row in rows:
        key, number = row["key"], row["row_number"]
        if key in new:
            stated = (new[key]["amount"], new[key]["paid_on"])
            _judge_unmatched(outcomes, row, stated, None, ids[new[key]["row_number"]])
        elif row["unidentified_id"] is not None:
            stated = (row["waiting_amount"], row["waiting_paid_on"])
            _judge_unmatched(outcomes, row, stated, None, row["unidentified_id"])
        elif row["payment_id"] is not None:
            _judge_unmatched(outcomes, row, (row["live_amount"], row["live_paid_on"]), row["payment_id"], None)
        elif key is None:
            outcomes.refuse(row, "no_reference", _ILLEGIBLE)
        elif row["was_reversed"]:
            outcomes.refuse(row, "reference_reversed", _REVERSED)
        else:
            new[key] = row
            ids[number] = _unidentified_id(work.portfolio_id, row["channel"], row["reference"])
            outcomes.keep(row, "unidentified", None, ids[number])
    await tx.execute(applying_queries.KEEP_UNIDENTIFIED, work.file_id, work.portfolio_id, list(ids), list(ids.values()))
    return outcomes, rows[-1]["row_number"]


def _judge_unmatched(
    outcomes: Outcomes,
    row: Row,
    known: tuple[Decimal, object],
    payment_id: UUID | None,
    unidentified_id: UUID | None,
) -> None:
    """The reference is known. With the same amount and day the money is, too."""
    if known == (row["amount"], row["paid_on"]):
        outcomes.keep(row, "known", payment_id, unidentified_id)
    else:
        outcomes.refuse(row, *conflict_with(*known))


def conflict_with(amount: Decimal, paid_on: object) -> tuple[str, str]:
    """Why a row is rejected whose reference this payment has."""
    return "payment_conflict", f"this channel and reference belong to another payment: {amount:.2f} paid on {paid_on}"


def _unidentified_id(portfolio_id: UUID, channel: str, reference: str) -> UUID:
    """The same bank reference gives the same id, also when its file is sent again after a restore."""
    return uuid5(portfolio_id, f"unidentified:{len(channel)}:{channel}:{reference}")


class _Meanwhile(Exception):
    """Another transaction has changed what a reversal takes back."""


async def reverse_next(database: Database, work: Work, after: int, perform: Perform, reverse: Reverse) -> int | None:
    """Take back what the next reversal names. Returns its row; None at the end."""
    async with database.connection() as connection:
        row = await connection.fetchrow(applying_queries.REVERSAL, work.file_id, after)
    if row is None:
        return None
    try:
        await perform(database, work, lambda tx: reverse(tx, work, row))
    except (_Meanwhile, PaymentReversedAlready):
        return after
    except Problem as problem:
        code, reason = reason_of(problem)
        await perform(database, work, lambda tx: _refuse(tx, work, row, code, reason))
    return int(row["row_number"])


async def reverse(tx: Transaction, work: Work, row: Row) -> tuple[Outcomes, None]:
    outcomes = Outcomes()
    if not await is_ours(tx, work):
        return outcomes, None
    found = await tx.fetch(
        applying_queries.REVERSED, work.portfolio_id, row["channel"], row["reference"], row["end_to_end"]
    )
    live = [one for one in found if one["is_live"]]
    fitting = [one for one in live if one["amount"] == row["amount"]]
    if len(fitting) == 1:
        taken = fitting[0]
        reversal = NewReversal(reason=REASON, reversed_on=row["paid_on"])
        if taken["payment_id"] is not None:
            await reversing.reverse(tx, taken["payment_id"], reversal)
        elif not await allocating.reverse(tx, taken["unidentified_id"], reversal):
            raise _Meanwhile
        outcomes.keep(row, "reversed", taken["payment_id"], taken["unidentified_id"])
    elif not live and any(one["reversed_on"] == row["paid_on"] for one in found):
        outcomes.keep(row, "known")
    elif len(fitting) > 1:
        raise Conflict("several payments have this reference and amount", code="reversal-unclear")
    elif live:
        raise reversal_differs(live[0]["amount"])
    else:
        raise reversal_unknown()
    return outcomes, None


def reversal_differs(amount: Decimal) -> Conflict:
    return Conflict(f"the payment was of {amount:.2f}", code="reversal-differs")


def reversal_unknown() -> Conflict:
    return Conflict("no payment with this channel and reference is known", code="reversal-unknown")


async def _refuse(tx: Transaction, work: Work, row: Row, code: str, reason: str) -> tuple[Outcomes, None]:
    outcomes = Outcomes()
    if await is_ours(tx, work):
        outcomes.refuse(row, code, reason, is_reversal=True)
    return outcomes, None


async def finish(tx: Transaction, work: Work) -> None:
    if not await is_ours(tx, work):
        return
    file = await tx.fetchrow(queries.FILE, work.file_id)
    assert file is not None
    seconds = await tx.fetchval(queries.LOADED, work.file_id)
    tx.after_commit(partial(metrics.payment_file_ended, "tried" if work.dry_run else "loaded", seconds))
    ids = {"file_id": str(work.file_id), "portfolio_id": str(work.portfolio_id)}
    counts = {name: file[name] for name in ("payments", "known", "reversals", "unidentified", "rows_rejected")}
    outcome = "payment_file_tried" if work.dry_run else "payment_file_loaded"
    tx.after_commit(partial(_log.info, outcome, **ids, **counts, seconds=round(seconds, 1)))
