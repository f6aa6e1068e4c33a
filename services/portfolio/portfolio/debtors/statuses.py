"""What is known of a debtor; it holds for every contract of theirs."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from chassis import ContractUnknown, InputModel, OutputModel, ShortText, Text
from recobro_events import Transaction
from recobro_events.contracts.portfolio import DebtorStatus, DebtorStatusChanged, StageCause

from portfolio.debtors.rules import report_changes_status
from portfolio.ledger.history import Line, remember
from portfolio.ledger.locking import lock_contracts
from portfolio.ledger.positions import position_of, reposition
from portfolio.ledger.rules import turns

_DEBTORS = """
SELECT contract_id, debtor_id, status FROM contract JOIN debtor USING (debtor_id) WHERE contract_id = ANY($1::uuid[])
"""
_SET_STATUS = """
UPDATE debtor SET status = told.status, status_version = debtor.status_version + 1
FROM unnest($1::uuid[], $2::text[]) AS told (debtor_id, status)
WHERE debtor.debtor_id = told.debtor_id AND debtor.status <> told.status
RETURNING debtor.debtor_id, debtor.status, debtor.status_version
"""
_CONTRACTS = "SELECT contract_id, debtor_id FROM contract WHERE debtor_id = ANY($1::uuid[]) ORDER BY contract_id"


class NewDebtorStatus(InputModel):
    status: DebtorStatus
    reported_by: ShortText
    detail: Text | None = None


class DebtorStatusOutcome(OutputModel):
    """``changed`` is false when this was known already; ``contracts`` counts all that the debtor holds."""

    debtor_id: UUID
    status: DebtorStatus
    changed: bool
    contracts: int


class Report(NamedTuple):
    """What somebody says of the debtor of a contract; ``received`` is the event that said so, in a consumer."""

    contract_id: UUID
    status: DebtorStatus
    reported_by: str
    detail: str | None = None
    received: UUID | None = None


async def set_status(tx: Transaction, contract_id: UUID, new: NewDebtorStatus) -> DebtorStatusOutcome:
    """Set the status of a contract's debtor as an operator: any to any. ``ContractUnknown``."""
    if not await lock_contracts(tx, [contract_id], with_debtors_of=[contract_id]):
        raise ContractUnknown()
    told = await _save(tx, [Report(contract_id, new.status, new.reported_by, new.detail)])
    [debtor] = await tx.fetch(_DEBTORS, [contract_id])
    held = await tx.fetch(_CONTRACTS, [debtor["debtor_id"]])
    return DebtorStatusOutcome(
        debtor_id=debtor["debtor_id"], status=debtor["status"], changed=bool(told), contracts=len(held)
    )


async def report(tx: Transaction, reports: Sequence[Report]) -> None:
    """Take reports from outside: one that would make what is known less grave changes nothing.

    The rows of the debtors and of all their contracts are locked.
    """
    for turn in await _by_debtor(tx, reports):
        known = {row["contract_id"]: row for row in await tx.fetch(_DEBTORS, [said.contract_id for said in turn])}
        graver = [
            said for said in turn if report_changes_status(DebtorStatus(known[said.contract_id]["status"]), said.status)
        ]
        await _save(tx, graver)


async def _by_debtor(tx: Transaction, reports: Sequence[Report]) -> list[list[Report]]:
    rows = await tx.fetch(_DEBTORS, [said.contract_id for said in reports])
    debtors = {row["contract_id"]: row["debtor_id"] for row in rows}
    return turns(reports, key=lambda said: debtors[said.contract_id])


async def _save(tx: Transaction, reports: Sequence[Report]) -> int:
    """Set the status of these contracts' debtors, none twice, and tell everyone; returns how many have changed."""
    rows = await tx.fetch(_DEBTORS, [said.contract_id for said in reports])
    debtors = {row["contract_id"]: row["debtor_id"] for row in rows}
    said_of = {debtors[said.contract_id]: said for said in reports}
    changed = {
        row["debtor_id"]: row
        for row in await tx.fetch(_SET_STATUS, list(said_of.keys()), [said.status for said in said_of.values()])
    }
    held = {row["contract_id"]: row["debtor_id"] for row in await tx.fetch(_CONTRACTS, list(changed.keys()))}
    received = {
        contract_id: said.received
        for contract_id, debtor_id in held.items()
        if (said := said_of[debtor_id]).received is not None
    }
    positions = await reposition(tx, held.keys(), cause=StageCause.DAILY_RUN, events_to_follow=1, received=received)
    story: list[Line] = []
    for position in positions:
        contract_id = position["contract_id"]
        debtor, said = changed[held[contract_id]], said_of[held[contract_id]]
        event = DebtorStatusChanged(
            **position_of(position),
            debtor_id=debtor["debtor_id"],
            status=debtor["status"],
            status_version=debtor["status_version"],
            reported_by=said.reported_by,
        )
        tx.publish(event, cause=said.received)
        what = {"status": said.status, "reported_by": said.reported_by, "detail": said.detail}
        story.append(Line(contract_id, "debtor_status_changed", f"{said.status}, told by {said.reported_by}", what))
    await remember(tx, story)
    return len(changed)
