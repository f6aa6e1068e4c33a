"""At the door: who may learn the balance, how a visit ends, and which events are published."""

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from field_visits.door.rules import Breach
from printed_documents import RecordingPress, texts
from prometheus_client import REGISTRY
from recobro_events.contracts.field_visits import (
    AddressChecked,
    AddressCollected,
    ClarificationRequested,
    ContactDataCollected,
    DebtorReported,
    VisitCompleted,
)
from recobro_events.testing import published
from visited_contracts import balances_in
from visits_scene import DAY, Scene, moment

_EVENTS = (VisitCompleted, ClarificationRequested, DebtorReported, AddressChecked, ContactDataCollected)


async def test_the_debtors_attendance_returns_the_balance_and_payment_options(scene: Scene) -> None:
    contract = await scene.known_contract()
    visit = await scene.ordered(contract)
    later = DAY + timedelta(days=2)
    pause = contract.paused(DAY - timedelta(days=10), DAY - timedelta(days=6))
    await scene.receives(pause, scene.portfolio_state(business_date=later))
    answer = await scene.attend(visit)
    assert answer.status_code == 201
    assert answer.json()["balance"] == {
        "overdue_balance": "4321.09",
        "total_balance": "98765.43",
        "currency": "MXN",
        "days_past_due": 37,
        "as_of": str(later),
    }
    assert answer.json()["payment_options"] == [
        {"kind": "pay_now", "amount": "4321.09"},
        {"kind": "promise", "amount": "4321.09", "latest_due_on": str(later + timedelta(days=30))},
        {"kind": "plan", "amount": "98765.43"},
    ]
    [row] = await scene.rows("SELECT attended_by, told_balance, recorded_by FROM attendance")
    assert tuple(row) == ("debtor", True, "test")


@pytest.mark.parametrize("attended_by", ["third_party", "nobody"])
async def test_the_attendance_of_anybody_else_returns_no_balance(scene: Scene, attended_by: str) -> None:
    visit = await scene.ordered(await scene.known_contract())
    answer = await scene.attend(visit, attended_by)
    assert answer.status_code == 201
    assert answer.json() == {"visit_id": visit, "attended_by": attended_by, "at": moment()}
    assert not any((await scene.rows("SELECT told_balance FROM attendance"))[0])


def test_every_breach_is_reported_as_zero_at_start() -> None:
    for breach in Breach:
        assert REGISTRY.get_sample_value("contact_breaches_total", {"kind": breach}) is not None


@pytest.mark.process
async def test_only_the_debtors_attendance_and_the_letter_hold_the_balance(scene: Scene, press: RecordingPress) -> None:
    contract = await scene.known_contract()
    ordered = await scene.order(contract)
    visit = ordered.json()["visit_id"]
    other = await scene.ordered(contract, DAY + timedelta(days=1))
    cancelled = await scene.ordered(contract, DAY + timedelta(days=2))
    photo = await scene.client.post(f"/v1/visits/{visit}/photos", params={"permission": "true"}, content=b"none")
    answers = [ordered, photo]
    answers += [await scene.attend(visit, who) for who in ("third_party", "nobody")]
    disclosed = await scene.attend(visit)
    assert balances_in(disclosed.text), "the search must be able to find something"
    contacts = [{"kind": "phone", "value": "55 1234 5678", "provenance": "neighbour"}]
    answers.append(await scene.result(visit, "visited", contacts=contacts, reason_for_non_payment="lost the job"))
    answers.append(await scene.result(visit))
    answers.append(await scene.result(other, "nobody_home", "nobody"))
    answers.append(await scene.post(f"/v1/visits/{cancelled}/cancellation", {"reason": "rain"}))
    answers.append(await scene.attend(cancelled))
    await scene.receives(contract.disputed())
    answers.append(await scene.order(contract))
    paths = ["/v1/visits", "/v1/audit", "/v1/breaches", f"/v1/photos/{uuid.uuid4()}", "/v1/today"]
    paths.append(f"/v1/insight/visits?from={DAY}&to={DAY}")
    for visit_id in (visit, other, cancelled):
        paths += [f"/v1/visits/{visit_id}{rest}" for rest in ("", "/photos", "/sheet.pdf", "/letter.pdf")]
    answers += [await scene.get(path) for path in paths]
    documents = [answer for answer in answers if answer.headers["content-type"] == "application/pdf"]
    assert len(documents) == 2, "the sheets of the two visits that have ended, and no letter"
    for answer in answers:
        if answer not in documents:
            assert not balances_in(answer.text), answer.request.url
    assert [template for template, _ in press.documents] == ["sheet", "sheet"]
    assert not balances_in(" ".join(texts([document for _, document in press.documents])))
    rows = await scene.rows("SELECT body FROM outbox_events")
    assert rows
    assert not any(balances_in(row["body"]) for row in rows), "no event may hold it either"
    routes = (await scene.client.get("/openapi.json")).json()["paths"]
    assert sum(len(methods) for path, methods in routes.items() if path.startswith("/v1/")) == 15, (
        "a new route needs a request above"
    )


async def test_after_a_payment_an_attendance_is_refused_without_the_balance(scene: Scene) -> None:
    contract = await scene.known_contract()
    visit = await scene.ordered(contract)
    await scene.receives(contract.paid("1.00"))
    answer = await scene.attend(visit)
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:recobro:problem:visit-cancelled")
    assert answer.json()["reason"] == "payment"
    assert "98764.43" not in answer.text
    assert await scene.rows("SELECT FROM attendance") == []


# --- results

_RESULTS: dict[str, tuple[str, str, dict[type, dict[str, Any]]]] = {
    "visited": ("debtor", "done", {}),
    "refused": ("third_party", "done", {}),
    "promise": ("debtor", "done", {}),
    "clarification": ("debtor", "done", {ClarificationRequested: {"reported_by": "visitor"}}),
    "deceased": ("third_party", "done", {DebtorReported: {"status": "deceased"}}),
    "unlocatable": (
        "nobody",
        "failed",
        {DebtorReported: {"status": "unlocatable"}, AddressChecked: {"verdict": "wrong"}},
    ),
    "nobody_home": ("nobody", "failed", {}),
}


@pytest.mark.parametrize("outcome", _RESULTS)
async def test_every_outcome_ends_the_visit_and_publishes_its_events(scene: Scene, outcome: str) -> None:
    attended_by, state, expected = _RESULTS[outcome]
    contract = await scene.known_contract()
    visit = await scene.ordered(contract)
    answer = await scene.result(visit, outcome, attended_by)
    assert answer.status_code == 201
    assert answer.json() == await scene.visit(visit)
    assert answer.json()["state"] == state
    assert answer.json()["attendance"] == {"attended_by": attended_by, "at": moment()}
    [completed] = await published(scene.database, VisitCompleted)
    assert (completed.outcome, completed.attended_by, completed.photos) == (outcome, attended_by, 0)
    assert completed.started_at == datetime(2026, 11, 20, 18, tzinfo=UTC)
    for event_type in _EVENTS[1:]:
        events = await published(scene.database, event_type)
        assert len(events) == (event_type in expected), event_type
        for event in events:
            assert event.contract_id == contract.contract_id
            assert str(event.model_dump()["visit_id"]) == visit
            for name, value in expected[event_type].items():
                assert getattr(event, name) == value


async def test_the_visitors_findings_are_stored_and_published(scene: Scene) -> None:
    contract = await scene.known_contract()
    visit = await scene.ordered(contract)
    contacts = [
        {"kind": "phone", "value": "+52 (55) 1234-5678 ext. 9".replace(" ext. 9", " x9"), "provenance": "neighbour"},
        {"kind": "email", "value": "josé@ejemplo.mx", "provenance": "debtor"},
    ]
    found: dict[str, Any] = {
        "contacts": contacts,
        "position": {"latitude": 19.4326, "longitude": -99, "accuracy_metres": 8.5},
        "reason_for_non_payment": "lost the job",
        "address_verdict": "confirmed",
    }
    address = {"street": "Calle 9", "exterior": "12", "city": "Mérida", "provenance": "neighbour"}
    result = (await scene.result(visit, **found, addresses=[address])).json()["result"]
    assert {name: value for name, value in result["addresses"][0].items() if value is not None} == address
    [new] = await published(scene.database, AddressCollected)
    assert (new.street, new.city, new.provenance, new.effective) == ("Calle 9", "Mérida", "neighbour", True)
    assert result["contacts"] == contacts
    assert result["position"] == {"latitude": 19.4326, "longitude": -99.0, "accuracy_metres": 8.5}
    assert (result["reason_for_non_payment"], result["address_verdict"]) == ("lost the job", "confirmed")
    events = await published(scene.database, ContactDataCollected)
    assert [(event.kind, event.value, event.provenance) for event in events] == [
        (contact["kind"], contact["value"], contact["provenance"]) for contact in contacts
    ]
    [checked] = await published(scene.database, AddressChecked)
    assert (checked.verdict, checked.address_id) == ("confirmed", contract.addresses[0].address_id)
    [completed] = await published(scene.database, VisitCompleted)
    assert completed.position is not None
    assert completed.position.latitude == pytest.approx(19.4326)
    assert completed.reason_for_non_payment == "lost the job"


async def test_a_visit_takes_one_result(scene: Scene) -> None:
    visit = await scene.ordered(await scene.known_contract())
    sent = [await scene.result(visit, headers={"Idempotency-Key": "offline-1"}) for _ in range(2)]
    assert [answer.status_code for answer in sent] == [201, 201]
    assert sent[0].json() == sent[1].json()
    other = await scene.result(visit, headers={"Idempotency-Key": "offline-2"})
    assert (other.status_code, other.json()["type"]) == (409, "urn:recobro:problem:visit-closed")
    assert (await scene.attend(visit)).json()["type"] == "urn:recobro:problem:visit-closed"
    assert (await scene.post(f"/v1/visits/{visit}/cancellation", {"reason": "no"})).status_code == 409
    assert len(await published(scene.database, VisitCompleted)) == 1


async def test_the_visit_began_when_it_was_attended(scene: Scene) -> None:
    visit = await scene.ordered(await scene.known_contract())
    await scene.attend(visit, "third_party", at="2026-11-20T17:00:00Z")
    await scene.attend(visit, "debtor", at="2026-11-20T17:30:00Z")
    await scene.result(visit, at="2026-11-20T18:00:00Z")
    [completed] = await published(scene.database, VisitCompleted)
    assert completed.started_at == datetime(2026, 11, 20, 17, 30, tzinfo=UTC)
    assert len(await scene.rows("SELECT FROM attendance")) == 2


async def test_a_visit_that_was_cancelled_before_it_began_takes_no_result(scene: Scene) -> None:
    contract = await scene.known_contract()
    visit = await scene.ordered(contract)
    await scene.receives(contract.paid())
    answer = await scene.result(visit, at=datetime.now(UTC).isoformat())
    assert (answer.status_code, answer.json()["reason"]) == (409, "payment")
    assert await scene.state_and_reason(visit) == ("cancelled", "payment")


async def test_a_visit_that_began_before_its_cancellation_takes_its_result(scene: Scene) -> None:
    contract = await scene.known_contract()
    on_paper, by_phone = await scene.ordered_days(contract, 2)
    await scene.attend(by_phone)
    await scene.receives(contract.paid())
    before = await scene.result(on_paper, "deceased", "third_party", at="2026-11-20T10:00:00Z")
    after = await scene.result(by_phone, at=datetime.now(UTC).isoformat())
    assert (before.status_code, after.status_code) == (201, 201)
    assert await scene.state_and_reason(on_paper) == ("done", "payment")
    assert len(await published(scene.database, DebtorReported)) == 1


def _ahead(minutes: int) -> str:
    return (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()


async def test_the_clock_of_a_phone_may_be_five_minutes_ahead(scene: Scene) -> None:
    visit = await scene.ordered(await scene.known_contract())
    for answer in (await scene.attend(visit, at=_ahead(7)), await scene.result(visit, at=_ahead(7))):
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/at")
    assert (await scene.attend(visit, at=_ahead(4))).status_code == 201
    assert (await scene.result(visit, at=_ahead(4))).status_code == 201


@pytest.mark.parametrize(
    "changes",
    [
        {"outcome": "paid"},
        {"outcome": "nobody_home"},
        {"outcome": "promise", "attended_by": "third_party"},
        {"attended_by": "third_party", "reason_for_non_payment": "they say that he has no job"},
        {"attended_by": "nobody"},
        {"outcome": "deceased"},
        {"at": "yesterday"},
        {"at": "2026-11-20T18:00:00"},
        {"reason_for_non_payment": "a\u0000b"},
        {"reason_for_non_payment": "x" * 1001},
        {"position": {"latitude": 91, "longitude": 0}},
        {"position": {"latitude": "19", "longitude": 0}},
        {"position": {"latitude": True, "longitude": 0}},
        {"position": {"latitude": 19}},
        {"contacts": [{"kind": "phone", "value": "1" * 65, "provenance": "x"}]},
        {"contacts": [{"kind": "phone", "value": "call me", "provenance": "x"}]},
        {"contacts": [{"kind": "phone", "value": "123456", "provenance": "x"}]},
        {"contacts": [{"kind": "phone", "value": "5512345678"}]},
        {"contacts": [{"kind": "email", "value": "nobody", "provenance": "x"}]},
        {"contacts": [{"kind": "email", "value": "a@" + "b" * 253, "provenance": "x"}]},
        {"contacts": [{"kind": "fax", "value": "5512345678", "provenance": "x"}]},
        {"contacts": [{"kind": "phone", "value": "5512345678", "provenance": "x"}] * 21},
        {"address_verdict": "perhaps"},
        {"photos": 3},
    ],
)
async def test_bad_results_are_refused(scene: Scene, changes: dict[str, Any]) -> None:
    visit = await scene.ordered(await scene.known_contract())
    answer = await scene.result(visit, **changes)
    assert answer.status_code == 422, answer.text
    assert await scene.state_and_reason(visit) == ("ordered", None)
    assert await published(scene.database, VisitCompleted) == []


async def test_an_unknown_visit_is_not_found(scene: Scene) -> None:
    for answer in (await scene.attend(str(uuid.uuid4())), await scene.result(str(uuid.uuid4()))):
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:recobro:problem:visit-unknown")
    assert (await scene.attend("1")).status_code == 422


async def test_a_contract_without_a_due_date_has_no_days_past_due(scene: Scene) -> None:
    contract = await scene.known_contract(oldest_due_on=None, overdue=Decimal("5.00"))
    visit = await scene.ordered(contract)
    assert (await scene.attend(visit)).json()["balance"]["days_past_due"] == 0
