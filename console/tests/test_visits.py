"""Visits in the console: ordered, printed, entered, cancelled; on the map; and what an agency's user sees of them."""

import io
import itertools
import math
import uuid
import zipfile
from typing import Any

import pytest
from console_scene import Scene
from in_browser import findings
from playwright.async_api import Browser, expect
from services_in_process import AS_OF

DAY = str(AS_OF)


@pytest.fixture(scope="module")
async def numbers(scene: Scene) -> list[str]:
    """The numbers of contracts that can be visited, each used by one test."""
    rows = await scene.platform.rows(
        "field-visits",
        """
        SELECT contract_number FROM contract
        WHERE stage = 'late' AND EXISTS (
            SELECT FROM address WHERE address.contract_id = contract.contract_id AND present AND authorised
                AND street <> '')
        ORDER BY contract_number DESC LIMIT 40
        """,
    )
    return [row["contract_number"] for row in rows]


async def ordered(scene: Scene, numbers: list[str], visitor: str, role: str = "supervisor") -> str:
    """Order a visit by the form for the next contract that can be visited, and return its path."""
    async with scene.client(role) as client:
        for _ in range(len(numbers)):
            fields = {"contract_number": numbers.pop(), "visitor": visitor, "visit_on": DAY, "_key": str(uuid.uuid4())}
            answer = await scene.send(client, "/visits/new", "/visits/new", **fields)
            if answer.status_code == 303:
                return answer.headers["location"]
            assert answer.status_code == 422
            assert f'value="{visitor}"' in answer.text, "what was typed stays"
    pytest.fail("no contract of the sample can be visited")


async def test_a_visit_is_ordered_by_number_and_shown_on_its_day(scene: Scene, numbers: list[str]) -> None:
    path = await ordered(scene, numbers, "Óscar Peña")
    async with scene.client() as client:
        page = await client.get("/visits")
        listed = await client.get("/visits/list", params={"day": DAY, "visitor": "Óscar Peña"})
        other = await client.get("/visits/list", params={"day": DAY, "visitor": "Nadie"})
        unknown = await scene.send(
            client, "/visits/new", "/visits/new", contract_number="NO-HAY", visitor="X", visit_on=DAY, _key="k1"
        )
    assert f'value="{DAY}"' in page.text, "the newest business date is the day that is shown"
    assert path in listed.text
    assert path not in other.text
    assert unknown.status_code == 422
    assert "No hay un contrato con este número" in unknown.text


async def test_the_papers_of_a_day_are_one_file_and_refusals_are_named(scene: Scene, numbers: list[str]) -> None:
    for _ in range(2):
        await ordered(scene, numbers, "Papeles")
    wanted = {"day": DAY, "visitor": "Papeles"}
    async with scene.client() as client:
        sheets = await client.get("/visits/papers", params={"kind": "sheet", **wanted})
        letters = await client.get("/visits/papers", params={"kind": "letter", **wanted})
        nobody = await client.get("/visits/papers", params={"kind": "sheet", "day": DAY, "visitor": "Nadie"})
    assert sheets.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(sheets.content)) as archive:
        assert len(archive.namelist()) == 2
        assert all(archive.read(name).startswith(b"%PDF") for name in archive.namelist())
    # The sample's creditor has no address yet, which a letter must state.
    assert letters.status_code == 409
    assert letters.text.count("A la carta le faltan datos") == 2
    assert nobody.status_code == 409


async def test_only_a_debtor_who_attends_makes_the_balance_appear(scene: Scene, numbers: list[str]) -> None:
    path = await ordered(scene, numbers, "Puerta")
    async with scene.client() as client:
        form = f"{path}/attendance"
        sent = {"at": f"{DAY}T11:00", "_key": str(uuid.uuid4())}
        neighbour = await scene.send(client, form, form, attended_by="third_party", **sent)
        debtor = await scene.send(client, form, form, **(sent | {"attended_by": "debtor", "_key": str(uuid.uuid4())}))
        shown = (await client.get(path)).text
    assert "Saldo total" not in neighbour.text
    assert "Saldo total" in debtor.text
    assert "MXN" in debtor.text
    assert "MXN" not in shown
    assert "11:00" in shown, "the moment is shown as it was typed, in the portfolio's zone"


async def test_a_result_that_contradicts_itself_keeps_what_was_typed(scene: Scene, numbers: list[str]) -> None:
    path = await ordered(scene, numbers, "Resultado")
    form = f"{path}/result"
    fields = {
        "outcome": "promise",
        "attended_by": "nobody",
        "at": f"{DAY}T11:30",
        "contact_0": "871 123 4567",
        "contact_0_by": "vecina",
        "address_0_street": "Calle Nueva",
        "address_0_by": "vecina",
        "latitude": "25.54",
        "longitude": "-103,40",
    }
    async with scene.client() as client:
        wrong = await scene.send(client, form, form, **fields, _key=str(uuid.uuid4()))
        right = await scene.send(client, form, form, **(fields | {"outcome": "nobody_home"}), _key=str(uuid.uuid4()))
        shown = (await client.get(path)).text
    assert wrong.status_code == 422
    assert 'value="871 123 4567"' in wrong.text
    assert right.status_code == 303
    for found in ("871 123 4567", "Calle Nueva", "nadie en casa", 'data-longitude="-103.4"'):
        assert found in shown
    assert f"{path}/result" not in shown, "a visit takes one result"


async def test_a_cancelled_visit_has_no_papers(scene: Scene, numbers: list[str]) -> None:
    path = await ordered(scene, numbers, "Cancelada")
    async with scene.client() as client:
        done = await scene.send(client, path, f"{path}/cancellation", reason="llueve", _key=str(uuid.uuid4()))
        shown = (await client.get(path)).text
        again = await scene.send(client, "/visits/new", f"{path}/cancellation", reason="x", _key=str(uuid.uuid4()))
        sheet = await client.get(f"{path}/sheet.pdf")
    assert done.status_code == 303
    assert "llueve" in shown
    assert "sheet.pdf" not in shown
    assert (again.status_code, sheet.status_code) == (409, 409)


async def test_others_see_no_controls_that_are_not_theirs(scene: Scene, numbers: list[str]) -> None:
    path = await ordered(scene, numbers, "Ajena")
    agency: dict[str, Any] = await scene.platform.post("assignment", "/v1/agencies", {"name": "Visitas Sur"})
    async with scene.client("agency", agency_id=agency["agency_id"]) as theirs:
        assert (await theirs.get(path)).status_code == 404
        assert path not in (await theirs.get("/visits/list", params={"day": ""})).text
        assert (await theirs.get("/visits/breaches")).status_code == 403
    async with scene.client("auditor") as auditor:
        shown = await auditor.get(path)
        assert shown.status_code == 200
        assert "/cancellation" not in shown.text
        assert "/visits/new" not in (await auditor.get("/visits")).text


async def test_breaches_name_the_contract_and_the_rule(scene: Scene, numbers: list[str]) -> None:
    path = await ordered(scene, numbers, "De noche")
    form = f"{path}/attendance"
    async with scene.client() as client:
        told = await scene.send(client, form, form, attended_by="nobody", at=f"{DAY}T23:30", _key=str(uuid.uuid4()))
        listed = await client.get("/visits/breaches", params={"kind": "outside_hours"})
    assert "fuera de horario" in told.text
    assert path in listed.text


async def test_a_result_with_a_position_appears_on_the_map(scene: Scene, browser: Browser, numbers: list[str]) -> None:
    path = await ordered(scene, numbers, "Mapa")
    body = {"outcome": "nobody_home", "attended_by": "nobody", "at": f"{DAY}T17:00:00Z"}
    visit_id = path.rpartition("/")[2]
    async with scene.browser_page(browser) as page:
        await page.goto(f"{scene.url}/visits?day={DAY}&visitor=Mapa")
        await page.wait_for_selector(f"#v-list a[href='{path}']")
        assert await page.is_hidden(".map")
        position = {"latitude": 25.54, "longitude": -103.4}
        await scene.platform.post("field-visits", f"/v1/visits/{visit_id}/result", body | {"position": position})
        await page.wait_for_selector(".map path.leaflet-interactive", timeout=240_000)


async def test_several_hundred_visits_stay_apart_on_the_map_counted_by_place(scene: Scene, browser: Browser) -> None:
    rows, middles = (
        """(count) => document.querySelector("#v-list").replaceChildren(...Array.from({ length: count }, (_, n) => {
            const row = document.createElement("p");
            const at = (span) => 25 + (n % 3) * 3 + span * Math.sin(n * 12.9898 * (1 + span));
            const place = { latitude: at(0.06), longitude: at(0.05) - 130 };
            Object.assign(row.dataset, place, { point: `V-${n}`, kind: "done" });
            return row;
        }))""",
        """(circles) => circles.map((one) => one.getBoundingClientRect()).filter(({ width }) => width)
            .map(({ x, y, width, height }) => [x + width / 2, y + height / 2])""",
    )
    async with scene.browser_page(browser) as page:
        await page.goto(f"{scene.url}/visits?day={DAY}&visitor=Nobody")
        await page.wait_for_selector("#v-list .empty")
        await page.evaluate(rows, 420)
        counts = page.locator(".map-count")
        await counts.nth(2).wait_for()
        assert sum(map(int, await counts.all_inner_texts())) == 420, "three towns hold all"
        assert await findings(page) == []
        await counts.first.press("Enter")
        await counts.nth(20).wait_for()
        circles = await page.locator(".map-count, .map path.leaflet-interactive").evaluate_all(middles)
        assert min(math.dist(one, other) for one, other in itertools.combinations(circles, 2)) > 34
        # Two at one door: no view is close enough, so the circle says who they are.
        await page.evaluate(rows.replace("n * 12.9898", "12.9898").replace("n % 3", "0"), 2)
        await expect(counts).to_have_text("2")
        await counts.press("Enter")
        await expect(page.locator(".leaflet-popup-content")).to_contain_text("V-1")
