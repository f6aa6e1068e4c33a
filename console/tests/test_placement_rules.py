"""Placement rules in the console: read in words, written, changed and ended by a form."""

from typing import Any

import pytest
from console_scene import Scene
from in_browser import findings
from playwright.async_api import Browser

PATH, HERE, EDIT = "/v1/placement-rules", "/agencies/rules", "/agencies/rules/edit"
RULE = {
    "name": "Tardíos del norte",
    "kind": "collection",
    "priority": "5",
    "stages": ["late", "legal"],
    "states": "Coahuila, NL",
    "min_overdue": "1,500.50",
    "agency-1": "",
}


@pytest.fixture(scope="module")
async def agencies(scene: Scene) -> list[str]:
    made = [await scene.platform.post("assignment", "/v1/agencies", {"name": name}) for name in ("Alfa", "Beta")]
    return [each["agency_id"] for each in made]


async def holding(scene: Scene) -> list[dict[str, Any]]:
    found = await scene.platform.get("assignment", PATH, limit=1000)
    return [each for each in found["items"] if not each["ended_at"]]


async def test_a_rule_is_written_read_in_words_and_changed_without_a_gap(scene: Scene, agencies: list[str]) -> None:
    shares = {"agency-0": agencies[0], "weight-0": "3", "agency-2": agencies[1]}
    async with scene.client("operator") as client:
        assert "ninguna agencia recibe contratos" in (await client.get(HERE)).text
        wrong = await scene.send(client, EDIT, EDIT, **RULE | {"priority": "first", "_key": "r-0"}, **shares)
        assert wrong.status_code == 422
        assert 'id="w-priority"' in wrong.text
        assert 'value="first"' in wrong.text
        twice = await scene.send(client, EDIT, EDIT, **RULE | {"_key": "r-1"}, **shares | {"agency-2": agencies[0]})
        assert twice.status_code == 422
        done = await scene.send(client, EDIT, EDIT, **RULE | {"_key": "r-2"}, **shares)
        assert done.status_code == 303, done.text
        [first] = await holding(scene)
        assert first["when"]["states"] == ["Coahuila", "Nuevo León"]
        assert first["when"]["min_overdue"] == "1500.50"
        assert sorted(each["weight"] for each in first["shares"]) == [1, 3]
        shown = (await client.get(HERE)).text
        for said in ("Etapa: tardía, judicial", "Saldo vencido mayor que: 1,500.50", 'Alfa: <span class="n">75.0 %'):
            assert said in shown
        form = (await client.get(EDIT, params={"of": first["rule_id"]})).text
        assert "Coahuila, Nuevo León" in form
        again = RULE | {"_key": "r-3", "of": first["rule_id"], "priority": "1"}
        changed = await scene.send(client, EDIT, EDIT, **again, **shares)
        assert changed.status_code == 303, changed.text
        [second] = await holding(scene)
        assert (second["priority"], second["rule_id"] != first["rule_id"]) == (1, True)
        repeated = await scene.send(client, EDIT, EDIT, **again, **shares)
        assert repeated.status_code == 303, repeated.text
        assert await holding(scene) == [second], "sent twice, it takes effect once"


async def test_a_rule_ends_after_one_question_and_all_contracts_are_placed_anew(
    scene: Scene, browser: Browser, agencies: list[str]
) -> None:
    rule = {
        "name": "Por terminar",
        "priority": 2,
        "kind": "visits",
        "shares": [{"agency_id": agencies[0], "weight": 1}],
    }
    await scene.platform.post("assignment", PATH, rule)
    async with scene.browser_page(browser) as page:
        await page.goto(f"{scene.url}{HERE}")
        row = page.locator("tr", has_text="Por terminar")
        await row.locator("summary").click()
        await row.locator("form button").click()
        await page.get_by_text("La regla terminó.").wait_for()
        await page.locator("summary", has_text="Asignar ahora todos los contratos").click()
        await page.locator("form button", has_text="Asignar ahora todos los contratos").click()
        await page.get_by_text("Se asignaron").wait_for()
    assert "Por terminar" not in [each["name"] for each in await holding(scene)]


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (390, "dark")])
async def test_axe_finds_nothing_on_the_pages_of_placement_rules(
    scene: Scene, browser: Browser, agencies: list[str], width: int, theme: str
) -> None:
    rule = {"name": f"{width}", "priority": 9, "kind": "dialing", "shares": [{"agency_id": agencies[0], "weight": 1}]}
    made = await scene.platform.post("assignment", PATH, rule)
    async with scene.browser_page(browser, width=width) as page:
        await page.goto(f"{scene.url}/preferences?theme={theme}&back=/agencies")
        for path in (HERE, f"{EDIT}?of={made['rule_id']}"):
            await page.goto(f"{scene.url}{path}")
            assert await findings(page) == [], path
            assert await page.evaluate("document.documentElement.scrollWidth") <= width, path
