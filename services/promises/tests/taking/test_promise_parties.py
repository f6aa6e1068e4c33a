"""A party of the contract may make a promise or an agreement, where the jurisdiction lets us contact it."""

import uuid
from uuid import UUID

import pytest
from agreement_scene import active, request, schedule
from promise_scene import Contract, Scene, day, pointers
from recobro_events.contracts.portfolio import Party, PartyChange, PartyChanged, PartyRole
from recobro_events.contracts.promises import PromiseMade


async def with_party(scene: Scene, contract: Contract, role: PartyRole = PartyRole.JOINT_OBLIGOR) -> UUID:
    """Give the contract a party, as a whole contract states it."""
    party = Party(party_id=uuid.uuid4(), version=1, role=role, name="Luis Soto")
    await scene.receives(contract.revised().model_copy(update={"parties": (party,)}))
    return party.party_id


def changed(contract: Contract, party_id: UUID, version: int, change: PartyChange) -> PartyChanged:
    name = None if change is PartyChange.REMOVED else "Luis Soto"
    party = Party(party_id=party_id, version=version, role=PartyRole.GUARANTOR, name=name)
    return PartyChanged(**contract.position(), change=change, party=party)


async def test_the_promise_of_a_joint_obligor_is_one_of_the_contract(scene: Scene) -> None:
    contract = await scene.registered()
    party_id = await with_party(scene, contract)
    promise = await scene.promise(contract, "100.00", party_id=str(party_id))
    assert promise["party_id"] == str(party_id)
    [made] = await scene.published(PromiseMade)
    assert made.party_id == party_id
    await scene.receives(contract.paid("100.00", paid_on=day(1)))
    assert await scene.state(promise) == ("kept", "100.00")
    own = await scene.promise(contract, "100.00", due=6)
    assert own["party_id"] is None


async def test_an_agreement_of_a_guarantor_and_its_instalments_name_them(scene: Scene) -> None:
    contract = await scene.registered()
    party_id = str(await with_party(scene, contract, PartyRole.GUARANTOR))
    agreement = await active(scene, contract, schedule=schedule((5, "300.00"), (20, "400.00")), party_id=party_id)
    assert (agreement["state"], agreement["party_id"]) == ("active", party_id)
    other = await scene.registered(number="C-2")
    party_id = str(await with_party(scene, other))
    plan = await scene.plan(other, (5, "100.00"), (15, "100.00"), party_id=party_id)
    assert plan["party_id"] == party_id
    rows = await scene.rows("SELECT count(*) FROM promise WHERE party_id IS NOT NULL")
    assert rows[0][0] == 4


@pytest.mark.parametrize("role", [PartyRole.REFERENCE, PartyRole.EMPLOYER, PartyRole.PAYER])
async def test_nobody_promises_whom_the_jurisdiction_lets_nobody_contact(scene: Scene, role: PartyRole) -> None:
    contract = await scene.registered()
    party_id = str(await with_party(scene, contract, role))
    for answer in (
        await scene.request_promise(contract, party_id=party_id),
        await request(scene, contract, schedule=schedule((5, "700.00")), party_id=party_id),
        await scene.request_plan(contract, (5, "10.00"), (6, "10.00"), party_id=party_id),
    ):
        assert (answer.status_code, pointers(answer)) == (422, ["/party_id"])
    assert await scene.rows("SELECT FROM promise") == []


async def test_a_party_of_another_contract_or_one_that_was_removed_promises_nothing(scene: Scene) -> None:
    contract, other = await scene.registered(), await scene.registered(number="C-2")
    party_id = await with_party(scene, contract)
    foreign = await scene.request_promise(other, party_id=str(party_id))
    assert (foreign.status_code, pointers(foreign)) == (422, ["/party_id"])
    promise = await scene.promise(contract, party_id=str(party_id))
    added = changed(contract, party_id, 2, PartyChange.CORRECTED)
    removed = changed(contract, party_id, 3, PartyChange.REMOVED)
    await scene.receives_each(removed, added)
    gone = await scene.request_promise(contract, due=6, party_id=str(party_id))
    assert (gone.status_code, pointers(gone)) == (422, ["/party_id"])
    assert await scene.state(promise) == ("open", "0.00")
