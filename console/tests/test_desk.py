"""The desk in the console: worklists, one person after the other by the keyboard, and the word of a supervisor."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from chassis.second_person import ROLE_SCOPE
from chassis.testing import mint
from console_scene import Scene
from contracts_scene import contract
from in_browser import findings
from playwright.async_api import Browser
from recobro_platform import SCOPES


async def read(scene: Scene, path: str) -> Any:
    """What a supervisor reads of the desk."""
    supervisor = {"Authorization": f"Bearer {mint((*SCOPES, f'{ROLE_SCOPE}supervisor'))}"}
    answer = await scene.platform.clients["portfolio"].get(path, headers=supervisor)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
async def worklist(scene: Scene) -> AsyncIterator[str]:
    """A worklist of the early contracts, which a form has made. Whoever is with somebody gives the person back."""
    name = "Tempranos"
    async with scene.client("operator") as client:
        made = await scene.send(
            client,
            "/desk/worklists/new",
            "/desk/worklists/new",
            name=name,
            stages="early",
            **{"debt_age_days-min": "1"},
        )
        assert made.status_code == 303, made.text
    [held] = await scene.platform.get("portfolio", "/v1/worklists")
    assert held["when"]["stages"] == ["early"]
    assert held["when"]["debt_age_days"] == {"min": 1, "max": None}
    await scene.platform.until("portfolio", "SELECT count(*) = 0 FROM worklist WHERE wanted_at IS NOT NULL")
    yield held["worklist_id"]
    async with scene.client("supervisor") as client:
        for item in (await read(scene, "/v1/desk-items"))["items"]:
            path = f"/desk/items/{item['item_id']}"
            if item["state"] == "given":
                await scene.send(client, path, f"{path}/release")
        page = f"/desk/worklists/{held['worklist_id']}"
        retired = await scene.send(client, page, page, retire="1")
        assert retired.status_code == 303


async def test_a_worklist_is_refused_with_what_was_typed(scene: Scene) -> None:
    path = "/desk/worklists/new"
    async with scene.client("operator") as client:
        refused = await scene.send(client, path, path, name="X", no_contact_days="many")
        assert refused.status_code == 422
        assert 'value="many"' in refused.text


async def test_an_operator_works_one_person_after_the_other_with_the_keyboard_alone(
    scene: Scene, browser: Browser, worklist: str
) -> None:
    async with scene.browser_page(browser, "operator") as page:
        await page.goto(f"{scene.url}/today")
        # In one message: the console waits for the second key for a moment only.
        await page.keyboard.type("gd")
        await page.wait_for_url("**/desk")
        await page.keyboard.press("n")
        await page.wait_for_url("**/desk/items/*")
        first = page.url
        await page.wait_for_selector("[aria-busy=true]", state="detached")
        assert await page.locator("table tbody tr").count() >= 1
        await page.keyboard.press("o")
        assert await page.evaluate("document.activeElement.id") == "d-outcome"
        await page.keyboard.type("llamada: no")
        await page.keyboard.press("Tab")
        await page.keyboard.type("suena y nadie contesta")
        await page.keyboard.press("Escape")
        await page.keyboard.press("n")
        await page.wait_for_url(lambda url: "/desk/items/" in url and url != first)
        await page.keyboard.press("w")
        await page.keyboard.type("vive con su madre")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await page.wait_for_selector("text=vive con su madre")
        # The new page shows the note before it obeys keys.
        await page.wait_for_load_state()
        await page.keyboard.press("e")
        await page.keyboard.type("pide una quita")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/desk")
        assert await page.is_visible("text=pide una quita")
    ended = await read(scene, f"/v1/desk-items?worklist_id={worklist}")
    assert [item["state"] for item in ended["items"]] == ["worked", "escalated"]
    assert ended["items"][0]["outcome"] == "no_answer"
    path = f"/desk/items/{ended['items'][1]['item_id']}"
    async with scene.client("supervisor") as client:
        decided = await scene.send(client, path, f"{path}/decision", decision="done", note="sin quita")
        assert decided.status_code == 303, decided.text
        assert "sin quita" in (await client.get(path)).text


@pytest.mark.usefixtures("worklist")
async def test_a_silence_is_said_on_the_page_of_who_has_the_person(scene: Scene, browser: Browser) -> None:
    async with scene.browser_page(browser, "operator") as page:
        await page.goto(f"{scene.url}/desk")
        await page.keyboard.press("n")
        await page.wait_for_url("**/desk/items/*")
        item = await read(scene, f"/v1/desk-items/{page.url.rpartition('/')[2]}")
        for one in item["contracts"]:
            dispute = {"reason": "amount", "opened_by": "debtor"}
            await scene.platform.post("portfolio", f"/v1/contracts/{one['contract_id']}/clarifications", dispute)
        await page.wait_for_selector("text=el contacto quedó detenido")
        assert await page.is_visible("text=en aclaración")


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (390, "dark")])
async def test_axe_finds_nothing_on_the_pages_of_the_desk(
    scene: Scene, browser: Browser, worklist: str, width: int, theme: str
) -> None:
    assert await contract(scene)
    async with scene.browser_page(browser, width=width) as shown:
        await shown.goto(f"{scene.url}/preferences?theme={theme}&back=/desk")
        for path in (f"/desk/worklists/{worklist}", "/desk/worklists/new", "/desk"):
            await shown.goto(f"{scene.url}{path}")
            assert await findings(shown) == []
            assert await shown.evaluate("document.documentElement.scrollWidth") <= width
        await shown.keyboard.press("n")
        await shown.wait_for_url("**/desk/items/*")
        await shown.wait_for_selector("[aria-busy=true]", state="detached")
        assert await findings(shown) == []
        assert await shown.evaluate("document.documentElement.scrollWidth") <= width
