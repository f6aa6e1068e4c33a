"""Tries a bank's file without booking it: each chunk is booked as always, its outcomes are noted, and it is undone.

So a dry run says what the same code would do. It leaves nothing but its counts and rejected rows. A chunk does not see
what the chunks before it would have booked, so rows of one reference are compared afterwards.
"""

from typing import Any

from recobro_events import Database, Row, Transaction, step

from portfolio.bank_files import applying, applying_queries
from portfolio.bank_files.applying import Attempt, Outcomes
from portfolio.bank_files.work import Work


class _Undone(Exception):
    """Carries the outcomes out of the transaction that is rolled back."""

    def __init__(self, outcomes: Outcomes, next_: Any) -> None:
        super().__init__("a dry run")
        self.outcomes = outcomes
        self.next = next_


async def run(database: Database, work: Work, chunk_rows: int) -> None:
    """Try the file, from where an earlier attempt stopped."""
    await applying.match(database, work)
    await applying.book(database, work, chunk_rows, _tried)
    await step(database, lambda tx: _judge_repeats(tx, work))
    row: int | None = 0
    while row is not None:
        row = await applying.reverse_next(database, work, row, _tried, _reverse)
    await step(database, lambda tx: applying.finish(tx, work))


async def _tried(database: Database, work: Work, attempt: Attempt) -> Any:
    try:
        async with database.transaction() as tx:
            raise _Undone(*await attempt(tx))
    except _Undone as undone:
        outcomes, next_ = undone.outcomes, undone.next
    await step(database, lambda tx: _note(tx, work, outcomes))
    return next_


async def _note(tx: Transaction, work: Work, outcomes: Outcomes) -> None:
    rows = [row for row, *_ in (*outcomes.became, *outcomes.refused)]
    if await applying.is_ours(tx, work) and not await tx.fetchval(applying_queries.ALREADY_JUDGED, work.file_id, rows):
        # No payment has these ids.
        outcomes.became = [(row, outcome, None, None) for row, outcome, *_ in outcomes.became]
        await outcomes.store(tx, work)


async def _judge_repeats(tx: Transaction, work: Work) -> None:
    """Of several rows with one reference, the first would be booked, and the others are known or conflict with it."""
    if not await applying.is_ours(tx, work):
        return
    outcomes = Outcomes()
    repeats = await tx.fetch(applying_queries.REPEATS, work.file_id)
    await tx.execute(applying_queries.FORGET, work.file_id, [row["row_number"] for row in repeats])
    for row in repeats:
        if row["is_same"]:
            outcomes.keep(row, "known")
        else:
            outcomes.refuse(row, *applying.conflict_with(row["first_amount"], row["first_paid_on"]))
    await outcomes.store(tx, work)


async def _reverse(tx: Transaction, work: Work, row: Row) -> tuple[Outcomes, None]:
    """A reversal may take back what the same file would have booked."""
    outcomes = Outcomes()
    tried = await tx.fetch(applying_queries.TRIED, work.file_id, row["channel"], row["reference"])
    if not tried:
        return await applying.reverse(tx, work, row)
    if reversals := [one for one in tried if one["is_reversal"]]:
        if reversals[0]["paid_on"] != row["paid_on"]:
            raise applying.reversal_unknown()
        outcomes.keep(row, "known")
    elif tried[0]["amount"] != row["amount"]:
        raise applying.reversal_differs(tried[0]["amount"])
    else:
        outcomes.keep(row, "reversed")
    return outcomes, None
