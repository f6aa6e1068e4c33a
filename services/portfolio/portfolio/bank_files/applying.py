"""Books a bank's file that has been read, in chunks that may be interrupted and repeated.

First the payments whose contracts are known, then the others, which wait for a person, then the reversals. Each chunk
is one transaction, which also keeps what became of its rows. A chunk is small and a pause follows it, so that a payment
that comes alone waits for neither the locks nor the events of a large file.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
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
REASON = "reversed_by_bank"
"""The reason that a reversal in a file has."""

_REVERSED = (
    "the payment with this channel and reference was reversed; if the money has arrived once more, enter it at its"
    " contract"
)
_ILLEGIBLE = "the reference has no visible character"


@dataclass
class _Outcomes:
    """What became of the rows of a chunk. ``refused`` holds the amount of a payment, 0 for a reversal."""

    became: list[tuple[int, str, UUID | None, UUID | None]] = field(default_factory=list)
    refused: list[tuple[int, str, str]] = field(default_factory=list)
    refused_amount: Decimal = Decimal(0)

    def keep(self, row: int, outcome: str, payment_id: UUID | None = None, unidentified_id: UUID | None = None) -> None:
        self.became.append((row, outcome, payment_id, unidentified_id))

    def refuse(self, row: int, code: str, reason: str, amount: Decimal = Decimal(0)) -> None:
        self.refused.append((row, code, reason))
        self.refused_amount += amount

    async def store(self, tx: Transaction, work: Work) -> None:
        counts = Counter(outcome for _, outcome, *_ in self.became)
        if self.became:
            columns = [list(column) for column in zip(*self.became, strict=True)]
            await tx.execute(applying_queries.BECAME, work.file_id, *columns)
        if self.refused:
            columns = [list(column) for column in zip(*self.refused, strict=True)]
            await tx.execute(applying_queries.REJECT, work.file_id, *columns)
        kept = (counts[name] for name in ("booked", "known", "reversed", "unidentified"))
        await tx.execute(applying_queries.PROGRESS, work.file_id, *kept, len(self.refused), self.refused_amount)


async def apply(database: Database, work: Work, chunk_rows: int = CHUNK_ROWS) -> None:
    """Book the file, from where an earlier attempt stopped."""
    await _match(database, work)
    await step(database, lambda tx: _refuse_after_reversals(tx, work))
    clock = asyncio.get_running_loop().time
    after: UUID | None = _FIRST
    while after is not None:
        began, contract = clock(), after
        after = await step(database, lambda tx: _book_chunk(tx, work, contract, chunk_rows))  # noqa: B023
        await asyncio.sleep(PAUSE_SHARE * (clock() - began))
    row: int | None = 0
    while row is not None:
        row = await step(database, lambda tx: _wait_chunk(tx, work, row or 0))  # noqa: B023
    row = 0
    while row is not None:
        row = await _reverse_next(database, work, row)
    await step(database, lambda tx: _finish(tx, work))


async def _match(database: Database, work: Work) -> None:
    """Find the contract of each payment that is not booked yet."""
    async with database.connection() as connection:
        last = await connection.fetchval(applying_queries.LAST_ROW, work.file_id)
    for start in range(0, last, _MATCHED_ROWS):
        rows = (start, start + _MATCHED_ROWS)
        await step(
            database,
            lambda tx: tx.execute(applying_queries.MATCH, work.file_id, work.portfolio_id, *rows),  # noqa: B023
        )


async def _is_ours(tx: Transaction, work: Work) -> bool:
    """Lock the file's row. Whoever has lost the lease meanwhile waits here, and finds the rows done."""
    file = await tx.fetchrow(queries.LOCKED, work.file_id)
    return file is not None and file["status"] == "loading"


async def _refuse_after_reversals(tx: Transaction, work: Work) -> None:
    if not await _is_ours(tx, work):
        return
    outcomes = _Outcomes()
    for row in await tx.fetch(applying_queries.AFTER_REVERSALS, work.file_id):
        outcomes.refuse(row["row_number"], "reference_reversed", _REVERSED, row["amount"])
    await outcomes.store(tx, work)


async def _book_chunk(tx: Transaction, work: Work, after: UUID, rows: int) -> UUID | None:
    """Book the next payments by contract. Returns the contract with which the next chunk begins; None at the end."""
    if not await _is_ours(tx, work):
        return None
    found = {row["row_number"]: row for row in await tx.fetch(applying_queries.PAYMENTS, work.file_id, after, rows)}
    if not found:
        return None
    placed = [PlacedPayment(row["contract_id"], number, _facts(row)) for number, row in found.items()]
    outcomes = _Outcomes()
    for number, outcome in (await book_placed(tx, placed)).items():
        _judge(outcomes, found[number], outcome)
    await outcomes.store(tx, work)
    return placed[-1].contract_id


def _facts(row: Row) -> PaymentFacts:
    """The reader has checked these as a request's are checked."""
    return PaymentFacts.model_construct(
        amount=row["amount"], paid_on=row["paid_on"], channel=row["channel"], reference=row["reference"]
    )


def _judge(outcomes: _Outcomes, row: Row, outcome: Booked | Problem) -> None:
    number = row["row_number"]
    if isinstance(outcome, Booked):
        outcomes.keep(number, "booked", outcome.payment_id)
    elif isinstance(outcome, PaymentKnown) and outcome.is_same:
        outcomes.keep(number, "known", outcome.payment_id)
    elif isinstance(outcome, PaymentUnidentified) and outcome.is_same:
        outcomes.keep(number, "known", None, outcome.unidentified_id)
    else:
        outcomes.refuse(number, *_reason(outcome), row["amount"])


def _reason(problem: Problem) -> tuple[str, str]:
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


async def _wait_chunk(tx: Transaction, work: Work, after: int) -> int | None:
    """Keep the next payments whose contracts are not known. Returns the last row; None at the end.

    The portfolio is locked, so that no payment with such a reference is booked at the same moment.
    """
    if not await _is_ours(tx, work):
        return None
    await portfolios.locked(tx, work.portfolio_id)
    rows = await tx.fetch(applying_queries.UNMATCHED, work.file_id, work.portfolio_id, after, _UNIDENTIFIED_ROWS)
    if not rows:
        return None
    outcomes = _Outcomes()
    new: dict[bytes, Row] = {}
    ids: dict[int, UUID] = {}
    for row in rows:
        key, number = row["key"], row["row_number"]
        if key in new:
            _judge_unmatched(
                outcomes, row, (new[key]["amount"], new[key]["paid_on"]), None, ids[new[key]["row_number"]]
            )
        elif row["unidentified_id"] is not None:
            stated = (row["waiting_amount"], row["waiting_paid_on"])
            _judge_unmatched(outcomes, row, stated, None, row["unidentified_id"])
        elif row["payment_id"] is not None:
            _judge_unmatched(outcomes, row, (row["live_amount"], row["live_paid_on"]), row["payment_id"], None)
        elif key is None:
            outcomes.refuse(number, "no_reference", _ILLEGIBLE, row["amount"])
        elif row["was_reversed"]:
            outcomes.refuse(number, "reference_reversed", _REVERSED, row["amount"])
        else:
            new[key] = row
            ids[number] = _unidentified_id(work.portfolio_id, row["channel"], row["reference"])
            outcomes.keep(number, "unidentified", None, ids[number])
    await tx.execute(applying_queries.KEEP_UNIDENTIFIED, work.file_id, work.portfolio_id, list(ids), list(ids.values()))
    await outcomes.store(tx, work)
    return int(rows[-1]["row_number"])


def _judge_unmatched(
    outcomes: _Outcomes,
    row: Row,
    known: tuple[Decimal, object],
    payment_id: UUID | None,
    unidentified_id: UUID | None,
) -> None:
    """The reference is known. With the same amount and day the money is, too."""
    if known == (row["amount"], row["paid_on"]):
        outcomes.keep(row["row_number"], "known", payment_id, unidentified_id)
    else:
        reason = f"this channel and reference belong to another payment: {known[0]:.2f} paid on {known[1]}"
        outcomes.refuse(row["row_number"], "payment_conflict", reason, row["amount"])


def _unidentified_id(portfolio_id: UUID, channel: str, reference: str) -> UUID:
    """The same bank reference gives the same id, also when its file is sent again after a restore."""
    return uuid5(portfolio_id, f"unidentified:{len(channel)}:{channel}:{reference}")


class _Meanwhile(Exception):
    """Another transaction has changed what a reversal takes back."""


async def _reverse_next(database: Database, work: Work, after: int) -> int | None:
    """Take back what the next reversal names. Returns its row; None at the end."""
    async with database.connection() as connection:
        row = await connection.fetchrow(applying_queries.REVERSAL, work.file_id, after)
    if row is None:
        return None
    try:
        await step(database, lambda tx: _reverse(tx, work, row))
    except (_Meanwhile, PaymentReversedAlready):
        return after
    except Problem as problem:
        code, reason = _reason(problem)
        await step(database, lambda tx: _refuse(tx, work, row, code, reason))
    return int(row["row_number"])


async def _reverse(tx: Transaction, work: Work, row: Row) -> None:
    if not await _is_ours(tx, work):
        return
    found = await tx.fetch(
        applying_queries.REVERSED, work.portfolio_id, row["channel"], row["reference"], row["end_to_end"]
    )
    outcomes, number = _Outcomes(), row["row_number"]
    live = [one for one in found if one["is_live"]]
    fitting = [one for one in live if one["amount"] == row["amount"]]
    if len(fitting) == 1:
        taken = fitting[0]
        reversal = NewReversal(reason=REASON, reversed_on=row["paid_on"])
        if taken["payment_id"] is not None:
            await reversing.reverse(tx, taken["payment_id"], reversal)
        elif not await allocating.reverse(tx, taken["unidentified_id"], reversal):
            raise _Meanwhile
        outcomes.keep(number, "reversed", taken["payment_id"], taken["unidentified_id"])
    elif not live and any(one["reversed_on"] == row["paid_on"] for one in found):
        outcomes.keep(number, "known")
    elif len(fitting) > 1:
        raise Conflict("several payments have this reference and amount", code="reversal-unclear")
    elif live:
        raise Conflict(f"the payment was of {live[0]['amount']:.2f}", code="reversal-differs")
    else:
        raise Conflict("no payment with this channel and reference is known", code="reversal-unknown")
    await outcomes.store(tx, work)


async def _refuse(tx: Transaction, work: Work, row: Row, code: str, reason: str) -> None:
    if await _is_ours(tx, work):
        outcomes = _Outcomes()
        outcomes.refuse(row["row_number"], code, reason)
        await outcomes.store(tx, work)


async def _finish(tx: Transaction, work: Work) -> None:
    if not await _is_ours(tx, work):
        return
    file = await tx.fetchrow(queries.FILE, work.file_id)
    assert file is not None
    seconds = await tx.fetchval(queries.LOADED, work.file_id)
    tx.after_commit(partial(metrics.payment_file_ended, "loaded", seconds))
    ids = {"file_id": str(work.file_id), "portfolio_id": str(work.portfolio_id)}
    counts = {name: file[name] for name in ("payments", "known", "reversals", "unidentified", "rows_rejected")}
    tx.after_commit(partial(_log.info, "payment file loaded", **ids, **counts, seconds=round(seconds, 1)))
