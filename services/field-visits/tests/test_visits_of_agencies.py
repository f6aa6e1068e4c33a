"""An agency reads and changes only its own visits. Visits of others are not found."""

import io
import uuid
from datetime import timedelta

import pytest
from chassis.testing import mint, unguarded_routes
from fastapi import FastAPI
from PIL import Image
from visits_scene import DAY, Scene, a_placement, moment

US, THEM = uuid.uuid4(), uuid.uuid4()
_RESULT = {"outcome": "nobody_home", "attended_by": "nobody", "at": moment()}
_ROUTES: list[tuple[str, str, object]] = [
    ("GET", "/v1/visits/{visit}", None),
    ("GET", "/v1/visits/{visit}/sheet.pdf", None),
    ("GET", "/v1/visits/{visit}/letter.pdf", None),
    ("GET", "/v1/visits/{visit}/photos", None),
    ("GET", "/v1/photos/{photo}", None),
    ("POST", "/v1/visits/{visit}/attendance", {"attended_by": "debtor", "at": moment()}),
    ("POST", "/v1/visits/{visit}/photos?permission=true", b""),
    ("POST", "/v1/visits/{visit}/result", _RESULT),
    ("POST", "/v1/visits/{visit}/cancellation", {"reason": "rain"}),
]


def _photo() -> bytes:
    drawn = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(drawn, "PNG")
    return drawn.getvalue()


def _as(agency_id: uuid.UUID) -> dict[str, str]:
    return {"Authorization": f"Bearer {mint(agency_id=agency_id)}"}


@pytest.mark.process
@pytest.mark.parametrize(("method", "path", "body"), _ROUTES)
async def test_every_route_of_a_visit_is_closed_to_other_agencies(
    scene: Scene, method: str, path: str, body: object
) -> None:
    await scene.knows_agency(US)
    ours, inside = await scene.known_contract(a_placement(US)), await scene.known_contract()
    visit, without_agency = await scene.ordered(ours, agency_id=US), await scene.ordered(inside)
    photos = {}
    for visit_id in (visit, without_agency):
        url = f"/v1/visits/{visit_id}/photos"
        photos[visit_id] = (await scene.client.post(url, params={"permission": "true"}, content=_photo())).json()

    async def status(visit_id: str, agency_id: uuid.UUID) -> int:
        url = path.format(visit=visit_id, photo=photos[visit_id]["photo_id"])
        sent = {"content": _photo()} if isinstance(body, bytes) else {"json": body} if body else {}
        return (await scene.client.request(method, url, headers=_as(agency_id), **sent)).status_code

    assert await status(visit, THEM) == 404
    assert await status(without_agency, US) == 404
    assert (await scene.visit(visit))["state"] == "ordered"
    assert await scene.rows("SELECT FROM attendance") == []
    await scene.attend(visit)
    assert await status(visit, US) in (200, 201)


async def test_an_agency_lists_only_its_own_visits(scene: Scene) -> None:
    contracts = [await scene.known_contract(a_placement(agency_id)) for agency_id in (US, THEM)]
    inside = await scene.known_contract()
    visits = [await scene.ordered(contract) for contract in (*contracts, inside)]

    async def listed(agency_id: uuid.UUID | None) -> list[str]:
        return [item["visit_id"] for item in (await scene.get("/v1/visits", agency_id)).json()["items"]]

    assert await listed(US) == [visits[0]]
    assert await listed(THEM) == [visits[1]]
    assert await listed(None) == sorted(visits)


async def test_visits_of_a_day_and_in_a_state_are_found_and_order_turns_the_list(scene: Scene) -> None:
    today, tomorrow, cancelled = [
        await scene.ordered(await scene.known_contract(), day) for day in (DAY, DAY + timedelta(days=1), DAY)
    ]
    await scene.post(f"/v1/visits/{cancelled}/cancellation", {"reason": "moved"})

    async def listed(**wanted: str) -> list[str]:
        return [item["visit_id"] for item in (await scene.get("/v1/visits", None, **wanted)).json()["items"]]

    assert await listed(day=str(DAY)) == await listed(visit_on=str(DAY)) == [today, cancelled]
    assert await listed(day=str(DAY), state="ordered") == [today]
    assert await listed(order="desc") == [tomorrow, cancelled, today]
    answer = await scene.get("/v1/visits", None, day=str(DAY), visit_on="2026-01-01")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/query/day")


async def test_an_agency_orders_visits_only_for_contracts_placed_with_it(scene: Scene) -> None:
    ours = await scene.known_contract(a_placement(US, ends_on=DAY + timedelta(days=3)))
    assert (await scene.order(ours, agency_id=THEM)).json()["type"] == "urn:recobro:problem:contract-unknown"
    assert (await scene.order(ours, DAY + timedelta(days=3), agency_id=US)).status_code == 201
    beyond = await scene.order(ours, DAY + timedelta(days=4), agency_id=US)
    assert (beyond.status_code, beyond.json()["errors"][0]["pointer"]) == (422, "/visit_on")
    from_inside = await scene.order(ours, DAY + timedelta(days=4))
    assert from_inside.json()["agency_id"] is None, "the placement has ended by that day"


async def test_every_route_is_guarded(built: FastAPI) -> None:
    assert unguarded_routes(built) == []


async def test_requests_without_a_token_or_the_scope_to_write_are_refused(scene: Scene) -> None:
    visit = await scene.ordered(await scene.known_contract())
    reader = {"Authorization": f"Bearer {mint(scopes=['field-visits:read'])}"}
    for method, path, body in _ROUTES:
        url = path.format(visit=visit, photo=uuid.uuid4())
        sent = {"json": body} if body and not isinstance(body, bytes) else {}
        assert (await scene.client.request(method, url, headers={"Authorization": ""}, **sent)).status_code == 401  # type: ignore[arg-type]
        if method == "POST":
            assert (await scene.client.request(method, url, headers=reader, **sent)).status_code == 403  # type: ignore[arg-type]
