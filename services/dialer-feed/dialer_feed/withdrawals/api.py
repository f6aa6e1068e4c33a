"""HTTP routes for withdrawals: the feed, dialers' own withdrawals, acknowledgements and the report."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

from chassis import (
    DIALING,
    Conflict,
    CurrentPrincipal,
    FieldError,
    InputModel,
    Invalid,
    NotFound,
    OutputModel,
    ReadConnection,
    Router,
    ServiceDatabase,
    ShortText,
    Text,
    WholeParameter,
    WriteTransaction,
    reads,
    writes,
)
from chassis.transactions import act_for_service
from fastapi import Query, Request
from pydantic import AfterValidator, Field, StrictInt
from recobro_events import Row, Transaction
from recobro_events.contracts.dialer_feed import WithdrawalReason

from dialer_feed.lists import named_entries
from dialer_feed.lists.reading import expect_list, refuse_unpublished
from dialer_feed.withdrawals import acknowledging, dialer_reports, measuring, queries, standing
from dialer_feed.withdrawals.cursors import expect_own_cursor
from dialer_feed.withdrawals.dialer_reports import REPORTABLE, Report
from dialer_feed.withdrawals.feed import Withdrawal, Withdrawals, withdrawals
from dialer_feed.withdrawals.measuring import WithdrawalReport
from dialer_feed.withdrawals.silencing import silencing
from dialer_feed.withdrawals.standing import Finding

router = Router(prefix="/v1")


def _reportable(reason: WithdrawalReason) -> WithdrawalReason:
    if reason not in REPORTABLE:
        raise ValueError(f"must be one of {', '.join(sorted(REPORTABLE))}")
    return reason


class NewWithdrawal(InputModel):
    """A dialer withdraws a contract from its list. Without ``phone`` the reason concerns all numbers of the entry."""

    contract_number: ShortText
    reason: Annotated[WithdrawalReason, AfterValidator(_reportable)]
    phone: ShortText | None = None
    detail: Text | None = None


class ReportedWithdrawal(Withdrawal):
    """``effective`` is false if the report takes the contract off this list only, and a person decides on the rest."""

    effective: bool


class TooManyReports(Conflict):
    code = "too-many-reports"
    detail = f"A contract can be withdrawn from a list at most {dialer_reports.MOST_BY_HAND} times."


class NewAcknowledgement(InputModel):
    cursor: Annotated[StrictInt, Field(ge=0)]


class Acknowledgement(OutputModel):
    """``cursor`` is how far this dialer has acknowledged by now."""

    list_id: UUID
    cursor: int
    newly_acknowledged: int


@router.get("/lists/{list_id}/withdrawals", tags=["lists"], dependencies=[reads("dialer-feed", agency=True), DIALING])
async def read_withdrawals(
    list_id: UUID,
    request: Request,
    database: ServiceDatabase,
    who: CurrentPrincipal,
    after: WholeParameter = 0,
    wait: Annotated[WholeParameter, Query(le=60)] = 0,
    limit: Annotated[WholeParameter, Query(ge=1, le=1000)] = 1000,
) -> Withdrawals:
    """Return the withdrawals after a cursor, in order. ``wait`` is how many seconds to wait for the first one.

    ``after`` 0 means from the beginning. A cursor that this list cannot have given is refused: read the entries again.

    An agency reads none when its list has been over for longer than the days of grace.
    """
    async with database.connection() as connection:
        known = await expect_list(connection, list_id, who)
    expect_own_cursor(known, after, "/query/after")
    grace = timedelta(days=request.app.state.settings.report_grace_days)
    if who.agency_id is not None and known["live_until"] and known["live_until"] + grace < datetime.now(UTC):
        return Withdrawals(items=(), next_cursor=after)
    rows = await withdrawals(database, list_id, after, limit, wait, request.app.state.stopping)
    items = tuple(Withdrawal(**row) for row in rows)
    return Withdrawals(items=items, next_cursor=items[-1].cursor if items else after)


@router.post(
    "/lists/{list_id}/withdrawals",
    status_code=201,
    tags=["dialers"],
    dependencies=[writes("dialer-feed", agency=True), DIALING],
)
async def withdraw(
    list_id: UUID, new: NewWithdrawal, request: Request, tx: WriteTransaction, who: CurrentPrincipal
) -> ReportedWithdrawal:
    """Withdraw a contract from the list. The reason decides what is silenced: a number, the contract or nothing.

    If the list is over, or the contract is not with the agency any more, the agency's report silences nothing; it is
    kept for a person to decide (``effective`` is false).
    """
    known = await expect_list(tx, list_id, who)
    refuse_unpublished(known)
    await act_for_service(tx)
    entries = await tx.fetch(named_entries.ENTRIES, [list_id], [new.contract_number])
    if not entries:
        raise NotFound("This contract is not on the list.", code="not-on-list")
    numbers = await _numbers(tx, entries, new.phone)
    grace: int = request.app.state.settings.report_grace_days
    async with silencing(tx, numbers) as lists:
        if await tx.fetch(queries.REPORTS_BY_HAND, list(numbers), list_id, dialer_reports.MOST_BY_HAND):
            raise TooManyReports()
        findings = [Finding(list_id, contract_id) for contract_id in numbers]
        effects = await standing.have_effect(tx, who, findings, timedelta(days=grace))
        reports = [
            Report(
                list_id,
                contract_id,
                new.reason,
                contact_ids,
                who.subject,
                agency_id=known["agency_id"],
                effective=effective,
                detail=new.detail,
            )
            for (contract_id, contact_ids), effective in zip(numbers.items(), effects, strict=True)
        ]
        await dialer_reports.act(tx, lists, reports)
    leads = list({entry["lead_id"] or entry["contract_id"] for entry in entries if entry["contract_id"] in numbers})
    if (first := await tx.fetchrow(queries.FIRST_WITHDRAWAL, list_id, leads)) is not None:
        return ReportedWithdrawal(**first, effective=all(effects))
    # The number was on no entry of this list, so the list has not changed.
    now = datetime.now(UTC)
    return ReportedWithdrawal(
        cursor=known["last_cursor"],
        kind="numbers_changed",
        contract_id=next(iter(numbers)),
        contract_number=new.contract_number,
        reason=new.reason,
        phones=None,
        party_phones=None,
        also=None,
        caused_at=now,
        withdrawn_at=now,
        effective=all(effects),
    )


async def _numbers(tx: Transaction, entries: Sequence[Row], phone: str | None) -> dict[UUID, Sequence[UUID]]:
    """Return the contracts, each with the contact points concerned. 422 when no contract has the phone."""
    if phone is None:
        return {entry["contract_id"]: entry["contact_ids"] for entry in entries}
    phones = await named_entries.Phones.read(tx, entries)
    found: dict[UUID, Sequence[UUID]] = {
        entry["contract_id"]: [point] for entry in entries if (point := phones.find(entry, phone))
    }
    if not found:
        mistake = FieldError("/phone", "must be a phone of the contract")
        raise Invalid("The contract has no such phone.", code="phone-unknown", errors=[mistake])
    return found


@router.post(
    "/lists/{list_id}/acknowledgements", tags=["dialers"], dependencies=[writes("dialer-feed", agency=True), DIALING]
)
async def acknowledge(
    list_id: UUID, new: NewAcknowledgement, tx: WriteTransaction, who: CurrentPrincipal
) -> Acknowledgement:
    """State that the dialer has acted on every withdrawal up to this cursor."""
    known = await expect_list(tx, list_id, who)
    expect_own_cursor(known, new.cursor, "/cursor")
    await act_for_service(tx)
    done = await acknowledging.acknowledge(tx, list_id, who.subject, new.cursor)
    return Acknowledgement(list_id=list_id, cursor=done.cursor, newly_acknowledged=done.newly_acknowledged)


@router.get("/withdrawal-report", tags=["dialers"], dependencies=[reads("dialer-feed", agency=True)])
async def report_withdrawals(list_id: UUID, reader: ReadConnection, who: CurrentPrincipal) -> WithdrawalReport:
    """Return how fast withdrawals reached the list and the dialers, and how many calls followed a withdrawal."""
    await expect_list(reader, list_id, who)
    return await measuring.report(reader, list_id)
