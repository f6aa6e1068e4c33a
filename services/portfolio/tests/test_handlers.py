"""Events from dialers, applied in batches of the real consumer."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from portfolio.handlers import consumer
from portfolio_builders import TODAY, Given, days_ago
from recobro_events import Event, UnappliableEvent, caused_event_id
from recobro_events.contracts.dialer_feed import (
    CallCompleted,
    ClarificationRequested,
    ContactInvalid,
    DebtorReported,
    Disposition,
    ListEntryWithdrawn,
    OptOutRequested,
    PaymentClaimed,
    WrongfulCallDetected,
)
from recobro_events.contracts.portfolio import (
    ClarificationOpened,
    ContactPointChanged,
    ContractStageChanged,
    DebtorStatus,
    DebtorStatusChanged,
)
from recobro_events.contracts.runtime import ContractSetAside
from recobro_events.testing import apply_events, apply_records, published, record_of

PHONE, OTHER_PHONE = "+525555123456", "+525555123457"
CONSUMER = "portfolio.events"


async def receive(given: Given, *events: Event) -> None:
    await apply_events(given.database, consumer, *events)


async def household(given: Given, contracts: int = 2) -> list[UUID]:
    """Contracts of one debtor that share two phones."""
    portfolio_id = await given.portfolio()
    return [
        await given.contract(portfolio_id, (days_ago(40), "100.00"), debtor_number="D", phones=[PHONE, OTHER_PHONE])
        for _ in range(contracts)
    ]


async def contact_of(given: Given, contract_id: UUID, value: str = PHONE) -> UUID:
    [row] = await given.rows(
        "SELECT contact_id FROM contact_point WHERE contract_id = $1 AND value = $2", contract_id, value
    )
    return row["contact_id"]  # type: ignore[no-any-return]


async def history(given: Given, contract_id: UUID) -> list[str]:
    rows = await given.rows("SELECT kind FROM contract_history WHERE contract_id = $1 ORDER BY history_id", contract_id)
    return [row["kind"] for row in rows]


async def test_an_opt_out_reaches_every_contract_of_the_debtor_once(given: Given) -> None:
    one, other = await household(given)
    event = OptOutRequested(contract_id=one, contact_id=await contact_of(given, one))
    record = record_of(event)
    await apply_records(given.database, consumer, [record])
    changes = await published(given.database, ContactPointChanged)
    assert {change.contract_id for change in changes} == {one, other}
    assert not any(change.usable for change in changes)
    for change in changes:
        assert change.event_id == caused_event_id(
            UUID(dict(record.headers)["ce_id"]), CONSUMER, change.type, change.key, 0
        )
        assert change.version == change.contact_version == (await given.row(change.contract_id))["version"]
    await receive(given, event, OptOutRequested(contract_id=other, contact_id=await contact_of(given, other)))
    assert len(await published(given.database, ContactPointChanged)) == 2


async def test_many_opt_outs_of_one_debtor_in_one_batch_are_all_applied(given: Given) -> None:
    one, other = await household(given)
    await receive(
        given,
        OptOutRequested(contract_id=one, contact_id=await contact_of(given, one), medium="sms"),
        OptOutRequested(contract_id=other, contact_id=await contact_of(given, other), medium="call"),
        OptOutRequested(contract_id=one, contact_id=await contact_of(given, one, OTHER_PHONE), medium="voice"),
    )
    rows = await given.rows("SELECT value, opted_out, media, usable FROM contact_point ORDER BY value")
    assert [(row["value"], row["opted_out"], sorted(row["media"]), row["usable"]) for row in rows] == [
        (PHONE, False, ["call", "sms"], False),
        (PHONE, False, ["call", "sms"], False),
        (OTHER_PHONE, True, [], False),
        (OTHER_PHONE, True, [], False),
    ]
    events = await published(given.database, ContactPointChanged)
    for contract_id in (one, other):
        versions = [event.version for event in events if event.contract_id == contract_id]
        assert versions == [2, 3, 4]


async def test_a_wrong_number_is_published_once(given: Given) -> None:
    [contract_id] = await household(given, contracts=1)
    contact_id = await contact_of(given, contract_id)
    for why in ("wrong_number", "disconnected"):
        await receive(given, ContactInvalid(contract_id=contract_id, contact_id=contact_id, why=why))
    [event] = await published(given.database, ContactPointChanged)
    assert (event.contact_id, event.usable) == (contact_id, False)


async def test_a_clarification_is_opened_once_for_a_reason(given: Given) -> None:
    [contract_id] = await household(given, contracts=1)
    asked = ClarificationRequested(contract_id=contract_id, reason="disputed", reported_by="dialer-1", detail="no")
    await receive(given, asked, asked)
    await receive(given, asked)
    [event] = await published(given.database, ClarificationOpened)
    assert (event.reason, event.opened_by, event.deadline_on) == ("disputed", "dialer", TODAY + timedelta(days=30))
    assert (event.version, event.days_past_due) == ((await given.row(contract_id))["version"], 40)
    assert (await history(given, contract_id)).count("clarification_requested") == 3
    await receive(given, ClarificationRequested(contract_id=contract_id, reason="not mine", reported_by="dialer-1"))
    assert len(await published(given.database, ClarificationOpened)) == 2


async def test_a_report_makes_a_status_graver_and_never_less_grave(given: Given) -> None:
    one, other = await household(given)
    for contract_id, status in (
        (one, DebtorStatus.REPRESENTED),
        (other, DebtorStatus.REPRESENTED),
        (other, DebtorStatus.DECEASED),
        (one, DebtorStatus.UNLOCATABLE),
        (one, DebtorStatus.ACTIVE),
    ):
        await receive(given, DebtorReported(contract_id=contract_id, status=status, reported_by="dialer-1"))
    events = await published(given.database, DebtorStatusChanged)
    assert [(event.status, event.status_version) for event in events if event.contract_id == one] == [
        (DebtorStatus.REPRESENTED, 1),
        (DebtorStatus.DECEASED, 2),
    ]
    assert len(events) == 4


async def test_reports_on_two_contracts_of_a_debtor_in_one_batch_are_applied_in_order(given: Given) -> None:
    one, other = await household(given)
    await receive(
        given,
        DebtorReported(contract_id=one, status=DebtorStatus.REPRESENTED, reported_by="a"),
        DebtorReported(contract_id=other, status=DebtorStatus.DECEASED, reported_by="b"),
    )
    events = await published(given.database, DebtorStatusChanged)
    assert [event.status_version for event in events] == [1, 1, 2, 2]
    assert len({event.event_id for event in events}) == 4


async def test_calls_and_claims_are_recorded_and_change_no_balance(given: Given) -> None:
    [contract_id] = await household(given, contracts=1)
    now = datetime.now(UTC)
    before = await given.row(contract_id)
    await receive(
        given,
        CallCompleted(
            contract_id=contract_id,
            call_id="c-1",
            list_id=uuid4(),
            agent="ana",
            started_at=now,
            duration_seconds=30,
            disposition=Disposition.PAYMENT_CLAIMED,
            right_party=True,
        ),
        PaymentClaimed(contract_id=contract_id, detail="yesterday"),
        WrongfulCallDetected(contract_id=contract_id, call_id="c-1", withdrawn_at=now, called_at=now),
    )
    assert await history(given, contract_id) == ["call", "payment_claimed", "wrongful_call"]
    assert await given.row(contract_id) == before
    [row] = await given.rows("SELECT summary, data FROM contract_history WHERE kind = 'call'")
    assert row["summary"] == "outbound, by ana, 30 s: payment_claimed"
    assert (row["data"]["agent"], row["data"]["disposition"]) == ("ana", "payment_claimed")


async def test_a_contract_that_a_run_has_not_reached_is_staged_with_an_id_made_from_the_cause(given: Given) -> None:
    portfolio_id = await given.portfolio()
    contract_id = await given.contract(portfolio_id, (days_ago(30), "100.00"))
    await given.business_date(portfolio_id, TODAY + timedelta(days=1))
    record = record_of(ClarificationRequested(contract_id=contract_id, reason="r", reported_by="d"))
    await apply_records(given.database, consumer, [record])
    [restaged] = await published(given.database, ContractStageChanged)
    [opened] = await published(given.database, ClarificationOpened)
    assert (restaged.version, opened.version, opened.as_of) == (2, 3, TODAY + timedelta(days=1))
    cause = UUID(dict(record.headers)["ce_id"])
    assert restaged.event_id == caused_event_id(cause, CONSUMER, restaged.type, restaged.key, 0)
    assert opened.event_id == caused_event_id(cause, CONSUMER, opened.type, opened.key, 0)


@pytest.mark.parametrize(
    "event",
    [
        OptOutRequested(contract_id=uuid4(), contact_id=uuid4()),
        ContactInvalid(contract_id=uuid4(), contact_id=uuid4(), why="x"),
        ClarificationRequested(contract_id=uuid4(), reason="x", reported_by="y"),
        DebtorReported(contract_id=uuid4(), status=DebtorStatus.DECEASED, reported_by="y"),
        PaymentClaimed(contract_id=uuid4()),
    ],
    ids=lambda event: type(event).__name__,
)
async def test_an_event_about_an_unknown_contract_stops_the_consumer_and_changes_nothing(
    given: Given, event: Any
) -> None:
    [contract_id] = await household(given, contracts=1)
    before = await given.everything()
    known = DebtorReported(contract_id=contract_id, status=DebtorStatus.DECEASED, reported_by="a")
    with pytest.raises(UnappliableEvent, match=str(event.contract_id)):
        await receive(given, known, event)
    assert await given.everything() == before


async def test_a_contact_point_of_another_contract_is_refused(given: Given) -> None:
    [one] = await household(given, contracts=1)
    stranger = await given.contract(await given.portfolio(), (days_ago(1), "1.00"), phones=[PHONE])
    for contact_id in (await contact_of(given, stranger), uuid4()):
        with pytest.raises(UnappliableEvent):
            await receive(given, OptOutRequested(contract_id=one, contact_id=contact_id))
    assert await published(given.database, ContactPointChanged) == []


def test_only_lines_of_history_may_wait() -> None:
    assert {ListEntryWithdrawn, WrongfulCallDetected} <= consumer.paced
    at_once = {CallCompleted, ClarificationRequested, ContactInvalid, DebtorReported, OptOutRequested, ContractSetAside}
    assert not consumer.paced & at_once
