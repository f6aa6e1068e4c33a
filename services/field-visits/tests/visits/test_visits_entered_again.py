"""A visit that a restore has lost is entered again with the id that it had."""

import uuid
from datetime import timedelta

from recobro_events import new_event_id
from recobro_events.contracts.field_visits import VisitOrdered
from recobro_events.contracts.portfolio import DebtorStatus
from recobro_events.testing import published
from visits_scene import DAY, Scene, a_placement


async def test_a_visit_keeps_its_id_and_is_ordered_once(scene: Scene) -> None:
    contract, visit_id = await scene.known_contract(), str(new_event_id())
    ordered = await scene.order(contract, visit_id=visit_id)
    assert (ordered.status_code, ordered.json()["visit_id"]) == (201, visit_id)
    again = await scene.order(contract, visit_id=visit_id)
    assert (again.status_code, again.json()["type"]) == (409, "urn:recobro:problem:visit-known")
    [event] = await published(scene.database, VisitOrdered)
    assert str(event.visit_id) == visit_id


async def test_a_visit_of_a_day_that_is_over_has_its_result_although_the_contract_is_silent_now(scene: Scene) -> None:
    contract, visit_id = await scene.known_contract(), str(new_event_id())
    yesterday = DAY - timedelta(days=1)
    await scene.receives(contract.reported(DebtorStatus.DECEASED))
    assert (await scene.order(contract, DAY, visit_id=visit_id)).status_code == 409, "nobody may go there any more"
    assert (await scene.order(contract, yesterday, visit_id=visit_id)).status_code == 201
    assert (await scene.result(visit_id, at=f"{yesterday}T17:00:00Z")).status_code == 201
    assert (await scene.visit(visit_id))["state"] == "done"


async def test_an_agency_gives_no_visit_its_id(scene: Scene) -> None:
    agency_id = uuid.uuid4()
    contract = await scene.known_contract(a_placement(agency_id=agency_id))
    refused = await scene.order(contract, agency_id=agency_id, visit_id=str(new_event_id()))
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:recobro:problem:operators-only")
