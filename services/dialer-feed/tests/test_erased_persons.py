"""Nothing of an erased person is left in dialer-feed, and neither older events nor late reports bring it back."""

import uuid

import httpx
from chassis.testing.canaries import tables_with
from dialing_contracts import Contract, Phone
from dialing_requests import call, report
from dialing_scene import Scene
from permit_requests import question
from recobro_events.contracts.portfolio import ContactPoint, Party, PartyRole

WORD, PHONE, UNKNOWN, ROSAS = "Canarito", "+525512345699", "+525512345698", "+525512345697"
CANARIES = (WORD, PHONE, UNKNOWN, ROSAS)


def a_party() -> Party:
    point = ContactPoint(
        contact_id=uuid.uuid4(), version=1, kind="phone", value=ROSAS, provenance="creditor", usable=True
    )
    return Party(party_id=uuid.uuid4(), version=1, role=PartyRole.GUARANTOR, name=WORD, contact_points=(point,))


async def called(scene: Scene, client: httpx.AsyncClient) -> tuple[Contract, uuid.UUID]:
    """A contract that was listed, asked about, called on a number that nobody knew, and reported about."""
    contract = scene.contract(name=f"{WORD} Pérez", phones=[Phone(PHONE)], parties=[a_party()])
    await scene.receives(contract.registered())
    list_id = await scene.built()
    unknown = question(contract, list_id=list_id) | {"phone": UNKNOWN}
    assert (await client.post("/v1/permits", json=unknown)).status_code in (200, 409)
    answer = await client.post("/v1/calls", json=[call(list_id, contract, phone=UNKNOWN, manual=True)])
    assert answer.json()["accepted"] == 1, answer.text
    await report(client, list_id, contract, "payment_claimed", detail=f"{WORD} paid at the shop")
    return contract, list_id


async def test_nothing_of_an_erased_person_is_left(scene: Scene, client: httpx.AsyncClient) -> None:
    contract, list_id = await called(scene, client)
    assert set(await tables_with(scene.database, CANARIES)) >= {"contract", "contact_point", "call_result"}
    calls = await scene.rows("SELECT call_id, disposition, contact_id FROM call_result")
    permits = await scene.rows("SELECT permit_id, reason, contract_id FROM permit")

    late_call = call(list_id, contract, phone=UNKNOWN, manual=True)
    before = contract.revised()
    after = contract.erased(phones=[], parties=[])
    await scene.receives(after)
    assert await tables_with(scene.database, CANARIES) == {}
    assert await scene.rows("SELECT call_id, disposition, contact_id FROM call_result") == calls
    assert await scene.rows("SELECT permit_id, reason, contract_id FROM permit") == permits
    for path in (f"/v1/lists/{list_id}/entries", f"/v1/lists/{list_id}/entries?format=csv", "/v1/calls", "/v1/permits"):
        told = await client.get(path)
        assert not [one for one in CANARIES if one in told.text], path

    # A rebuild reads what the log still has, in any order between the lanes, and the present state at its end.
    await scene.receives(before)
    assert await tables_with(scene.database, CANARIES) == {}
    answer = await client.post("/v1/calls", json=[late_call | {"call_id": str(uuid.uuid4())}])
    assert answer.json()["accepted"] == 1, answer.text
    assert await tables_with(scene.database, CANARIES) == {}


async def test_a_rebuilt_service_knows_the_erased_contract_without_its_person(scene: Scene) -> None:
    contract = scene.contract(name=f"{WORD} Pérez", phones=[Phone(PHONE)], parties=[a_party()])
    before = contract.registered()
    erased = contract.erased(phones=[], parties=[])
    now = contract.revised()
    now = now.model_copy(update={"details_version": erased.details_version})
    await scene.receives(erased)
    await scene.receives(before)
    assert await tables_with(scene.database, CANARIES) == {}
    await scene.receives(now)
    [known] = await scene.rows("SELECT name, portfolio_id, state, erased FROM contract")
    assert tuple(known) == ("", scene.portfolio_id, "settled", True)


async def test_a_service_that_has_missed_the_erasure_erases_with_the_present_state(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    contract, _ = await called(scene, client)
    contract.erased(phones=[], parties=[])
    await scene.receives(contract.revised())
    assert await tables_with(scene.database, CANARIES) == {}
