"""An agency sees no balance before the debtor attends, and no personal data once it no longer has the contract."""

import uuid
from typing import Any

import pytest
from chassis.testing import mint
from printed_documents import RecordingPress, texts
from visited_contracts import balances_in
from visits_scene import Contract, Placement, Scene, a_placement, moment

_CONTACT = {"kind": "email", "value": "vecina@ejemplo.mx", "provenance": "neighbour"}
_REASON, _POSITION = "lost the job", {"latitude": 19.432608, "longitude": -99.133208}


async def placed_visit(scene: Scene) -> tuple[Contract, Placement, str]:
    placement = a_placement(uuid.uuid4())
    contract = await scene.known_contract(placement)
    return contract, placement, await scene.ordered(contract, agency_id=placement.agency_id)


async def attend(scene: Scene, visit: str, agency_id: uuid.UUID, by: str) -> None:
    body = {"attended_by": by, "at": moment()}
    assert (await scene.post(f"/v1/visits/{visit}/attendance", body, agency_id)).status_code == 201


async def test_an_agency_gets_the_letter_only_once_the_debtor_attends(scene: Scene) -> None:
    _, placement, visit = await placed_visit(scene)
    us, letter = placement.agency_id, f"/v1/visits/{visit}/letter.pdf"
    await scene.knows_agency(us)
    assert (await scene.get(letter)).status_code == 200, "an operator prints it for the closed envelope"
    for before in (None, "third_party", "nobody"):
        if before is not None:
            await attend(scene, visit, us, before)
        refused = await scene.get(letter, us)
        assert (refused.status_code, refused.json()["type"]) == (409, "urn:recobro:problem:attendance-needed")
    await attend(scene, visit, us, "debtor")
    assert (await scene.get(letter, us)).status_code == 200


async def test_nothing_else_that_an_agency_reads_holds_the_balance(scene: Scene, press: RecordingPress) -> None:
    _, placement, visit = await placed_visit(scene)
    us = placement.agency_id
    await attend(scene, visit, us, "debtor")
    for path in ("/v1/visits", f"/v1/visits/{visit}", f"/v1/visits/{visit}/photos"):
        answer = await scene.get(path, us)
        assert answer.status_code == 200
        assert not balances_in(answer.text), path
    assert (await scene.get(f"/v1/visits/{visit}/sheet.pdf", us)).status_code == 200
    [(_, sheet)] = press.documents
    assert not balances_in(" ".join(texts(sheet)))


@pytest.mark.parametrize("end", ["recall_requested", "recalled", "ended"])
async def test_after_the_end_an_agency_sees_its_results_without_personal_data(scene: Scene, end: str) -> None:
    contract, placement, visit = await placed_visit(scene)
    us = placement.agency_id
    result = {"contacts": [_CONTACT], "position": _POSITION, "reason_for_non_payment": _REASON}
    body = {"outcome": "visited", "attended_by": "debtor", "at": moment()} | result
    reported = await scene.post(f"/v1/visits/{visit}/result", body, us)
    assert reported.json()["name"] == contract.name
    assert reported.json()["result"]["contacts"] == [_CONTACT]
    await scene.receives(getattr(contract, end)(placement))

    shown = (await scene.get(f"/v1/visits/{visit}", us)).json()
    assert (shown["visit_id"], shown["state"], shown["result"]["outcome"]) == (visit, "done", "visited")
    assert [shown[name] for name in ("name", "contract_number", "address")] == [None, None, None]
    listed = await scene.get("/v1/visits", us)
    assert listed.json()["items"] == [shown]
    personal = (contract.name, contract.number, "Insurgentes", _CONTACT["value"], _REASON, "19.43")
    for_operator = await scene.get(f"/v1/visits/{visit}")
    assert all(str(one) in for_operator.text for one in personal), "operators see it all"
    assert not any(str(one) in listed.text for one in personal)
    for document in ("sheet.pdf", "letter.pdf", "photos"):
        refused = await scene.get(f"/v1/visits/{visit}/{document}", us)
        assert (refused.status_code, refused.json()["type"]) == (409, "urn:recobro:problem:placement-over")


async def test_the_answer_to_a_late_report_holds_no_personal_data(scene: Scene) -> None:
    contract, placement, visit = await placed_visit(scene)
    await attend(scene, visit, placement.agency_id, "third_party")
    await scene.receives(contract.recalled(placement))
    body = {"outcome": "deceased", "attended_by": "third_party", "at": moment(), "contacts": [_CONTACT]}
    answer = await scene.post(f"/v1/visits/{visit}/result", body, placement.agency_id)
    assert answer.status_code == 201
    assert answer.json()["name"] is None
    assert _CONTACT["value"] not in answer.text
    assert await scene.rows("SELECT FROM visit WHERE contacts <> '[]'")


@pytest.mark.process
async def test_after_the_end_an_agency_reads_no_photo(scene: Scene) -> None:
    contract, placement, visit = await placed_visit(scene)
    us, url = placement.agency_id, f"/v1/visits/{visit}/photos"
    headers = {"Authorization": f"Bearer {mint(agency_id=us)}"}
    added = await scene.client.post(url, params={"permission": "true", "at": moment()}, content=PNG, headers=headers)
    photo = f"/v1/photos/{added.json()['photo_id']}"
    assert (await scene.get(photo, us)).status_code == 200
    await scene.receives(contract.recalled(placement))
    assert (await scene.get(photo, us)).status_code == 404
    assert (await scene.get(photo)).status_code == 200
    assert (await scene.get(f"/v1/visits/{visit}", us)).json()["photos"] == 1


PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63606060000000040001f61738"
    "550000000049454e44ae426082"
)


# --- who did it


async def test_orders_results_and_cancellations_name_who_acted(scene: Scene) -> None:
    _, placement, visit = await placed_visit(scene)
    us = placement.agency_id
    await attend(scene, visit, us, "third_party")
    own = (await scene.post(f"/v1/visits/{visit}/cancellation", {"reason": "rain"}, us)).json()
    body = {"outcome": "visited", "attended_by": "third_party", "at": moment()}
    as_ana = {"Authorization": f"Bearer {mint(subject='ana')}", "X-Request-Id": "request-7"}
    await scene.client.post(f"/v1/visits/{visit}/result", json=body, headers=as_ana)
    assert [own["actor"], own["cancellation"]["actor"]] == [None, None], "an agency does not see who acted"

    shown = await scene.visit(visit)
    actors: list[dict[str, Any]] = [shown["actor"], shown["cancellation"]["actor"], shown["result"]["actor"]]
    assert [actor.get("agency_id") for actor in actors] == [str(us), str(us), None]
    assert (actors[2]["subject"], actors[2]["request_id"]) == ("ana", "request-7")
    [attendance] = await scene.rows("SELECT actor FROM attendance")
    assert attendance["actor"]["agency_id"] == str(us)


async def test_what_an_event_cancelled_has_no_actor(scene: Scene) -> None:
    contract = await scene.known_contract()
    visit = await scene.ordered(contract)
    await scene.receives(contract.paid())
    shown = await scene.visit(visit)
    assert shown["actor"]["subject"] == "test"
    assert shown["cancellation"]["actor"] is None


async def test_a_list_of_visits_is_read_under_a_name(scene: Scene) -> None:
    assert (await scene.get("/v1/visits")).status_code == 200
    assert [tuple(row) for row in await scene.rows("SELECT method, route FROM audit_entry")] == [("GET", "/v1/visits")]
