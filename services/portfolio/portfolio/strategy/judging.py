"""Judges contracts: segments and steps follow their history, the portfolio's rules and the business date.

A contract that changes is marked by the statement that changes it (``ledger.positions_queries``), and by ``mark`` where
its position stays as it is. The background worker judges marked contracts within a second, in transactions of their
own, so that no payment waits for them. The daily run judges what time alone changes, and a file its own contracts.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

import structlog
from recobro_events import Database, Lane, Transaction, sorted_unique, step
from recobro_events.contracts.dialer_feed import CallCompleted, CallDirection
from recobro_events.contracts.field_visits import AttendedBy, VisitCompleted
from recobro_events.tracing import current_traceparent

from portfolio import metrics
from portfolio.ladder import keeping as steps
from portfolio.ladder.queries import JURISDICTION
from portfolio.ledger.marking import mark
from portfolio.portfolios import portfolios
from portfolio.segments import keeping as segments
from portfolio.strategy import queries

CHUNK_CONTRACTS = 2_000
_log = structlog.get_logger(__name__)


async def judge(tx: Transaction, portfolio_id: UUID, contract_ids: Collection[UUID], *, publish: bool = True) -> None:
    """Judge these contracts now, as of the business date. Their rows are locked.

    A contract whose segment or step changes has an event and a line of history for each; one of which only changes what
    its step allows has the event. Without ``publish`` the caller publishes the whole contract next.
    """
    if not contract_ids:
        return
    rules = await segments.current(tx, portfolio_id)
    ladder = await steps.current(tx, portfolio_id)
    jurisdiction = await tx.fetchval(JURISDICTION, portfolio_id)
    counts = await tx.fetchrow(
        queries.JUDGE,
        *(portfolio_id, sorted_unique(contract_ids)),
        *(segments.as_json(rules.rules), rules.version),
        *(steps.as_json(ladder, ladder.version, jurisdiction), ladder.version),
        *(current_traceparent(), publish),
    )
    assert counts is not None
    if publish and counts["changed"]:
        tx.wrote_outbox(Lane.BULK)
    judged = partial(metrics.judged, len(contract_ids), segments=counts["segments"], steps=counts["steps"])
    tx.after_commit(judged)


async def judge_due(tx: Transaction, portfolio_id: UUID) -> bool:
    """Judge the next contracts that have changed or are due on the business date. Returns False when none is left."""
    day = await portfolios.held_business_date(tx, portfolio_id)
    due = await tx.fetch(queries.DUE, portfolio_id, day, CHUNK_CONTRACTS)
    if not due:
        return False
    # Another transaction may have judged the contracts while this one waited for their rows.
    locked = await tx.fetch(queries.LOCK_DUE, portfolio_id, [row["contract_id"] for row in due], day)
    await judge(tx, portfolio_id, [row["contract_id"] for row in locked])
    return True


async def work(database: Database) -> bool:
    """Judge some contracts of each portfolio that have changed, or whose rules have. Returns whether any was there.

    An error in one portfolio is raised when the others have had their turn.
    """
    async with database.connection() as connection:
        waiting = [row["portfolio_id"] for row in await connection.fetch(queries.WAITING)]
    worked, failed = False, None
    for portfolio_id in waiting:
        try:
            worked |= await step(database, lambda tx: judge_changed(tx, portfolio_id))  # noqa: B023
            worked |= await step(database, lambda tx: judge_anew(tx, portfolio_id))  # noqa: B023
        except Exception as error:  # noqa: BLE001 - raised below
            _log.warning("portfolio_not_judged", portfolio_id=str(portfolio_id), error=type(error).__name__)
            failed = error
    if failed is not None:
        raise failed
    return worked


async def judge_changed(tx: Transaction, portfolio_id: UUID) -> bool:
    """Judge some contracts that have changed. Returns whether there was one that nobody else has locked."""
    day = await portfolios.held_business_date(tx, portfolio_id)
    changed = await tx.fetch(queries.CHANGED, portfolio_id, day, CHUNK_CONTRACTS)
    await judge(tx, portfolio_id, [row["contract_id"] for row in changed])
    return bool(changed)


async def judge_anew(tx: Transaction, portfolio_id: UUID) -> bool:
    """Judge the next contracts by rules that are new. Returns whether such rules are there."""
    await portfolios.held_business_date(tx, portfolio_id)
    judged_to = await tx.fetchval(queries.LOCK_ANEW, portfolio_id)
    if judged_to is None:
        return False
    ids = [row["contract_id"] for row in await tx.fetch(queries.AFTER, portfolio_id, judged_to, CHUNK_CONTRACTS)]
    if not ids:
        await tx.execute(queries.JUDGED_ALL, portfolio_id)
        return True
    await judge(tx, portfolio_id, ids)
    await tx.execute(queries.JUDGED_TO, portfolio_id, ids[-1])
    return True


async def keep_calls(tx: Transaction, calls: Sequence[CallCompleted]) -> None:
    """Count these calls as attempts to reach the debtor. A call of the debtor is no attempt, but reaches the debtor."""
    rows = [
        (contract_id, call.started_at, outbound, call.right_party, call.disposition)
        for call in calls
        if (outbound := call.direction is CallDirection.OUTBOUND) or call.right_party
        for contract_id in dict.fromkeys((call.contract_id, *call.also))
    ]
    await _keep(tx, rows)


async def keep_visits(tx: Transaction, visits: Sequence[VisitCompleted]) -> None:
    """Count these visits as attempts to reach the debtor."""
    rows = [
        (visit.contract_id, visit.started_at, True, visit.attended_by is AttendedBy.DEBTOR, visit.outcome)
        for visit in visits
    ]
    await _keep(tx, rows)


async def keep_own_call(
    tx: Transaction, contract_id: UUID, made_at: datetime, outcome: str, *, right_party: bool
) -> None:
    """Count this call of the creditor's own people as an attempt to reach the debtor."""
    await _keep(tx, [(contract_id, made_at, True, right_party, outcome)])


async def _keep(tx: Transaction, rows: Sequence[tuple[UUID, datetime, bool, bool, str]]) -> None:
    if rows:
        await tx.execute(queries.KEEP_ATTEMPTS, *zip(*rows, strict=True))
        await mark(tx, [row[0] for row in rows])
