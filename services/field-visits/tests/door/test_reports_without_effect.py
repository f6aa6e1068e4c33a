"""An agency that has lost a contract changes nothing of it: its reports are kept, and published without effect."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from field_visits.door.rules import has_effect
from field_visits.handlers import consumer
from field_visits.settings import FieldVisitsSettings
from recobro_events import envelope_of, headers_of
from recobro_events.contracts.field_visits import (
    AddressChecked,
    ClarificationRequested,
    ContactDataCollected,
    DebtorReported,
    VisitCompleted,
)
from recobro_events.testing import apply_records, published, record_of
from visits_scene import Contract, Placement, Scene, a_placement, moment

GRACE = timedelta(days=FieldVisitsSettings.model_fields["report_grace_days"].default)
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
_SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("is_placed", "ended_at", "expected"),
    [
        (True, None, True),
        (True, NOW - timedelta(days=900), True),
        (False, NOW, True),
        (False, NOW - GRACE, True),
        (False, NOW - GRACE - _SECOND, False),
        (False, None, False),
    ],
)
def test_findings_take_effect_until_the_grace_is_over(
    is_placed: bool, ended_at: datetime | None, expected: bool
) -> None:
    assert has_effect(is_placed, ended_at, NOW, GRACE) is expected


async def begun_visit(scene: Scene) -> tuple[Contract, Placement, str]:
    """A visit by an agency that was at the door while it had the contract."""
    placement = a_placement(uuid.uuid4())
    contract = await scene.known_contract(placement)
    visit = await scene.ordered(contract, agency_id=placement.agency_id)
    attended = await scene.post(f"/v1/visits/{visit}/attendance", _attended("third_party"), placement.agency_id)
    assert attended.status_code == 201
    return contract, placement, visit


def _attended(by: str) -> dict[str, str]:
    return {"attended_by": by, "at": moment()}


async def ends(scene: Scene, contract: Contract, placement: Placement, ago: timedelta, how: str = "recalled") -> None:
    event = getattr(contract, how)(placement)
    await apply_records(scene.database, consumer, [record_of(event, occurred_at=datetime.now(UTC) - ago)])


async def reports(
    scene: Scene, visit: str, agency_id: uuid.UUID | None, outcome: str = "deceased", **changes: Any
) -> dict[str, Any]:
    body = {"outcome": outcome, "attended_by": "third_party", "at": moment()} | changes
    answer = await scene.post(f"/v1/visits/{visit}/result", body, agency_id)
    assert answer.status_code == 201, answer.text
    result: dict[str, Any] = answer.json()["result"]
    return result


@pytest.mark.parametrize("end", ["recall_requested", "recalled", "ended"])
async def test_a_death_reported_after_the_grace_is_a_report_without_effect(scene: Scene, end: str) -> None:
    contract, placement, visit = await begun_visit(scene)
    await ends(scene, contract, placement, GRACE + timedelta(hours=1), end)
    result = await reports(scene, visit, placement.agency_id, address_verdict="wrong", contacts=[_contact()])
    assert result["effective"] is False
    for event_type in (DebtorReported, AddressChecked, ContactDataCollected):
        assert [event.model_dump()["effective"] for event in await published(scene.database, event_type)] == [False]
    assert len(await published(scene.database, VisitCompleted)) == 1, "a visit that was made counts all the same"
    assert (await scene.visit(visit))["result"]["effective"] is False


def _contact() -> dict[str, str]:
    return {"kind": "phone", "value": "5512345678", "provenance": "neighbour"}


async def test_a_dispute_reported_after_the_grace_is_a_report_without_effect(scene: Scene) -> None:
    contract, placement, visit = await begun_visit(scene)
    await ends(scene, contract, placement, GRACE + timedelta(hours=1))
    await reports(scene, visit, placement.agency_id, "clarification")
    [request] = await published(scene.database, ClarificationRequested)
    assert not request.effective


async def test_within_the_grace_and_while_it_has_the_contract_an_agencys_report_takes_effect(scene: Scene) -> None:
    contract, placement, visit = await begun_visit(scene)
    await ends(scene, contract, placement, GRACE - timedelta(hours=1))
    assert (await reports(scene, visit, placement.agency_id))["effective"] is True
    _, placement, visit = await begun_visit(scene)
    assert (await reports(scene, visit, placement.agency_id))["effective"] is True
    assert [event.effective for event in await published(scene.database, DebtorReported)] == [True, True]


async def test_the_grace_begins_with_the_recall_request_and_not_anew_with_the_final_recall(scene: Scene) -> None:
    contract, placement, visit = await begun_visit(scene)
    await ends(scene, contract, placement, GRACE + timedelta(hours=1), "recall_requested")
    await ends(scene, contract, placement, timedelta(0), "recalled")
    assert (await reports(scene, visit, placement.agency_id))["effective"] is False


async def test_after_a_reinstatement_reports_take_effect_and_a_later_end_begins_the_grace(scene: Scene) -> None:
    contract, placement, visit = await begun_visit(scene)
    await ends(scene, contract, placement, GRACE + timedelta(days=1), "recall_requested")
    await ends(scene, contract, placement, GRACE, "reinstated")
    [row] = await scene.rows("SELECT active, ended_at FROM placement")
    assert (row["active"], row["ended_at"]) == (True, None)
    await ends(scene, contract, placement, timedelta(hours=1), "ended")
    assert (await reports(scene, visit, placement.agency_id))["effective"] is True


async def test_an_end_that_was_only_republished_gives_no_grace(scene: Scene) -> None:
    contract, placement, visit = await begun_visit(scene)
    record = record_of(contract.recalled(placement))
    headers = headers_of(envelope_of(record.headers)._replace(audience="field-visits"))
    await apply_records(scene.database, consumer, [record._replace(headers=headers)])
    assert (await reports(scene, visit, placement.agency_id))["effective"] is False


async def test_an_operator_decides_whatever_the_agency(scene: Scene) -> None:
    contract, placement, visit = await begun_visit(scene)
    await ends(scene, contract, placement, GRACE + timedelta(days=30))
    assert (await reports(scene, visit, None))["effective"] is True


async def test_a_contract_that_the_agency_has_again_is_its_contract(scene: Scene) -> None:
    contract, placement, visit = await begun_visit(scene)
    await ends(scene, contract, placement, GRACE + timedelta(days=30))
    await scene.receives(contract.placed(a_placement(placement.agency_id)))
    assert (await reports(scene, visit, placement.agency_id))["effective"] is True


async def test_an_agency_that_lost_the_contract_learns_no_balance_at_the_door(scene: Scene) -> None:
    contract, placement, visit = await begun_visit(scene)
    async with scene.database.transaction() as tx:
        await tx.execute("UPDATE placement SET active = false")
    answer = await scene.post(f"/v1/visits/{visit}/attendance", _attended("debtor"), placement.agency_id)
    assert answer.json() == {"visit_id": visit, **_attended("debtor")}
    assert [row["told_balance"] for row in await scene.rows("SELECT told_balance FROM attendance")] == [False, False]
    async with scene.database.transaction() as tx:
        await tx.execute("UPDATE placement SET active = true")
    answer = await scene.post(f"/v1/visits/{visit}/attendance", _attended("debtor"), placement.agency_id)
    assert answer.json()["balance"]["overdue_balance"] == f"{contract.overdue}"
