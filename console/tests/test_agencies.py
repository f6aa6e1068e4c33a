"""Agencies in the console: what they have, what is taken back, who decides; and what an agency's user sees."""

import uuid
from typing import Any

import pytest
from console_scene import Scene
from services_in_process import AS_OF

TERMS = {
    "kinds": ["dialing"],
    "starts_on": "2026-01-01",
    "recall_grace_days": 2,
    "fees": [{"kind": "dialing", "from_days": 0, "percent": "10"}],
}


@pytest.fixture(scope="module")
async def agency(scene: Scene) -> dict[str, Any]:
    """An agency that has the contracts that are early or late."""
    post = scene.platform.post
    made: dict[str, Any] = await post("assignment", "/v1/agencies", {"name": "Cobranza Norte"})
    await post("assignment", f"/v1/agencies/{made['agency_id']}/service-contracts", TERMS)
    rule = {"name": "all", "priority": 1, "kind": "dialing", "when": {"stages": ["early", "late"]}}
    rule |= {"shares": [{"agency_id": made["agency_id"], "weight": 1}]}
    await post("assignment", "/v1/placement-rules", rule)
    await post("assignment", "/v1/placement-runs", {"as_of": str(AS_OF)})
    await scene.platform.settled()
    return made


async def placements(scene: Scene, agency: dict[str, Any], state: str) -> list[dict[str, Any]]:
    path = "/v1/placements"
    found = await scene.platform.get("assignment", path, agency_id=agency["agency_id"], state=state, limit=1000)
    items: list[dict[str, Any]] = found["items"]
    return items


async def test_a_recall_is_objected_to_and_decided(scene: Scene, agency: dict[str, Any]) -> None:
    chosen = (await placements(scene, agency, "active"))[0]
    own = f"/agencies/{agency['agency_id']}"
    step = f"/placements/{chosen['placement_id']}"
    async with scene.client("operator") as staff, scene.client("agency", agency_id=agency["agency_id"]) as theirs:
        recalled = await scene.send(staff, own, f"{step}/recall", reason="queja", _back=own, _key=str(uuid.uuid4()))
        assert recalled.status_code == 303, recalled.text
        assert chosen["contract_number"] in (await theirs.get(f"{own}/placements?state=recall_pending")).text
        objected = await scene.send(theirs, own, f"{step}/objection", reason="ya prometió", _key=str(uuid.uuid4()))
        assert objected.status_code == 303, objected.text
        open_ones = await staff.get("/agencies/objections")
        assert "ya prometió" in open_ones.text
        assert chosen["contract_number"] in open_ones.text
        decided = await scene.send(
            staff,
            "/agencies",
            f"{step}/objection-decision",
            accepted="yes",
            reason="de acuerdo",
            _key=str(uuid.uuid4()),
        )
        assert decided.status_code == 303, decided.text
        again = await scene.send(
            staff, "/agencies", f"{step}/objection-decision", accepted="no", reason="no", _key=str(uuid.uuid4())
        )
    assert again.status_code == 409
    assert "ya prometió" not in open_ones.text.partition("</table>")[2]
    assert chosen["placement_id"] in {one["placement_id"] for one in await placements(scene, agency, "active")}


async def test_an_agency_sees_itself_alone(scene: Scene, agency: dict[str, Any]) -> None:
    other = await scene.platform.post("assignment", "/v1/agencies", {"name": "Otra"})
    own = f"/agencies/{agency['agency_id']}"
    async with scene.client("agency", agency_id=other["agency_id"]) as theirs:
        assert (await theirs.get("/agencies")).headers["location"] == f"/agencies/{other['agency_id']}"
        assert (await theirs.get(own)).status_code == 404
        assert (await theirs.get(f"{own}/terms")).status_code == 403
        numbers = {one["contract_number"] for one in await placements(scene, agency, "active")}
        shown = (await theirs.get(f"{own}/placements")).text
        assert not any(number in shown for number in numbers)
        assert "Retirar" not in (await theirs.get(f"/agencies/{other['agency_id']}/placements")).text


async def test_commissions_of_a_payment_are_shown(scene: Scene, agency: dict[str, Any]) -> None:
    chosen = (await placements(scene, agency, "active"))[-1]
    payment = {"amount": "10.00", "paid_on": str(AS_OF), "channel": "branch"}
    await scene.platform.post("portfolio", f"/v1/contracts/{chosen['contract_id']}/payments", payment)
    await scene.platform.settled()
    async with scene.client("auditor") as client:
        path = f"/agencies/{agency['agency_id']}/commissions"
        shown = await client.get(path, params={"first": str(AS_OF), "last": str(AS_OF)})
    assert chosen["contract_number"] in shown.text
    assert "1.00 MXN" in shown.text


async def test_a_step_that_does_not_exist_and_a_way_back_to_elsewhere_are_refused(
    scene: Scene, agency: dict[str, Any]
) -> None:
    chosen = (await placements(scene, agency, "active"))[1]
    step = f"/placements/{chosen['placement_id']}"
    async with scene.client("operator") as staff:
        assert (await scene.send(staff, "/agencies", f"{step}/destruction", _key=str(uuid.uuid4()))).status_code == 404
        elsewhere = {"_back": "//evil.test/", "_key": str(uuid.uuid4())}
        recalled = await scene.send(staff, "/agencies", f"{step}/recall", reason="queja", **elsewhere)
    assert recalled.headers["location"] == "/"


async def test_many_recalls_and_many_objections_are_one_form(scene: Scene, agency: dict[str, Any]) -> None:
    chosen = (await placements(scene, agency, "active"))[:40]
    marked = [each["placement_id"] for each in chosen]
    at = f"?agency_id={agency['agency_id']}"
    recalls, decisions = f"/agencies/many/recall{at}", f"/agencies/many/objection-decision{at}"
    async with scene.client() as client:
        page = (await client.get(recalls)).text
        assert chosen[0]["contract_number"] in page
        typed: dict[str, Any] = {"placement": marked, "reason": "venta", "_key": str(uuid.uuid4())}
        for _ in range(2):  # Sent twice, it counts once.
            done = await scene.send(client, recalls, recalls, **typed)
            assert done.status_code == 303, done.text
        assert {each["placement_id"] for each in await placements(scene, agency, "recall_pending")} >= {*marked}
        for each in marked:
            await scene.platform.post("assignment", f"/v1/placements/{each}/objection", {"reason": "x"})
        none = await scene.send(client, decisions, decisions, reason="no", accepted="no")
        assert "Primero marque contratos" in none.text
        # One of them is decided meanwhile: it is named, and the others are decided.
        path = f"/v1/placements/{marked[0]}/objection-decision"
        await scene.platform.post("assignment", path, {"reason": "x", "accepted": True})
        mixed = await scene.send(client, decisions, decisions, placement=marked, reason="no", accepted="no")
        assert mixed.status_code == 422
        assert "Hecho: 39. Sin hacer: 1." in mixed.text
        assert not {each["placement_id"] for each in await placements(scene, agency, "objected")} & {*marked}
    async with scene.client("agency", agency_id=agency["agency_id"]) as theirs:
        assert (await theirs.get(recalls)).status_code == 403
        assert (await theirs.get(f"/agencies/many/acknowledgement{at}")).status_code == 200
