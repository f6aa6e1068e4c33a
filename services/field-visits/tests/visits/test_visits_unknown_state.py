"""No visit takes place while any service has an event of the contract set aside."""

from datetime import UTC, datetime

import pytest
from field_visits.handlers import consumer
from recobro_events import dead_letters
from recobro_events.contracts.field_visits import VisitCancelled
from recobro_events.contracts.runtime import ContractReplayed, ContractSetAside
from recobro_events.testing import apart, apply_records, published, record_of
from recobro_platform import SERVICE_NAMES
from visits_scene import DAY, Contract, Scene

DETAIL = "The contract's true state is not known: an event of it was set aside, or its figures wait for a decision."


def set_aside(contract: Contract, service: str = "promises") -> ContractSetAside:
    return ContractSetAside(contract_id=contract.contract_id, service=service, consumer=f"{service}.events")


def replayed(contract: Contract, service: str = "promises") -> ContractReplayed:
    return ContractReplayed(contract_id=contract.contract_id, service=service, consumer=f"{service}.events")


async def is_refused(scene: Scene, contract: Contract) -> None:
    answer = await scene.order(contract)
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:recobro:problem:unknown-state")
    assert answer.json()["detail"] == DETAIL


@pytest.mark.parametrize("service", SERVICE_NAMES)
async def test_an_event_set_aside_by_any_service_cancels_every_open_visit(scene: Scene, service: str) -> None:
    contract, other = await scene.known_contract(), await scene.known_contract()
    done = await scene.ordered(contract)
    await scene.result(done)
    open_visits = [await scene.ordered(contract), await scene.ordered(contract, DAY.replace(month=12))]
    elsewhere = await scene.ordered(other)

    await scene.receives(set_aside(contract, service))

    assert [await scene.state_and_reason(visit) for visit in open_visits] == [("cancelled", "unknown_state")] * 2
    assert await scene.state_and_reason(done) == ("done", None)
    assert await scene.state_and_reason(elsewhere) == ("ordered", None)
    events = await published(scene.database, VisitCancelled)
    assert sorted((str(event.visit_id), event.reason) for event in events) == [
        (visit, "unknown_state") for visit in sorted(open_visits)
    ]
    await is_refused(scene, contract)


async def test_a_visit_can_be_ordered_again_when_the_last_service_has_replayed_its_events(scene: Scene) -> None:
    contract = await scene.known_contract()
    cancelled = await scene.ordered(contract)
    await scene.receives(set_aside(contract, "portfolio"), set_aside(contract, "dialer-feed"))
    await scene.receives(replayed(contract, "dialer-feed"))
    await is_refused(scene, contract)
    await scene.receives(replayed(contract, "portfolio"))
    assert (await scene.order(contract)).status_code == 201
    assert await scene.state_and_reason(cancelled) == ("cancelled", "unknown_state"), (
        "a cancelled visit stays cancelled"
    )


async def test_the_unknown_state_comes_before_every_other_reason(scene: Scene) -> None:
    contract = await scene.known_contract()
    await scene.receives(set_aside(contract), contract.disputed(), contract.closed())
    await is_refused(scene, contract)


async def test_a_cancelled_visit_gives_neither_letter_nor_balance(scene: Scene) -> None:
    contract = await scene.known_contract()
    begun, cancelled = await scene.ordered_days(contract, 2)
    await scene.attend(begun, "third_party")
    await scene.receives(set_aside(contract))
    for visit in (begun, cancelled):
        for document in ("letter", "sheet"):
            printed = await scene.get(f"/v1/visits/{visit}/{document}.pdf")
            assert (printed.status_code, printed.json()["reason"]) == (409, "unknown_state")
        attended = await scene.attend(visit)
        assert (attended.status_code, attended.json()["reason"]) == (409, "unknown_state")
        assert "balance" not in attended.json()
    never_begun = await scene.result(cancelled, at=datetime.now(UTC).isoformat())
    assert (never_begun.status_code, never_begun.json()["reason"]) == (409, "unknown_state")
    assert (await scene.result(begun, attended_by="third_party")).status_code == 201, (
        "the findings of a visit that began are stored"
    )


async def test_an_unreadable_event_prevents_visits_until_it_is_discarded(scene: Scene) -> None:
    contract = await scene.known_contract()
    visit = await scene.ordered(contract)
    poison = record_of(contract.paid())._replace(value=b"{}")
    await apply_records(scene.database, consumer, [poison, record_of(contract.disputed())], handle=apart)
    assert await scene.state_and_reason(visit) == ("cancelled", "unknown_state")
    [event] = await published(scene.database, ContractSetAside)
    assert (event.contract_id, event.service) == (contract.contract_id, "field-visits")
    await is_refused(scene, contract)
    assert await scene.rows("SELECT FROM clarification") == [], "later events of the contract wait"

    for letter in await scene.rows("SELECT letter_id FROM dead_letters ORDER BY letter_id"):
        await is_refused(scene, contract)
        await dead_letters.discard(scene.database, consumer, letter["letter_id"], by="operator", reason="garbage")
    assert (await scene.order(contract)).status_code == 201
