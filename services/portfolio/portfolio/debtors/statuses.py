"""The status of a debtor, which holds for every contract of the debtor."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from chassis import ContractUnknown, InputModel, OutputModel, ShortText, Text
from recobro_events import Row, Transaction, cut_into_waves
from recobro_events.contracts.portfolio import DebtorStatus, DebtorStatusChanged, StageCause

from portfolio.debtors import queries
from portfolio.debtors.rules import report_changes_status
from portfolio.ledger.changes import Change, record_each
from portfolio.ledger.history import Line
from portfolio.ledger.locking import lock_contracts


class NewDebtorStatus(InputModel):
    status: DebtorStatus
    reported_by: ShortText
    detail: Text | None = None


class DebtorStatusOutcome(OutputModel):
    """``changed`` is false when the debtor had this status already. ``contracts`` counts the debtor's contracts."""

    debtor_id: UUID
    status: DebtorStatus
    changed: bool
    contracts: int


class Report(NamedTuple):
    """A report about a contract's debtor. In a consumer ``received`` is the id of the event that reported it."""

    contract_id: UUID
    status: DebtorStatus
    reported_by: str
    detail: str | None = None
    received: UUID | None = None


async def set_status(tx: Transaction, contract_id: UUID, new: NewDebtorStatus) -> DebtorStatusOutcome:
    """Set the status of a contract's debtor. An operator may set any status. Raises ``ContractUnknown``."""
    if not await lock_contracts(tx, [contract_id], with_debtors_of=[contract_id]):
        raise ContractUnknown()
    changed = await _save(tx, [Report(contract_id, new.status, new.reported_by, new.detail)])
    [debtor] = await tx.fetch(queries.DEBTORS, [contract_id])
    held = await tx.fetch(queries.CONTRACTS, [debtor["debtor_id"]])
    return DebtorStatusOutcome(
        debtor_id=debtor["debtor_id"], status=debtor["status"], changed=changed > 0, contracts=len(held)
    )


async def apply_reports(tx: Transaction, reports: Sequence[Report]) -> None:
    """Apply reports from outside. A report that does not make the status graver changes nothing.

    The rows of the debtors and of all their contracts are locked.
    """
    for wave in await _by_debtor(tx, reports):
        rows = await tx.fetch(queries.DEBTORS, [report.contract_id for report in wave])
        known = {row["contract_id"]: DebtorStatus(row["status"]) for row in rows}
        await _save(tx, [report for report in wave if report_changes_status(known[report.contract_id], report.status)])


async def _by_debtor(tx: Transaction, reports: Sequence[Report]) -> Sequence[Sequence[Report]]:
    rows = await tx.fetch(queries.DEBTORS, [report.contract_id for report in reports])
    debtors = {row["contract_id"]: row["debtor_id"] for row in rows}
    return cut_into_waves(reports, key=lambda report: debtors[report.contract_id])


async def _save(tx: Transaction, reports: Sequence[Report]) -> int:
    """Set the status of these contracts' debtors and publish it. No debtor may occur twice.

    Returns the number of debtors whose status has changed.
    """
    rows = await tx.fetch(queries.DEBTORS, [report.contract_id for report in reports])
    debtors = {row["contract_id"]: row["debtor_id"] for row in rows}
    report_of = {debtors[report.contract_id]: report for report in reports}
    changed = {
        row["debtor_id"]: row
        for row in await tx.fetch(
            queries.SET_STATUS, list(report_of.keys()), [report.status for report in report_of.values()]
        )
    }
    held = {row["contract_id"]: row["debtor_id"] for row in await tx.fetch(queries.CONTRACTS, list(changed.keys()))}
    changes = []
    for contract_id, debtor_id in held.items():
        debtor, report = changed[debtor_id], report_of[debtor_id]
        data = {"status": report.status, "reported_by": report.reported_by, "detail": report.detail}
        line = Line(contract_id, "debtor_status_changed", f"{report.status}, reported by {report.reported_by}", data)
        changes.append(Change(partial(_event, debtor, report.reported_by), line, report.received))
    await record_each(tx, StageCause.CATCH_UP, changes)
    return len(changed)


def _event(debtor: Row, reported_by: str, fields: Mapping[str, Any]) -> DebtorStatusChanged:
    return DebtorStatusChanged(
        **fields,
        debtor_id=debtor["debtor_id"],
        status=debtor["status"],
        status_version=debtor["status_version"],
        reported_by=reported_by,
    )
