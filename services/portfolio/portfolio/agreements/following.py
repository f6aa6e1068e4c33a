"""What the portfolio does because of agreements with debtors.

A restructure in force says when the debt falls due, and the instalments say it again when it has ended. When an
agreement is settled, the portfolio waives what the creditor gives up: the contract closes if nothing is left. An
agreement that is open again or broken later takes the waiver back. A fulfilled agreement that settles in full asks for
the letter of no debt.

The handlers of events only keep agreements; this work follows within a second. In the handler it would answer events
of promises with events that promises applies, and a barrier could not tell when the last of them has been applied. What
is done follows from the newest state alone, so late, repeated and republished events change nothing twice. The
agreement of a closed contract waits until a file opens the contract again.
"""

from uuid import UUID, uuid5

import asyncpg
import structlog
from chassis.problems import Problem
from recobro_events import TRANSIENT_ERRORS, Database, Row, Transaction
from recobro_events.contracts.portfolio import ChargeKind, StageCause

from portfolio import metrics
from portfolio.agreements import queries
from portfolio.charges import reversing, taking
from portfolio.charges.reversing import ChargeReversedAlready, NewChargeReversal
from portfolio.charges.taking import NewCharge
from portfolio.ledger import history
from portfolio.ledger.changes import record_whole
from portfolio.ledger.history import Line
from portfolio.ledger.locking import lock_contract
from portfolio.ledger.rules import takes_money

CHUNK_CONTRACTS = 500
TRY_AGAIN_SECONDS = 60
SETTLED = "agreement_settled"
"""The reason of a waiver."""
NOT_SETTLED = "agreement_not_settled"
"""The reason for which a waiver is taken back."""

_log = structlog.get_logger(__name__)


async def follow_all(database: Database) -> int:
    """Follow every agreement that has changed, each contract in a transaction of its own. Return how many contracts.

    A contract that cannot be changed is tried again a minute later, and keeps no other one waiting.
    """
    count, last = 0, None
    while True:
        async with database.connection() as connection:
            found = await connection.fetch(queries.TO_FOLLOW, last, CHUNK_CONTRACTS)
            metrics.agreements_wait(await connection.fetchval(queries.OLDEST))
        if not found:
            return count
        for row in found:
            last = row["contract_id"]
            try:
                async with database.transaction() as tx:
                    await follow(tx, last)
            except (Problem, asyncpg.LockNotAvailableError) as error:
                why = error.code if isinstance(error, Problem) else type(error).__name__
                _log.warning("agreement_not_followed", contract_id=str(last), error=why)
                await _try_later(database, last)
            except TRANSIENT_ERRORS:
                raise
            except Exception:  # noqa: BLE001 - a defect that one contract shows must not stop the others
                _log.exception("agreement_not_followed", contract_id=str(last))
                await _try_later(database, last)
            else:
                count += 1


async def _try_later(database: Database, contract_id: UUID) -> None:
    async with database.transaction() as tx:
        await tx.execute(queries.TRY_AGAIN, contract_id, TRY_AGAIN_SECONDS)


async def follow(tx: Transaction, contract_id: UUID) -> None:
    """Do what the agreements of this contract ask for now. Raises ``Problem`` where the contract cannot take it."""
    contract = await lock_contract(tx, contract_id)
    agreements = await tx.fetch(queries.OF_CONTRACT, contract_id)
    changed = [row for row in agreements if row["changed"]]
    if not changed or not takes_money(contract["state"]):
        return
    await _reschedule(tx, contract, agreements)
    waivers = [await _waiver(tx, contract_id, row) for row in changed]
    await tx.execute(queries.FOLLOWED, [row["agreement_id"] for row in changed], waivers)
    await tx.execute(queries.ASK_FOR_LETTERS, contract_id)
    await tx.execute(queries.WITHDRAW_LETTERS, contract_id)


async def _reschedule(tx: Transaction, contract: Row, agreements: list[Row]) -> None:
    """Let the newest restructure in force say when the debt falls due, or the instalments where there is none."""
    contract_id: UUID = contract["contract_id"]
    by = max((row["agreement_id"] for row in agreements if row["reschedules"]), default=None)
    if by == contract["rescheduled_by"]:
        return
    if by is None:
        # The debtor fell behind before the restructure, so this is the same episode.
        episode = await tx.fetchval(queries.EPISODE_BEFORE, contract["rescheduled_by"])
    else:
        await tx.execute(queries.KEEP_EPISODE, by, contract["overdue_balance"], contract["episode"])
        episode = None
    await tx.execute(queries.RESCHEDULE, contract_id, by)
    await record_whole(tx, StageCause.REVISION, [contract_id], episode=episode)
    kind, summary = (
        ("original_schedule", "the instalments say again when the debt falls due")
        if by is None
        else ("rescheduled", "the schedule of a restructure says when the debt falls due")
    )
    data = {"agreement_id": by or contract["rescheduled_by"]}
    await history.record(tx, [Line(contract_id, kind, summary, data)])


async def _waiver(tx: Transaction, contract_id: UUID, agreement: Row) -> UUID | None:
    """Book the waiver of a settled agreement, or take back that of any other. Return the waiver that holds now."""
    waiver_id: UUID | None = agreement["waiver_id"]
    if agreement["state"] == "settled":
        return waiver_id or await _waive(tx, contract_id, agreement)
    if waiver_id is not None:
        try:
            await reversing.reverse(tx, waiver_id, NewChargeReversal(reason=NOT_SETTLED))
        except ChargeReversedAlready:
            _log.info("waiver_reversed_by_person", contract_id=str(contract_id))
    return None


async def _waive(tx: Transaction, contract_id: UUID, agreement: Row) -> UUID | None:
    """Book a waiver of what the creditor gives up, as far as it is owed. The same event has the same charge."""
    contract = await lock_contract(tx, contract_id)
    amount = min(agreement["forgiven"], contract["total_balance"])
    if amount <= 0:
        return None
    charge_id = uuid5(agreement["agreement_id"], f"waiver:{agreement['version']}")
    if not await tx.fetchval(queries.IS_CHARGED, charge_id):
        day = min(agreement["settled_on"], contract["business_date"])
        await taking.take(
            tx,
            contract_id,
            NewCharge(
                kind=ChargeKind.WAIVER,
                amount=amount,
                charged_on=day,
                reason=SETTLED,
                reference=str(agreement["agreement_id"]),
                charge_id=charge_id,
            ),
        )
    return charge_id
