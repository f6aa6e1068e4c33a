"""Recording the calls that dialers report. Each call is recorded once; some dispositions silence the contract."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

from chassis import Count, InputModel, Moment, ShortText
from pydantic import Field
from recobro_events import Row, Transaction
from recobro_events.contracts.dialer_feed import CallCompleted, Disposition, WrongfulCallDetected
from typing_extensions import TypedDict

from dialer_feed.calls import queries, rules, wrongful
from dialer_feed.calls.wrongful import Wrongful
from dialer_feed.lists import named_entries
from dialer_feed.withdrawals import dialer_reports
from dialer_feed.withdrawals.dialer_reports import Report
from dialer_feed.withdrawals.silencing import silencing

_CLOCK_DIFFERENCE = timedelta(hours=24)
"""A call that starts further ahead of our clock than this is rejected: the dialer's clock must be wrong."""


class Call(InputModel):
    """One call as its dialer reports it. ``call_id`` is the dialer's own; a call that is reported again counts once."""

    call_id: ShortText = Field(max_length=64)
    list_id: UUID
    contract_number: ShortText
    phone: ShortText
    agent: ShortText
    started_at: Moment
    duration_seconds: Count
    disposition: Disposition


class Rejected(TypedDict):
    """A call that was not recorded, and why."""

    call_id: str
    code: str
    detail: str


class Outcome(TypedDict):
    """``accepted`` counts the recorded calls, including calls that had been recorded before."""

    accepted: int
    rejected: list[Rejected]


@dataclass(frozen=True)
class _MatchedCall:
    """A call with the list, entry and phone that it belongs to."""

    call: Call
    agency_id: UUID | None
    contract_id: UUID
    contact_id: UUID

    @property
    def dialed_for(self) -> UUID:
        return self.agency_id or rules.DIALED_FROM_INSIDE


_Judged = tuple[_MatchedCall, Wrongful | None]


async def receive(tx: Transaction, calls: Sequence[Call], agencies: dict[UUID, UUID | None], dialer_id: str) -> Outcome:
    """Record these calls. ``agencies`` maps each list that the client may report on to its agency."""
    unique: dict[str, Call] = {}
    for call in calls:
        unique.setdefault(call.call_id, call)
    matched, rejected = await _match(tx, list(unique.values()), agencies)
    if matched:
        async with silencing(tx, {call.contract_id for call in matched}) as lists:
            new = await _record(tx, await _judged(tx, matched), dialer_id)
            _publish(tx, new)
            reports = [report for call, _ in new if (report := _report(call, dialer_id))]
            await dialer_reports.act(tx, lists, reports)
    return Outcome(accepted=len(matched), rejected=rejected)


async def _match(
    tx: Transaction, calls: Sequence[Call], agencies: dict[UUID, UUID | None]
) -> tuple[list[_MatchedCall], list[Rejected]]:
    """Find the list, entry and phone of each call. Return the calls that have all three, and the rejected calls."""
    entries: dict[tuple[UUID, str], list[Row]] = {}
    names = [(call.list_id, call.contract_number) for call in calls]
    for row in await tx.fetch(named_entries.ENTRIES, *zip(*names, strict=True)):
        entries.setdefault((row["list_id"], row["contract_number"]), []).append(row)
    phones = await named_entries.Phones.read(tx, (row for rows in entries.values() for row in rows))
    matched: list[_MatchedCall] = []
    rejected: list[Rejected] = []
    latest = datetime.now(UTC) + _CLOCK_DIFFERENCE
    for call in calls:
        if call.list_id not in agencies:
            rejected.append(_rejected(call, "list-unknown", "There is no such list."))
        elif not (named := entries.get((call.list_id, call.contract_number))):
            rejected.append(_rejected(call, "not-on-list", "This contract is not on the list."))
        elif call.started_at > latest:
            rejected.append(
                _rejected(call, "starts-in-the-future", "The call starts more than a day ahead of our clock.")
            )
        elif (dialled := _dialled(call, named, phones)) is None:
            rejected.append(_rejected(call, "phone-unknown", "This is not a phone of the contract."))
        else:
            matched.append(_MatchedCall(call, agencies[call.list_id], *dialled))
    return matched, rejected


def _rejected(call: Call, code: str, detail: str) -> Rejected:
    return Rejected(call_id=call.call_id, code=code, detail=detail)


def _dialled(call: Call, entries: Sequence[Row], phones: named_entries.Phones) -> tuple[UUID, UUID] | None:
    """Return the contract and the contact point that were dialled, or None."""
    for entry in entries:
        if contact_id := phones.find(entry, call.phone):
            return entry["contract_id"], contact_id
    return None


async def _judged(tx: Transaction, matched: Sequence[_MatchedCall]) -> list[_Judged]:
    """Return each call with the withdrawal that makes it wrongful, or None."""
    starts = [wrongful.Start(m.contract_id, m.call.list_id, m.call.started_at) for m in matched]
    return list(zip(matched, await wrongful.judge(tx, starts), strict=True))


async def _record(tx: Transaction, judged: Sequence[_Judged], dialer_id: str) -> list[_Judged]:
    """Record the calls. Return those that were new."""
    rows = [
        (
            matched.dialed_for,
            matched.call.call_id,
            matched.call.list_id,
            matched.contract_id,
            matched.contact_id,
            matched.call.agent,
            matched.call.started_at,
            matched.call.duration_seconds,
            matched.call.disposition,
            rules.is_right_party(matched.call.disposition),
            wrong is not None,
            wrong is not None and wrong.acknowledged,
        )
        for matched, wrong in judged
    ]
    recorded = await tx.fetch(queries.RECORD, dialer_id, *zip(*rows, strict=True))
    new = {(row["dialed_for"], row["call_id"]) for row in recorded}
    return [(matched, wrong) for matched, wrong in judged if (matched.dialed_for, matched.call.call_id) in new]


def _publish(tx: Transaction, judged: Sequence[_Judged]) -> None:
    for matched, wrong in judged:
        call = matched.call
        tx.publish(
            CallCompleted(
                contract_id=matched.contract_id,
                call_id=call.call_id,
                list_id=call.list_id,
                agency_id=matched.agency_id,
                contact_id=matched.contact_id,
                agent=call.agent,
                started_at=call.started_at,
                duration_seconds=call.duration_seconds,
                disposition=call.disposition,
                right_party=rules.is_right_party(call.disposition),
            )
        )
        if wrong is not None:
            tx.publish(
                WrongfulCallDetected(
                    contract_id=matched.contract_id,
                    call_id=call.call_id,
                    withdrawn_at=wrong.withdrawn_at,
                    called_at=call.started_at,
                    agency_id=matched.agency_id,
                )
            )
            tx.after_commit(partial(wrongful.count, wrong))


def _report(matched: _MatchedCall, dialer_id: str) -> Report | None:
    """Return the report that the call's disposition stands for, or None."""
    reason = rules.acts_like(matched.call.disposition)
    if reason is None:
        return None
    return Report(matched.call.list_id, matched.contract_id, reason, [matched.contact_id], dialer_id)
