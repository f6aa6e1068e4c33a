"""Nothing of an erased person is left in field-visits: no name, no address, nothing from the door, no photo."""

import io
from typing import Any
from uuid import UUID

import pytest
from chassis import Unavailable
from chassis.testing.canaries import tables_with
from fastapi import FastAPI
from field_visits.erasing import delete_photos
from PIL import Image
from prometheus_client import REGISTRY
from visits_scene import Contract, Scene, an_address, moment

WORD, PHONE = "Canarito", "9998887766"
CANARIES = (WORD, PHONE, "97070")
FOUND: dict[str, Any] = {
    "reason_for_non_payment": f"{WORD} is ill",
    "contacts": [{"kind": "phone", "value": PHONE, "provenance": f"{WORD}'s aunt"}],
}


async def visited(scene: Scene) -> tuple[Contract, str]:
    address = an_address(street=f"Calle {WORD}", postal_code="97070", city="Mérida", state="Yucatán")
    contract = scene.contract(name=f"{WORD} Pérez", addresses=(address,))
    await scene.receives(contract.registered())
    visit_id = await scene.ordered(contract)
    await scene.attend(visit_id, "debtor")
    answer = await scene.result(visit_id, **FOUND)
    assert answer.status_code == 201, answer.text
    return contract, visit_id


async def test_nothing_of_an_erased_person_is_left(scene: Scene) -> None:
    contract, visit_id = await visited(scene)
    other, cancelled = await visited(scene)
    assert set(await tables_with(scene.database, CANARIES)) >= {"contract", "address", "visit"}
    before = contract.revised()
    await scene.receives(contract.erased(), other.erased())
    assert await tables_with(scene.database, CANARIES) == {}
    shown = await scene.visit(visit_id)
    assert (shown["state"], shown["result"]["outcome"], shown["name"]) == ("done", "visited", "")
    for path in (f"/v1/visits/{cancelled}", "/v1/visits", "/v1/insight/visits"):
        told = await scene.get(path)
        assert not [one for one in CANARIES if one in told.text], path
    # What the log still has of the contract comes after the erasure when a service is rebuilt.
    await scene.receives(before)
    assert await tables_with(scene.database, CANARIES) == {}
    await scene.receives(contract.revised(addresses=()))
    assert await tables_with(scene.database, CANARIES) == {}


async def test_a_result_that_arrives_after_the_erasure_brings_nothing_back(scene: Scene) -> None:
    contract = scene.contract(name=WORD)
    await scene.receives(contract.registered())
    visit_id = await scene.ordered(contract)
    await scene.attend(visit_id, "debtor")
    await scene.receives(contract.erased())
    answer = await scene.result(visit_id, **FOUND)
    assert answer.status_code == 201, answer.text
    assert await tables_with(scene.database, CANARIES) == {}


@pytest.mark.process
async def test_the_photos_of_an_erased_person_are_deleted(scene: Scene, app: FastAPI) -> None:
    contract, visit_id = await visited(scene)
    drawn = io.BytesIO()
    Image.new("RGB", (40, 20), "red").save(drawn, "JPEG")
    taken = await scene.client.post(
        f"/v1/visits/{visit_id}/photos", params={"permission": "true", "at": moment()}, content=drawn.getvalue()
    )
    assert taken.status_code == 201, taken.text
    storage, photo_id = app.state.photo_storage, UUID(taken.json()["photo_id"])
    assert await storage.fetch(photo_id)
    await scene.receives(contract.erased())
    assert await delete_photos(scene.database, storage)
    assert REGISTRY.get_sample_value("field_visits_erased_photos") == 1
    assert not await delete_photos(scene.database, storage)
    assert REGISTRY.get_sample_value("field_visits_erased_photos") == 0
    with pytest.raises(Unavailable):
        await storage.fetch(photo_id)
    assert (await scene.get(f"/v1/photos/{photo_id}")).status_code == 404
