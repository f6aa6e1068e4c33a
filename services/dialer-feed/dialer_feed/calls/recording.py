"""Calls that dialers report: each counted once, acted on where it silences, and told apart when it was wrongful."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from chassis import Count, InputModel, Moment, ShortText
from jurisdictions import dialable_phone
from pydantic import Field
from recobro_events import Row, Transaction
from recobro_events.contracts.dialer_feed import CallCompleted, Disposition, WrongfulCallDetected
from typing_extensions import TypedDict

from dialer_feed import metrics
from dialer_feed.calls import queries
from dialer_feed.campaigns import rules
from dialer_feed.withdrawals import dialer_reports as reports
from dialer_feed.withdrawals import withdrawing as withdrawal
from dialer_feed.withdrawals.dialer_reports import Report

_CLOCK_DIFFERENCE = timedelta(hours=24)
"""A call that starts further ahead of our clock than this was not dialled by a clock that tells the time."""


class Call(InputModel):
    """One call as its dialer tells it. ``call_id`` is the dialer's own; told again, the call counts once."""

    call_id: ShortText = Field(max_length=64)
    list_id: UUID
    contract_number: ShortText
    phone: ShortText
    agent: ShortText
    started_at: Moment
    duration_seconds: Count
    disposition: Disposition


class Rejected(TypedDict):
    """A call that could not be recorded, and why."""

    call_id: str
    code: str
    detail: str


class Outcome(TypedDict):
    """``accepted`` counts the calls that are recorded now, whether or not they had been before."""

    accepted: int
    rejected: list[Rejected]


@dataclass(frozen=True)
class _Placed:
    """A call whose list, entry and number are known."""

    call: Call
    agency_id: UUID | None
    contract_id: UUID
    contact_id: UUID

    @property
    def dialed_for(self) -> UUID:
        return self.agency_id or rules.DIALED_FROM_INSIDE

    @property
    def entry(self) -> tuple[UUID, UUID]:
        return self.contract_id, self.call.list_id


@dataclass(frozen=True)
class _Judged(_Placed):
    """``withdrawn_at`` only where the call started after it; whether a dialer had acknowledged that by then."""

    withdrawn_at: datetime | None
    acknowledged: bool


async def receive(tx: Transaction, calls: Sequence[Call], agencies: dict[UUID, UUID | None], dialer_id: str) -> Outcome:
    """Record these calls. ``agencies``: the lists that the caller may report on, each with its agency."""
    await withdrawal.begin(tx)
    once: dict[str, Call] = {}
    for call in calls:
        once.setdefault(call.call_id, call)
    placed, rejected = await _placed(tx, list(once.values()), agencies)
    if placed:
        await withdrawal.lock(tx, {call.contract_id for call in placed})
        new = await _record(tx, await _judged(tx, placed), dialer_id)
        _publish(tx, new)
        await reports.act(tx, [report for call in new if (report := _report(call, dialer_id))])
        await withdrawal.number(tx)
    return Outcome(accepted=len(placed), rejected=rejected)


async def _placed(
    tx: Transaction, calls: Sequence[Call], agencies: dict[UUID, UUID | None]
) -> tuple[list[_Placed], list[Rejected]]:
    entries: dict[tuple[UUID, str], list[Row]] = {}
    names = [(call.list_id, call.contract_number) for call in calls]
    for row in await queries.entries_named(tx, *zip(*names, strict=True)):
        entries.setdefault((row["list_id"], row["contract_number"]), []).append(row)
    phones = await queries.phones_of(tx, [row["contract_id"] for rows in entries.values() for row in rows])
    placed: list[_Placed] = []
    rejected: list[Rejected] = []
    latest = withdrawal.now() + _CLOCK_DIFFERENCE
    for call in calls:
        if call.list_id not in agencies:
            rejected.append(_rejected(call, "list-unknown", "There is no such list."))
        elif not (named := entries.get((call.list_id, call.contract_number))):
            rejected.append(_rejected(call, "not-on-list", "This contract is not on the list."))
        elif call.started_at > latest:
            rejected.append(_rejected(call, "starts-in-the-future", "It starts more than a day ahead of our clock."))
        elif (dialled := _dialled(call, named, phones)) is None:
            rejected.append(_rejected(call, "phone-unknown", "This is not a phone of the contract."))
        else:
            placed.append(_Placed(call, agencies[call.list_id], *dialled))
    return placed, rejected


def _rejected(call: Call, code: str, detail: str) -> Rejected:
    return Rejected(call_id=call.call_id, code=code, detail=detail)


def _dialled(call: Call, entries: Sequence[Row], phones: dict[tuple[UUID, str], UUID]) -> tuple[UUID, UUID] | None:
    """The contract and the contact point that were dialled."""
    for entry in entries:
        number = dialable_phone(call.phone, entry["jurisdiction"])
        contact_id = phones.get((entry["contract_id"], number)) if number else None
        if contact_id is not None:
            return entry["contract_id"], contact_id
    return None


async def _judged(tx: Transaction, placed: Sequence[_Placed]) -> list[_Judged]:
    """Which calls were wrongful; the contracts are locked, so nothing is withdrawn meanwhile."""
    withdrawn = await queries.withdrawn_among(tx, *zip(*(call.entry for call in placed), strict=True))
    late = {
        n: row
        for n, call in enumerate(placed)
        if (row := withdrawn.get(call.entry)) and call.call.started_at > row["withdrawn_at"]
    }
    asked = [(n, row["list_id"], row["cursor"], placed[n].call.started_at) for n, row in late.items()]
    acknowledged = await queries.acknowledged_by_then(tx, asked)
    return [
        _Judged(
            call.call,
            call.agency_id,
            call.contract_id,
            call.contact_id,
            withdrawn_at=late[n]["withdrawn_at"] if n in late else None,
            acknowledged=n in acknowledged,
        )
        for n, call in enumerate(placed)
    ]


async def _record(tx: Transaction, calls: Sequence[_Judged], dialer_id: str) -> list[_Judged]:
    """Record the calls; those that were not known before."""
    rows = [
        (
            call.dialed_for,
            call.call.call_id,
            call.call.list_id,
            call.contract_id,
            call.contact_id,
            call.call.agent,
            call.call.started_at,
            call.call.duration_seconds,
            call.call.disposition,
            rules.is_right_party(call.call.disposition),
            call.withdrawn_at is not None,
            call.acknowledged,
        )
        for call in calls
    ]
    new = await queries.record_calls(tx, dialer_id, rows)
    return [call for call in calls if (call.dialed_for, call.call.call_id) in new]


def _publish(tx: Transaction, calls: Sequence[_Judged]) -> None:
    for call in calls:
        tx.publish(
            CallCompleted(
                contract_id=call.contract_id,
                call_id=call.call.call_id,
                list_id=call.call.list_id,
                agency_id=call.agency_id,
                contact_id=call.contact_id,
                agent=call.call.agent,
                started_at=call.call.started_at,
                duration_seconds=call.call.duration_seconds,
                disposition=call.call.disposition,
                right_party=rules.is_right_party(call.call.disposition),
            )
        )
        if call.withdrawn_at is not None:
            tx.publish(
                WrongfulCallDetected(
                    contract_id=call.contract_id,
                    call_id=call.call.call_id,
                    withdrawn_at=call.withdrawn_at,
                    called_at=call.call.started_at,
                    agency_id=call.agency_id,
                )
            )
            tx.after_commit(partial(_count_wrongful, call))


def _count_wrongful(call: _Judged) -> None:
    metrics.WRONGFUL_CALLS.labels("yes" if call.acknowledged else "no").inc()


def _report(call: _Judged, dialer_id: str) -> Report | None:
    """The withdrawal that the call's end asks for."""
    reason = rules.acts_like(call.call.disposition)
    if reason is None:
        return None
    return Report(call.call.list_id, call.contract_id, reason, [call.contact_id], dialer_id)
