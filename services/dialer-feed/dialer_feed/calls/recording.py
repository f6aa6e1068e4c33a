"""Recording the calls that dialers report. Each call is recorded once; some dispositions silence the contract."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated
from uuid import UUID

from chassis import InputModel, Moment, Principal, ShortText
from pydantic import Field, StrictInt
from recobro_events import Row, Transaction
from recobro_events.contracts.dialer_feed import CallCompleted, Disposition, WrongfulCallDetected
from typing_extensions import TypedDict

from dialer_feed.calls import queries, rules, wrongful
from dialer_feed.calls.wrongful import Wrongful
from dialer_feed.lists import named_entries
from dialer_feed.withdrawals import dialer_reports, standing
from dialer_feed.withdrawals.dialer_reports import Report
from dialer_feed.withdrawals.silencing import silencing
from dialer_feed.withdrawals.standing import Finding

_CLOCK_DIFFERENCE = timedelta(hours=24)
"""A call that starts further ahead of our clock than this is rejected: the dialer's clock must be wrong.

It is also rejected if it starts longer than this before its list was published.
"""
OLDEST_DAYS = 30
"""A call that started longer ago than this is rejected."""
LONGEST_SECONDS = 86_400
MOST_CALLS = 100
"""The most calls of one contract by one list."""


class Call(InputModel):
    """One call as its dialer reports it. ``call_id`` is the dialer's own; a call that is reported again counts once."""

    call_id: ShortText = Field(max_length=64)
    list_id: UUID
    contract_number: ShortText
    phone: ShortText
    agent: ShortText
    started_at: Moment
    duration_seconds: Annotated[StrictInt, Field(ge=0, le=LONGEST_SECONDS)]
    disposition: Disposition


class Rejected(TypedDict):
    """A call that was not recorded, and why."""

    call_id: str
    code: str
    detail: str


class Outcome(TypedDict):
    """``accepted`` counts the recorded calls, including calls that had been recorded before.

    ``without_effect`` counts the new calls whose report is kept for a person to decide.
    """

    accepted: int
    without_effect: int
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


async def receive(
    tx: Transaction, calls: Sequence[Call], own_lists: dict[UUID, Row], who: Principal, grace: timedelta
) -> Outcome:
    """Record these calls. ``own_lists`` are the lists that the client may report on."""
    unique: dict[str, Call] = {}
    for call in calls:
        unique.setdefault(call.call_id, call)
    matched, rejected = await _match(tx, list(unique.values()), own_lists)
    reports: Sequence[Report] = []
    if matched:
        async with silencing(tx, {call.contract_id for call in matched}) as lists:
            matched, too_many = await _bounded(tx, matched)
            rejected += too_many
            new = await _record(tx, await _judged(tx, matched), who.subject) if matched else []
            _publish(tx, new)
            reports = await _reports(tx, [call for call, _ in new], who, grace)
            await dialer_reports.act(tx, lists, reports)
    without_effect = sum(not report.effective for report in reports)
    return Outcome(accepted=len(matched), without_effect=without_effect, rejected=rejected)


async def _match(
    tx: Transaction, calls: Sequence[Call], own_lists: dict[UUID, Row]
) -> tuple[list[_MatchedCall], list[Rejected]]:
    """Find the list, entry and phone of each call. Return the calls that have all three, and the rejected calls."""
    entries: dict[tuple[UUID, str], list[Row]] = {}
    names = [(call.list_id, call.contract_number) for call in calls if call.list_id in own_lists]
    for row in await tx.fetch(named_entries.ENTRIES, *zip(*names, strict=True)) if names else ():
        entries.setdefault((row["list_id"], row["contract_number"]), []).append(row)
    phones = await named_entries.Phones.read(tx, (row for rows in entries.values() for row in rows))
    matched: list[_MatchedCall] = []
    rejected: list[Rejected] = []
    for call in calls:
        if call.list_id not in own_lists:
            rejected.append(_rejected(call, "list-unknown", "There is no such list."))
        elif not (named := entries.get((call.list_id, call.contract_number))):
            rejected.append(_rejected(call, "not-on-list", "This contract is not on the list."))
        elif wrong := _wrong_start(call.started_at, own_lists[call.list_id]["published_at"]):
            rejected.append(_rejected(call, *wrong))
        elif (dialled := _dialled(call, named, phones)) is None:
            rejected.append(_rejected(call, "phone-unknown", "This is not a phone of the contract."))
        else:
            matched.append(_MatchedCall(call, own_lists[call.list_id]["agency_id"], *dialled))
    return matched, rejected


async def _bounded(tx: Transaction, matched: Sequence[_MatchedCall]) -> tuple[list[_MatchedCall], list[Rejected]]:
    """Return the calls that stay within ``MOST_CALLS``, and the others as rejected calls.

    The caller has locked the contracts. A call that is reported again does not count twice.
    """
    names = [(m.contract_id, m.call.list_id) for m in matched]
    ids = list({m.dialed_for for m in matched}), [m.call.call_id for m in matched]
    rows = await tx.fetch(queries.RECORDED, *zip(*names, strict=True), *ids)
    calls = Counter({(row["contract_id"], row["list_id"]): row["calls"] for row in rows})
    kept: list[_MatchedCall] = []
    rejected: list[Rejected] = []
    detail = f"A list can have at most {MOST_CALLS} calls of one contract."
    for name, call in zip(names, matched, strict=True):
        calls[name] += 1
        if calls[name] <= MOST_CALLS:
            kept.append(call)
        else:
            rejected.append(_rejected(call.call, "too-many-calls", detail))
    return kept, rejected


def _wrong_start(started_at: datetime, published_at: datetime) -> tuple[str, str] | None:
    """Return why no call of a list can have started at this moment, as a code and a sentence; None when it can."""
    now = datetime.now(UTC)
    if started_at > now + _CLOCK_DIFFERENCE:
        return "starts-in-the-future", "The call starts more than a day ahead of our clock."
    if started_at < now - timedelta(days=OLDEST_DAYS):
        return "starts-too-long-ago", f"The call started more than {OLDEST_DAYS} days ago."
    if started_at < published_at - _CLOCK_DIFFERENCE:
        return "starts-before-its-list", "The call started more than a day before its list was published."
    return None


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


async def _reports(
    tx: Transaction, calls: Sequence[_MatchedCall], who: Principal, grace: timedelta
) -> Sequence[Report]:
    """Return the reports that the calls' dispositions stand for."""
    acting = [(matched, reason) for matched in calls if (reason := rules.acts_like(matched.call.disposition))]
    findings = [Finding(m.call.list_id, m.contract_id, m.call.started_at) for m, _ in acting]
    effects = await standing.have_effect(tx, who, findings, grace)
    return [
        Report(
            matched.call.list_id,
            matched.contract_id,
            reason,
            [matched.contact_id],
            who.subject,
            agency_id=matched.agency_id,
            effective=effective,
            call_id=matched.call.call_id,
        )
        for (matched, reason), effective in zip(acting, effects, strict=True)
    ]
