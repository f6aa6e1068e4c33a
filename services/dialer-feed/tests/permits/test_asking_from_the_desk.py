"""Before a call from the desk, the creditor's own people ask without a list: every rule of contact holds for them."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from chassis.testing import mint
from dialing_agencies import Placement, Promise, Visit, own_attempt
from dialing_requests import Json, code_of, report_calls
from dialing_scene import DAY, Contract, Phone, Scene
from permit_requests import NOON, Clock, attempt, clock, granted, kept_on_the_day, refused
from recobro_events import Event
from recobro_events.contracts.assignment import PlacementKind
from recobro_events.contracts.field_visits import AttendedBy
from recobro_events.contracts.portfolio import ContactChange, DebtorStatus, Stage
from unlisted_calls import by_id

__all__ = ["clock"]
pytestmark = pytest.mark.usefixtures("clock")


def from_desk(contract: Contract, phone: str | None = None) -> Json:
    return {"contract_id": str(contract.contract_id), "phone": phone or contract.phones[0].value}


async def known(scene: Scene, **changes: Any) -> Contract:
    """A contract that no campaign would choose, with everything heard."""
    [contract] = await scene.contracts(1, **changes)
    await scene.hears()
    return contract


async def test_the_desk_gets_a_permit_without_a_list_and_no_campaign_s_conditions_decide(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    contract = await known(scene, stage=Stage.CURRENT)
    permit = await granted(client, from_desk(contract))
    assert (permit["expires_at"], permit["phone"]) == ("2026-11-23T18:00:15Z", contract.phones[0].value)
    kept = (await client.get(f"/v1/permits/{permit['permit_id']}")).json()
    assert (kept["granted"], kept["campaign_id"], kept["list_id"], kept["agency_id"]) == (True, None, None, None)
    assert (kept["attempts"], kept["most_attempts"], kept["asked_by"]) == (0, 7, "test")


FACTS: dict[str, Callable[[Contract], Event]] = {
    "payment": lambda contract: contract.paid(),
    "clarification": lambda contract: contract.disputed(),
    "promise": lambda contract: Promise(contract.contract_id).made(),
    "deceased": lambda contract: contract.reported(DebtorStatus.DECEASED),
    "represented": lambda contract: contract.reported(DebtorStatus.REPRESENTED),
    "closed": lambda contract: contract.closed(),
    "unusable_number": lambda contract: contract.number_changed(contract.phones[0], ContactChange.OPTED_OUT),
    "with_agency": lambda contract: Placement(
        contract.contract_id, uuid.uuid4(), kind=PlacementKind.COLLECTION
    ).placed(),
}


@pytest.mark.parametrize("reason", FACTS)
async def test_whatever_silences_refuses_the_desk(scene: Scene, client: httpx.AsyncClient, reason: str) -> None:
    contract = await known(scene)
    await granted(client, from_desk(contract))
    await scene.receives(FACTS[reason](contract))
    assert await refused(client, from_desk(contract)) == reason


async def test_a_number_that_the_contract_does_not_have_and_one_that_nobody_may_call_are_refused(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    contract = scene.contract()
    first, second = (phone.value for phone in contract.phones)
    contract.with_party("employer", first)
    contract.with_party("guarantor", "+525587650000")
    await scene.receives(contract.registered())
    await scene.hears()
    assert await refused(client, from_desk(contract, "+525500000000")) == "unknown_number"
    assert await refused(client, from_desk(contract, first)) == "workplace"
    await granted(client, from_desk(contract, second))
    await granted(client, from_desk(contract, "+525587650000"))


async def test_the_hours_hold_at_the_desk(scene: Scene, client: httpx.AsyncClient, clock: Clock) -> None:
    contract = await known(scene, phones=[Phone("+525512345601")])
    clock.at = NOON.replace(hour=12, minute=59)
    assert await refused(client, from_desk(contract)) == "outside_hours"
    clock.at = NOON.replace(hour=13)
    await granted(client, from_desk(contract))


async def test_the_step_and_the_knowledge_decide_at_the_desk_too(scene: Scene, client: httpx.AsyncClient) -> None:
    contract = await known(scene)
    await scene.execute("""UPDATE contract SET allows = '{"contacts": ["letter"]}'""")
    assert await refused(client, from_desk(contract)) == "step"
    await scene.execute("""UPDATE contract SET allows = '{"campaigns": []}'""")
    await granted(client, from_desk(contract))
    await scene.execute("UPDATE barrier SET state = 'failed'")
    assert await refused(client, from_desk(contract)) == "stale"


async def test_permits_of_the_desk_and_of_dialers_count_each_other(
    scene: Scene, client: httpx.AsyncClient, clock: Clock
) -> None:
    campaign_id = await scene.campaign(max_attempts_per_7_days=7)
    one, two = await scene.contracts(2, debtor_id=uuid.uuid4())
    await scene.receives(*(own_attempt(two, DAY - timedelta(days=n)) for n in range(5)))
    await scene.hears()
    by_dialer = from_desk(two) | {"campaign_id": str(campaign_id)}
    await granted(client, from_desk(one))
    await granted(client, by_dialer)
    assert await refused(client, by_dialer) == "frequency"
    assert await refused(client, from_desk(one)) == "frequency"
    clock.at = NOON + timedelta(seconds=15)
    await granted(client, from_desk(one))


async def test_a_permit_that_a_call_of_the_desk_has_used_counts_once(scene: Scene, client: httpx.AsyncClient) -> None:
    """Five attempts and the call by the permit are six of seven, although the permit has not expired yet."""
    contract = await known(scene)
    await scene.receives(*(own_attempt(contract, DAY - timedelta(days=n)) for n in range(1, 6)))
    permit = await granted(client, from_desk(contract))
    await scene.receives(own_attempt(contract, DAY, permit_id=uuid.UUID(permit["permit_id"])))
    await granted(client, from_desk(contract))
    assert await refused(client, from_desk(contract)) == "frequency"


async def test_a_conversation_silences_the_desk_where_the_jurisdiction_says_so(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    contract = await known(scene, jurisdiction="US", region="NY", phones=[Phone("+12127365000")])
    await granted(client, from_desk(contract))
    visit = Visit(contract)
    await scene.receives(visit.ordered(), visit.completed(AttendedBy.DEBTOR))
    assert await refused(client, from_desk(contract)) == "frequency"


@pytest.mark.usefixtures("calls_of_any_age")
async def test_an_attempt_of_the_desk_uses_its_permit_and_counts_once(scene: Scene, client: httpx.AsyncClient) -> None:
    """Also where the call's beginning was reported: the attempt of the desk takes its place."""
    contract = await known(scene)
    await scene.receives(*(own_attempt(contract, DAY - timedelta(days=n)) for n in range(5)))
    permit = await granted(client, from_desk(contract))
    begun = await attempt(client, permit_id=permit["permit_id"], started_at=NOON.isoformat())
    assert begun["permit"] == "valid"
    made = own_attempt(contract, DAY).model_copy(update={"permit_id": uuid.UUID(permit["permit_id"])})
    await scene.receives(made)
    kept = (await client.get(f"/v1/permits/{permit['permit_id']}")).json()
    assert kept["attempt_id"] == begun["attempt_id"]
    await granted(client, from_desk(contract))
    assert await refused(client, from_desk(contract)) == "frequency"


async def test_the_permit_names_the_attempt_of_the_desk(scene: Scene, client: httpx.AsyncClient) -> None:
    contract = await known(scene)
    permit = await granted(client, from_desk(contract))
    made = own_attempt(contract, DAY).model_copy(update={"permit_id": uuid.UUID(permit["permit_id"])})
    await scene.receives(made, made)
    kept = await kept_on_the_day(client, contract_id=str(contract.contract_id))
    assert [(one["permit_id"], one["attempt_id"]) for one in kept] == [(permit["permit_id"], str(made.attempt_id))]


async def test_an_agency_never_asks_as_the_desk(scene: Scene, client: httpx.AsyncClient) -> None:
    contract = await known(scene)
    agency_id = uuid.uuid4()
    await scene.receives(Placement(contract.contract_id, agency_id).placed())
    client.headers["Authorization"] = f"Bearer {mint(agency_id=agency_id)}"
    answer = await client.post("/v1/permits", json=from_desk(contract))
    assert (answer.status_code, code_of(answer)) == (403, "desk-of-creditor")
    answer = await client.post("/v1/permits/batch", json=[from_desk(contract)])
    assert answer.json()["items"][0]["refused"]["status"] == 403
    assert await scene.rows("SELECT FROM permit") == []


async def test_the_desk_names_its_contract_by_the_id(scene: Scene, client: httpx.AsyncClient) -> None:
    contract = await known(scene)
    by_number = {"contract_number": contract.number, "phone": contract.phones[0].value}
    answer = await client.post("/v1/permits", json=by_number)
    assert (answer.status_code, code_of(answer)) == (422, "invalid")
    both = from_desk(contract) | {"list_id": str(uuid.uuid4()), "campaign_id": str(uuid.uuid4())}
    assert (await client.post("/v1/permits", json=both)).status_code == 422
    stranger = from_desk(contract) | {"contract_id": str(uuid.uuid4())}
    assert code_of(await client.post("/v1/permits", json=stranger)) == "contract-unknown"


async def test_a_refusal_at_the_desk_is_said_in_the_language_of_the_operator(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    contract = await known(scene)
    await scene.receives(FACTS["with_agency"](contract))
    answer = await client.post("/v1/permits", json=from_desk(contract), headers={"Accept-Language": "pt-BR"})
    assert answer.json()["detail"] == "Uma assessoria cobra o contrato, então a equipe própria não liga."


async def test_who_calls_at_an_inconvenient_hour_is_called_back_from_the_desk_once(
    scene: Scene, client: httpx.AsyncClient, clock: Clock
) -> None:
    contract = await known(scene)
    await scene.receives(contract.says(not_days=["mon"]))
    assert await refused(client, from_desk(contract)) == "inconvenient"
    await report_calls(client, by_id(contract, disposition="third_party", direction="inbound"))
    await scene.execute("UPDATE call_result SET started_at = $1", NOON - timedelta(minutes=10))
    await granted(client, from_desk(contract))
    made = own_attempt(contract, DAY).model_copy(update={"made_at": NOON})
    await scene.receives(made)
    clock.at = NOON + timedelta(minutes=1)
    assert await refused(client, from_desk(contract)) == "inconvenient"
