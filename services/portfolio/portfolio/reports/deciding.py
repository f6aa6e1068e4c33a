"""A person decides about a report: its effect happens now, or never."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from chassis import Conflict, InputModel, NotFound, OutputModel, Page, PageQuery, Reader, Text, page
from recobro_events import Event, Row, Transaction
from recobro_events.contracts import dialer_feed, field_visits
from recobro_events.contracts.base import REGISTRY
from recobro_events.contracts.portfolio import ContactChange

from portfolio.clarifications import opening
from portfolio.debtors import address_checks, contact_points, found_addresses, party_changes, statuses
from portfolio.debtors.rules import medium_refused
from portfolio.ledger import history
from portfolio.ledger.actors import ActorOfChange
from portfolio.ledger.history import Line
from portfolio.ledger.locking import lock_contracts
from portfolio.people import convenience
from portfolio.reports import queries
from portfolio.reports.keeping import name_of

_OF_NUMBERS = (dialer_feed.OptOutRequested, dialer_feed.ContactInvalid)


class ReportState(StrEnum):
    OPEN = "open"
    APPLIED = "applied"
    DISCARDED = "discarded"


class Report(OutputModel):
    """``kind`` is the reported fact, ``source`` the service that received it, ``content`` what was reported."""

    report_id: UUID
    contract_id: UUID
    kind: str
    source: str
    content: dict[str, Any]
    received_at: datetime
    state: ReportState
    detail: str | None
    decided_at: datetime | None
    decided_by: ActorOfChange


class Decision(InputModel):
    """``apply`` lets the report have its effect now. Otherwise it never has one."""

    apply: bool
    detail: Text | None = None


class ReportUnknown(NotFound):
    code = "report-unknown"
    detail = "There is no report with this id."


class ReportDecided(Conflict):
    code = "report-decided"
    detail = "Somebody has decided about this report already."


async def read(reader: Reader, report_id: UUID) -> Report:
    """Return the report. Raises ``ReportUnknown``."""
    row = await reader.fetchrow(queries.READ, report_id)
    if row is None:
        raise ReportUnknown()
    return _report(row)


async def listed(reader: Reader, query: PageQuery, state: ReportState | None, contract_id: UUID | None) -> Page[Any]:
    """Return a page of reports in the order of arrival."""
    rows = await reader.fetch(queries.LISTED[query.order], query.after_number(), state, contract_id, query.limit + 1)
    shown = page(rows, query, key=lambda row: (row["sequence"],))
    return Page(items=[_report(item) for item in shown["items"]], next_cursor=shown["next_cursor"])


async def decide(tx: Transaction, report_id: UUID, decision: Decision) -> Report:
    """Apply or discard a report. Raises ``ReportUnknown``, ``ReportDecided`` and ``ContactPointUnknown``."""
    row = await tx.fetchrow(queries.READ, report_id)
    if row is None:
        raise ReportUnknown()
    reported = REGISTRY[row["type"]].model_validate(row["body"])
    numbers = [reported.contact_id] if isinstance(reported, _OF_NUMBERS) else []
    others = await party_changes.lock_numbers(tx, numbers)
    await lock_contracts(tx, [], with_debtors_of=[row["contract_id"], *others])
    row = await tx.fetchrow(queries.LOCKED, report_id)
    assert row is not None
    if row["state"] != ReportState.OPEN:
        raise ReportDecided(extra={"state": row["state"]})
    state = ReportState.APPLIED if decision.apply else ReportState.DISCARDED
    await tx.execute(queries.DECIDE, report_id, state, decision.detail)
    data = {"report_id": report_id, "type": row["type"], "state": state}
    line = Line(row["contract_id"], "report_decided", f"{name_of(row['type'])} {state}", data)
    await history.record(tx, [line])
    if decision.apply:
        await _apply(tx, reported)
    return await read(tx, report_id)


async def _apply(tx: Transaction, event: Event) -> None:
    """Do what the event would have done. The rows of the debtor and of all their contracts are locked."""
    match event:
        case dialer_feed.OptOutRequested():
            finding = contact_points.Finding(
                event.contract_id, event.contact_id, ContactChange.OPTED_OUT, medium_refused(event.medium)
            )
            await contact_points.change(tx, [finding])
        case dialer_feed.ContactInvalid():
            finding = contact_points.Finding(event.contract_id, event.contact_id, ContactChange.INVALID)
            await contact_points.change(tx, [finding])
        case dialer_feed.DebtorReported() | field_visits.DebtorReported():
            await statuses.apply_reports(tx, [statuses.Report(event.contract_id, event.status, event.reported_by)])
        case dialer_feed.ConvenienceRequested():
            await convenience.add_reported(tx, [convenience.reported(event)])
        case dialer_feed.ClarificationRequested():
            await _open(tx, event, opening.OPENED_BY_DIALER)
        case field_visits.ClarificationRequested():
            await _open(tx, event, opening.OpenedBy.VISITOR)
        case field_visits.ContactDataCollected():
            found = contact_points.Found(event.contract_id, event.kind, event.value, event.provenance)
            await contact_points.add_found(tx, [found])
        case field_visits.AddressCollected():
            await found_addresses.add(tx, [event], received={})
        case field_visits.AddressChecked():
            await address_checks.store_verdicts(tx, [event], received={})
        case _:
            raise TypeError(f"a report of type {event.type} has no effect")


async def _open(
    tx: Transaction, event: dialer_feed.ClarificationRequested | field_visits.ClarificationRequested, opened_by: str
) -> None:
    await opening.open_requested(tx, [opening.Request(event.contract_id, event.reason, event.detail, opened_by)])


def _report(row: Row) -> Report:
    known = ("report_id", "contract_id", "received_at", "state", "detail", "decided_at", "decided_by")
    content = {name: value for name, value in row["body"].items() if name not in {"contract_id", "effective"}}
    return Report(
        **{name: row[name] for name in known},
        kind=name_of(row["type"]),
        source=row["type"].split(".")[0],
        content=content,
    )
