"""Nobody is visited at a step of the ladder that allows no visits."""

from datetime import timedelta

from recobro_events.contracts.field_visits import VisitCancelled
from recobro_events.contracts.portfolio import ApproachStep
from recobro_events.testing import published
from visits_scene import DAY, Scene

REMINDER = ApproachStep.REMINDER


async def test_a_visit_is_ordered_only_at_a_step_that_allows_visits(scene: Scene) -> None:
    contract = await scene.known_contract()
    await scene.receives(contract.escalated(REMINDER, "call", "message"))
    answer = await scene.order(contract)
    assert (answer.status_code, answer.json()["reason"]) == (409, "step")
    await scene.receives(contract.escalated(ApproachStep.DIRECT_CONTACT, "visit"))
    assert (await scene.order(contract)).status_code == 201
    await scene.receives(contract.escalated(None))
    assert (await scene.order(contract, DAY + timedelta(days=1))).status_code == 201


async def test_the_open_visits_of_a_contract_end_when_its_step_allows_none(scene: Scene) -> None:
    contract, other = await scene.known_contract(), await scene.known_contract()
    visit_id, stays = await scene.ordered(contract), await scene.ordered(other)
    await scene.receives(contract.escalated(REMINDER, "call"), other.escalated(REMINDER))
    assert await scene.state_and_reason(visit_id) == ("cancelled", "operator")
    assert (await scene.state_and_reason(stays))[0] == "ordered"
    [event] = await published(scene.database, VisitCancelled)
    assert event.detail == "The step of the ladder at which the contract stands allows no visits."


async def test_a_visit_that_a_payment_cancelled_stays_cancelled_at_a_step_without_visits(scene: Scene) -> None:
    contract = await scene.known_contract()
    visit_id = await scene.ordered(contract, DAY + timedelta(days=7))
    payment = contract.paid()
    await scene.receives(payment)
    await scene.receives(contract.escalated(REMINDER, "letter"))
    await scene.receives(contract.payment_reversed(payment))
    assert (await scene.state_and_reason(visit_id))[0] == "cancelled"


async def test_a_whole_contract_tells_what_its_step_allows(scene: Scene) -> None:
    contract = await scene.known_contract()
    contract.escalated(REMINDER, "letter")
    await scene.receives(contract.revised())
    assert (await scene.order(contract)).json()["reason"] == "step"
