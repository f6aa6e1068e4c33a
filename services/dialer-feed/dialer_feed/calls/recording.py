"""Recording the calls that dialers report. Each call is recorded once; some dispositions silence the contract."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Literal, NamedTuple
from uuid import UUID

from chassis import Principal
from recobro_events import Lane, Row, Transaction
from recobro_events.contracts.dialer_feed import (
    CallDirection,
    ConvenienceRequested,
    WrongfulCallDetected,
)
from recobro_events.tracing import current_traceparent
from typing_extensions import TypedDict

from dialer_feed import metrics
from dialer_feed.calls import dispositions, permits, queries, rules, wrongful
from dialer_feed.calls.matching import Call, MatchedCall, Rejected, match
from dialer_feed.calls.wrongful import Wrongful
from dialer_feed.lists import frequency
from dialer_feed.suppression.rules import hash_of
from dialer_feed.withdrawals import dialer_reports, standing
from dialer_feed.withdrawals.dialer_reports import Report
from dialer_feed.withdrawals.silencing import silencing
from dialer_feed.withdrawals.standing import Finding

MOST_CALLS = 100
"""The most calls of one contract by one list, and of one contract without a list that are reported in 24 hours."""


class Accepted(TypedDict):
    """A recorded call.

    ``status``: ``known`` if it had been recorded before, ``repeated`` if it stands more than once in the request.
    ``unlisted``: its contract was not on the named list, or that list was not live at the start. ``wrongful``: contract
    or number were silent at the start. ``overtaken``: they were too, but the call began by a permit in force, and its
    dialer had not yet acknowledged the withdrawal. ``breaches``: the other rules of contact that it broke.
    """

    call_id: str
    contract_id: UUID
    status: Literal["recorded", "known", "repeated"]
    unlisted: bool
    wrongful: bool
    overtaken: bool
    breaches: Sequence[str]


class Outcome(TypedDict):
    """``accepted`` counts the recorded calls, including calls that had been recorded before; ``items`` has each.

    ``without_effect`` counts the new calls whose report is kept for a person to decide.
    """

    accepted: int
    without_effect: int
    items: list[Accepted]
    rejected: list[Rejected]


_Judged = tuple[MatchedCall, Wrongful | None]


class _Recorded(NamedTuple):
    """A call that was new. ``wrong`` is None for a call that was overtaken."""

    matched: MatchedCall
    wrong: Wrongful | None
    is_overtaken: bool
    breaches: Sequence[str]


async def receive(
    tx: Transaction, calls: Sequence[Call], own_lists: dict[UUID, Row], who: Principal, grace: timedelta
) -> Outcome:
    """Record these calls. ``own_lists`` are the lists that the client may report on."""
    unique: dict[str, Call] = {}
    for call in calls:
        unique.setdefault(call.call_id, call)
    meanings = await dispositions.meanings(tx, list(unique.values()), own_lists, who.agency_id)
    matched, rejected = await match(tx, list(unique.values()), own_lists, who.agency_id, meanings)
    reports: Sequence[Report] = []
    items: list[Accepted] = []
    if matched:
        reporting = {call.contract_id for call in matched if rules.acts_like(call.disposition)}
        async with silencing(tx, reporting, beside={call.contract_id for call in matched}) as lists:
            matched, too_many = await _bounded(tx, matched)
            rejected += too_many
            new = await _record(tx, await _judged(tx, matched), who.subject) if matched else []
            items = await _outcomes(tx, matched, new)
            await dispositions.keep_unknown(tx, [one.matched for one in new])
            _publish_wrongs(tx, new)
            await _publish_conveniences(tx, [one.matched for one in new], who, grace)
            reports = await _reports(tx, [one.matched for one in new], who, grace)
            await dialer_reports.act(tx, lists, reports)
    by_id = {item["call_id"]: item for item in items}
    again = Counter(call.call_id for call in calls) - Counter(unique.keys())
    items += [Accepted(**by_id[call_id] | {"status": "repeated"}) for call_id in again.elements() if call_id in by_id]
    without_effect = sum(not report.effective for report in reports)
    return Outcome(accepted=len(matched), without_effect=without_effect, items=items, rejected=rejected)


async def _bounded(tx: Transaction, matched: Sequence[MatchedCall]) -> tuple[list[MatchedCall], list[Rejected]]:
    """Return the calls that stay within ``MOST_CALLS``, and the others as rejected calls.

    The caller has locked the contracts. A call that is reported again does not count twice.
    """
    names = [(m.contract_id, m.list_id) for m in matched]
    ids = list({m.dialed_for for m in matched}), [m.call.call_id for m in matched]
    rows = await tx.fetch(queries.RECORDED, *zip(*names, strict=True), *ids)
    calls = Counter({(row["contract_id"], row["list_id"]): row["calls"] for row in rows})
    kept: list[MatchedCall] = []
    rejected: list[Rejected] = []
    detail = f"A list can have at most {MOST_CALLS} calls of one contract, as can 24 hours without a list."
    for name, call in zip(names, matched, strict=True):
        calls[name] += 1
        if calls[name] <= MOST_CALLS:
            kept.append(call)
        else:
            rejected.append(Rejected(call_id=call.call.call_id, code="too-many-calls", detail=detail))
    return kept, rejected


async def _judged(tx: Transaction, matched: Sequence[MatchedCall]) -> list[_Judged]:
    """Return each call with the silence that makes it wrongful, or None. An inbound call is never wrongful."""
    outbound = [m for m in matched if m.call.direction is CallDirection.OUTBOUND]
    starts = [wrongful.Start(m.contract_id, m.contact_id, m.agency_id, m.list_id, m.call.started_at) for m in outbound]
    found = dict(zip((m.call.call_id for m in outbound), await wrongful.judge(tx, starts), strict=True))
    return [(m, found.get(m.call.call_id)) for m in matched]


async def _record(tx: Transaction, judged: Sequence[_Judged], dialer_id: str) -> list[_Recorded]:
    """Record and publish the calls, end their attempts, and mark those that were too frequent. Return the new ones."""
    made_by = await permits.used_by(tx, [matched for matched, _ in judged], dialer_id)
    rows = [_row(matched, wrong, made_by.get(matched.key)) for matched, wrong in judged]
    new = await tx.fetch(queries.RECORD, dialer_id, *zip(*rows, strict=True), current_traceparent())
    breaches: dict[tuple[UUID, str], list[str]] = {(row["dialed_for"], row["call_id"]): row["breaches"] for row in new}
    if breaches:
        tx.wrote_outbox(Lane.EVENTS)
        keys = list(zip(*sorted(breaches), strict=True))
        await tx.execute(queries.END_ATTEMPTS, *keys)
        for row in await tx.fetch(queries.MARK_TOO_FREQUENT, *keys, *frequency.limits()):
            breaches[row["dialed_for"], row["call_id"]].append(rules.Breach.FREQUENCY)
    found = []
    for matched, wrong in judged:
        if matched.key in breaches:
            overtaken = permits.has_overtaken(made_by.get(matched.key), wrong)
            found.append(_Recorded(matched, None if overtaken else wrong, overtaken, breaches[matched.key]))
    return found


def _row(matched: MatchedCall, wrong: Wrongful | None, permit: Row | None) -> tuple[object, ...]:
    call = matched.call
    return (
        matched.dialed_for,
        call.call_id,
        matched.list_id,
        matched.contract_id,
        matched.contact_id,
        call.agent,
        call.started_at,
        call.duration_seconds,
        matched.disposition,
        rules.is_right_party(matched.disposition),
        wrong and wrong.reason,
        wrong is not None and wrong.acknowledged,
        call.direction,
        matched.manual,
        matched.unlisted,
        matched.attempt,
        matched.outside_hours,
        None if matched.knows_number else call.phone,
        permit and permit["permit_id"],
        permits.has_overtaken(permit, wrong),
        matched.needs_permit and permit is None,
        hash_of(matched.number) if call.direction is CallDirection.OUTBOUND else None,
        matched.inconvenient,
        call.recording and call.recording.uri,
        call.recording and call.recording.sha256,
        call.recording and call.recording.announced,
        call.disposition_code,
    )


async def _outcomes(tx: Transaction, matched: Sequence[MatchedCall], recorded: Sequence[_Recorded]) -> list[Accepted]:
    """Return what is recorded of these calls, in their order."""
    outcomes = {
        one.matched.key: Accepted(
            call_id=one.matched.call.call_id,
            contract_id=one.matched.contract_id,
            status="recorded",
            unlisted=one.matched.unlisted,
            wrongful=one.wrong is not None,
            overtaken=one.is_overtaken,
            breaches=one.breaches,
        )
        for one in recorded
    }
    if known := [m.key for m in matched if m.key not in outcomes]:
        for row in await tx.fetch(queries.OUTCOMES, *zip(*known, strict=True)):
            outcomes[row["dialed_for"], row["call_id"]] = Accepted(
                call_id=row["call_id"],
                contract_id=row["contract_id"],
                status="known",
                unlisted=row["unlisted"],
                wrongful=row["wrongful"],
                overtaken=row["overtaken"],
                breaches=row["breaches"],
            )
    return [outcomes[m.key] for m in matched]


def _publish_wrongs(tx: Transaction, recorded: Sequence[_Recorded]) -> None:
    """Publish the wrongful calls, and count what the calls broke."""
    for matched, wrong, is_overtaken, breaches in recorded:
        if wrong is not None:
            tx.publish(
                WrongfulCallDetected(
                    contract_id=matched.contract_id,
                    call_id=matched.call.call_id,
                    withdrawn_at=wrong.withdrawn_at,
                    called_at=matched.call.started_at,
                    agency_id=matched.agency_id,
                )
            )
            tx.after_commit(partial(wrongful.count, wrong))
        if is_overtaken:
            tx.after_commit(metrics.OVERTAKEN_CALLS.inc)
        for breach in breaches:
            tx.after_commit(metrics.BREACHES.labels(breach).inc)


async def _publish_conveniences(
    tx: Transaction, calls: Sequence[MatchedCall], who: Principal, grace: timedelta
) -> None:
    """Publish what debtors have called inconvenient. The portfolio answers with what holds for the person."""
    saying = [(m, m.call.inconvenient) for m in calls if m.call.inconvenient is not None]
    findings = [Finding(m.list_id, m.contract_id, m.call.started_at) for m, _ in saying]
    effects = await standing.have_effect(tx, who, findings, grace)
    tx.publish(
        *(
            ConvenienceRequested(
                contract_id=m.contract_id,
                **said.model_dump(),
                reported_by=who.subject,
                call_id=m.call.call_id,
                effective=effective,
            )
            for (m, said), effective in zip(saying, effects, strict=True)
        )
    )


async def _reports(tx: Transaction, calls: Sequence[MatchedCall], who: Principal, grace: timedelta) -> Sequence[Report]:
    """Return the reports that the calls' dispositions stand for.

    The portfolio does not know the number of a call that its contract does not have. What is reported of such a number
    is kept without effect, for a person.
    """
    acting = [(matched, reason) for matched in calls if (reason := rules.acts_like(matched.disposition))]
    findings = [Finding(m.list_id, m.contract_id, m.call.started_at) for m, _ in acting]
    effects = await standing.have_effect(tx, who, findings, grace)
    return [
        Report(
            matched.list_id,
            matched.contract_id,
            reason,
            [matched.contact_id],
            who.subject,
            agency_id=matched.agency_id,
            effective=effective and (matched.knows_number or reason not in dialer_reports.OF_A_NUMBER),
            published=matched.knows_number or reason not in dialer_reports.OF_A_NUMBER,
            call_id=matched.call.call_id,
        )
        for (matched, reason), effective in zip(acting, effects, strict=True)
    ]
