"""The status of a debtor, which holds for every contract of the debtor, and of all debtors who are the same person.

What was stated is kept with the debtor of whom it was stated. The gravest of it holds for the person.
"""

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from chassis import ContractUnknown, InputModel, OutputModel, ShortText, Text
from recobro_events import Row, Transaction, cut_into_waves
from recobro_events.contracts.portfolio import DebtorStatus, DebtorStatusChanged, StageCause

from portfolio.debtors import queries
from portfolio.debtors.rules import report_changes_status
from portfolio.ledger import history
from portfolio.ledger.changes import Change, record_each
from portfolio.ledger.history import Line
from portfolio.ledger.locking import lock_contracts


class NewDebtorStatus(InputModel):
    status: DebtorStatus
    reported_by: ShortText
    detail: Text | None = None


class DebtorStatusOutcome(OutputModel):
    """``changed`` is false when the debtor had this status already. ``contracts`` counts the person's contracts."""

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
    report = Report(contract_id, new.status, new.reported_by, new.detail)
    changed = await _save(tx, [report], lifts=True)
    [debtor] = await tx.fetch(queries.DEBTORS, [contract_id])
    return DebtorStatusOutcome(
        debtor_id=debtor["debtor_id"],
        status=debtor["status"],
        changed=changed > 0,
        contracts=await tx.fetchval(queries.CONTRACTS_OF_PERSON, debtor["person"]),
    )


async def apply_reports(tx: Transaction, reports: Sequence[Report]) -> None:
    """Apply reports from outside. A report that does not make the stated status graver changes nothing.

    The rows of the people and of all their contracts are locked.
    """
    for wave in await _by_person(tx, reports):
        rows = await tx.fetch(queries.DEBTORS, [report.contract_id for report in wave])
        stated = {row["contract_id"]: DebtorStatus(row["stated"]) for row in rows}
        graver = [report for report in wave if report_changes_status(stated[report.contract_id], report.status)]
        if graver:
            await _save(tx, graver, lifts=False)


async def _by_person(tx: Transaction, reports: Sequence[Report]) -> Sequence[Sequence[Report]]:
    rows = await tx.fetch(queries.DEBTORS, [report.contract_id for report in reports])
    people = {row["contract_id"]: row["person"] for row in rows}
    return cut_into_waves(reports, key=lambda report: people[report.contract_id])


async def _save(tx: Transaction, reports: Sequence[Report], *, lifts: bool) -> int:
    """Keep these reports and publish the statuses that change. No person may occur twice.

    ``lifts``: what was stated of other debtors of the person holds no longer where it is graver. Returns the number of
    debtors whose status has changed.
    """
    rows = await tx.fetch(queries.DEBTORS, [report.contract_id for report in reports])
    debtors = {row["contract_id"]: row["debtor_id"] for row in rows}
    people = {row["contract_id"]: row["person"] for row in rows}
    report_of = {debtors[report.contract_id]: report for report in reports}
    report_of_person = {people[report.contract_id]: report for report in reports}
    statuses = [report.status for report in report_of.values()]
    stated = await tx.fetch(queries.KEEP_STATUS, list(report_of.keys()), statuses, lifts)
    changed = await _spread(tx, list(report_of.keys()), report_of_person)
    await _record_repeated(tx, {row["debtor_id"] for row in stated} - changed, report_of)
    return len(changed)


async def spread(tx: Transaction, debtor_ids: Collection[UUID], why: str) -> None:
    """After debtors were linked or unlinked, let what was stated of each reach its person, and publish what changes.

    The rows of the people and of all their contracts are locked. ``why`` stands in the events as ``reported_by``.
    """
    await _spread(tx, debtor_ids, {}, why)


async def _spread(
    tx: Transaction, debtor_ids: Collection[UUID], report_of_person: Mapping[UUID, Report], why: str = ""
) -> set[UUID]:
    rows = await tx.fetch(queries.SPREAD_STATUS, list(debtor_ids))
    changed = {row["debtor_id"]: row for row in rows if row["changed"]}
    changes = []
    for held in await tx.fetch(queries.CONTRACTS, list(changed.keys())):
        debtor = changed[held["debtor_id"]]
        report = report_of_person.get(debtor["person"])
        reported_by = why if report is None else report.reported_by
        line = _line(held["contract_id"], debtor["status"], reported_by, report)
        changes.append(Change(partial(_event, debtor, reported_by), line, report and report.received))
    await record_each(tx, StageCause.CATCH_UP, changes)
    return set(changed)


async def _record_repeated(tx: Transaction, debtor_ids: Collection[UUID], report_of: Mapping[UUID, Report]) -> None:
    """The status holds for these debtors already, through another debtor of their person."""
    held = await tx.fetch(queries.CONTRACTS, [one for one in debtor_ids if one in report_of]) if debtor_ids else []
    lines = []
    for row in held:
        report = report_of[row["debtor_id"]]
        lines.append(_line(row["contract_id"], report.status, report.reported_by, report))
    await history.record(tx, lines)


def _line(contract_id: UUID, status: str, reported_by: str, report: Report | None) -> Line:
    data = {"status": status, "reported_by": reported_by, "detail": report and report.detail}
    return Line(contract_id, "debtor_status_changed", f"{status}, reported by {reported_by}", data)


def _event(debtor: Row, reported_by: str, fields: Mapping[str, Any]) -> DebtorStatusChanged:
    return DebtorStatusChanged(
        **fields,
        debtor_id=debtor["debtor_id"],
        status=debtor["status"],
        status_version=debtor["status_version"],
        reported_by=reported_by,
    )
