"""The desk in the console: worklists, one person after the other by the keyboard, and the word of a supervisor."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, time
from typing import Any
from unittest.mock import patch

import pytest
from chassis.second_person import ROLE_SCOPE
from chassis.testing import mint
from console_scene import Scene
from contracts_scene import contract
from dialer_feed.permits import asking
from in_browser import findings
from playwright.async_api import Browser, Page, expect
from recobro_platform import SCOPES
from services_in_process import AS_OF


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


NOON = datetime.combine(AS_OF, time(18), UTC)
"""Noon in Mexico City."""


async def someone_with_a_phone(scene: Scene, page: Page) -> None:
    """Go to the first person of the worklist who has a phone."""
    heard = "SELECT EXISTS (SELECT FROM barrier WHERE state = 'reached')"
    await scene.platform.until("dialer-feed", heard)
    await page.goto(f"{scene.url}/desk")
    await page.keyboard.press("n")
    await page.wait_for_url("**/desk/items/*")
    while await page.get_by_role("button", name="¿Puedo llamar").count() == 0:
        before = page.url
        await page.locator("#d-outcome").select_option("no_answer")
        await page.keyboard.press("Escape")
        await page.keyboard.press("n")
        await page.wait_for_url(lambda url: "/desk/items/" in url and url != before)  # noqa: B023
    await page.wait_for_selector("[aria-busy=true]", state="detached")


@pytest.mark.usefixtures("worklist")
async def test_an_operator_asks_beside_a_phone_and_the_outcome_has_the_permit(scene: Scene, browser: Browser) -> None:
    async with scene.browser_page(browser, "operator") as page:
        await someone_with_a_phone(scene, page)
        answer = page.locator("#permit")
        with patch.object(asking, "now", lambda: NOON):
            await page.keyboard.press("t")
            await expect(answer).to_contain_text("Puede llamar: la llamada debe empezar antes de las 12:00:15.")
        assert (await answer.locator("a").get_attribute("href") or "").startswith("tel:+52")
        permit_id = await page.locator("#permit [name=permit_id]").get_attribute("value")
        with patch.object(asking, "now", lambda: NOON.replace(hour=8)):
            await page.keyboard.press("t")
            await expect(answer).to_contain_text("No llame al +52")
            await expect(answer).to_contain_text("A esta hora no se permiten llamadas")
        item = await read(scene, f"/v1/desk-items/{page.url.rpartition('/')[2]}")
        await page.locator("#d-outcome").select_option("no_answer")
        await page.get_by_role("button", name="Registrar y parar").click()
        await page.wait_for_url("**/desk")
    made = [await read(scene, f"/v1/contracts/{one['contract_id']}/attempts") for one in item["contracts"]]
    assert [each["items"][-1]["permit_id"] for each in made] == [permit_id, *[None] * (len(made) - 1)]
    await scene.platform.settled()
    kept = await scene.platform.get("dialer-feed", f"/v1/permits/{permit_id}")
    assert kept["attempt_id"] == made[0]["items"][-1]["attempt_id"]
    async with scene.client("operator") as client:
        assert "el personal propio, desde el escritorio" in (await client.get(f"/lists/permits/{permit_id}")).text


async def test_a_permit_that_was_given_stays_with_the_outcome_when_another_number_is_refused(
    scene: Scene, worklist: str
) -> None:
    await scene.platform.until("dialer-feed", "SELECT EXISTS (SELECT FROM barrier WHERE state = 'reached')")
    async with scene.client("operator") as client:
        given = await scene.send(client, "/desk", f"/desk/worklists/{worklist}/next")
        at = given.headers["Location"]
        item = await read(scene, f"/v1/desk-items/{at.rpartition('/')[2]}")
        contract_id = item["contracts"][0]["contract_id"]
        phone = "+52 871 555 0001"
        point = {"kind": "phone", "value": phone, "provenance": "debtor"}
        await scene.platform.post("portfolio", f"/v1/contracts/{contract_id}/contact-points", point)
        await scene.platform.settled()
        page = (await client.get(at)).text
        assert "¿Puedo llamar al +528715550001?" in page
        assert "tel:" not in page, "who has not asked has no link to call"
        asked = {"contract_id": contract_id, "phone": phone}
        with patch.object(asking, "now", lambda: NOON):
            said = (await scene.send(client, at, f"{at}/permit", **asked)).text
        assert 'href="tel:+528715550001"' in said
        assert "Puede llamar: la llamada debe empezar antes de las 12:00:15." in said
        permit = re.findall('name="permit_id" value="([^"]+)" form="d-end"', said)
        assert len(permit) == 1
        asked |= {"phone": "+52 871 555 0002", "permit_id": permit[0]}
        with patch.object(asking, "now", lambda: NOON):
            refused = (await scene.send(client, at, f"{at}/permit", **asked)).text
        assert "No llame al +52 871 555 0002. El contrato no tiene este número." in refused
        assert f'value="{permit[0]}"' in refused
        ended = await scene.send(client, at, f"{at}/outcome", outcome="no_answer", permit_id=permit[0])
        assert ended.status_code == 303
    made = await read(scene, f"/v1/contracts/{contract_id}/attempts")
    assert made["items"][-1]["permit_id"] == permit[0]


@pytest.mark.usefixtures("worklist")
async def test_nobody_calls_while_it_is_not_known_whether_it_is_allowed(scene: Scene, browser: Browser) -> None:
    async with scene.browser_page(browser, "operator") as page:
        await someone_with_a_phone(scene, page)
        with patch.object(asking, "ask", side_effect=OSError):
            await page.keyboard.press("t")
            await expect(page.locator("#permit")).to_contain_text("No llame al +52")
        assert await page.locator("#permit a").count() == 0


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
        await someone_with_a_phone(scene, shown)
        for each in (await read(scene, f"/v1/desk-items/{shown.url.rpartition('/')[2]}"))["contracts"]:
            rules = await scene.platform.get("portfolio", f"/v1/portfolios/{each['portfolio_id']}/segment-rules")
            said = rules["words"][each["segment"]]["es"] if each["segment"] else "–"
            await expect(shown.get_by_role("cell", name=said, exact=True).first).to_be_visible()
        assert await findings(shown) == []
        with patch.object(asking, "now", lambda: NOON):
            await shown.keyboard.press("t")
            await expect(shown.locator("#permit a")).to_be_visible()
        assert await findings(shown) == []
        assert await shown.evaluate("document.documentElement.scrollWidth") <= width
