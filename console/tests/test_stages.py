"""The bands of a portfolio, and why a contract was in its stage on a day."""

from datetime import timedelta

import pytest
from console_scene import Scene
from contracts_scene import contract, part, path_of, pay
from in_browser import findings
from playwright.async_api import Browser
from services_in_process import AS_OF


async def _portfolio_id(scene: Scene) -> str:
    one = await contract(scene)
    whole = await scene.platform.get("portfolio", f"/v1/contracts/{one['contract_id']}")
    return str(whole["portfolio_id"])


async def test_bands_are_entered_for_a_later_day_and_shown_with_all_versions(scene: Scene) -> None:
    path = f"/portfolios/{await _portfolio_id(scene)}/bands"
    later = AS_OF + timedelta(days=300)
    async with scene.client() as client:
        assert "1–30" in (await client.get(path)).text
        typed = {"from": str(later), "early": "5", "late": "3", "legal": ""}
        wrong = await scene.send(client, f"{path}/new", f"{path}/new", _key="a", **typed)
        assert wrong.status_code == 422
        assert "debe ser mayor que 5" in wrong.text
        assert 'value="3"' in wrong.text
        far = typed | {"late": "40", "from": str(AS_OF + timedelta(days=900))}
        assert "debe estar entre" in (await scene.send(client, f"{path}/new", f"{path}/new", _key="b", **far)).text
        right = typed | {"late": "40"}
        done = await scene.send(client, f"{path}/new", f"{path}/new", _key="c", **right)
        assert (done.status_code, done.headers["location"]) == (303, path)
        shown = (await client.get(path, params={"on": str(later)})).text
        assert "5–39" in shown
        assert "1–30" in (await client.get(path)).text


async def test_a_contract_says_why_it_was_in_its_stage_on_a_day(scene: Scene) -> None:
    one = await contract(scene)
    await pay(scene, one, "1.00")
    async with scene.client() as client:
        assert path_of(one, "/stage/day") in await part(client, one, "ledger")
        shown = (await client.get(path_of(one, "/stage/day"))).text
        assert "se registró un pago de 1.00" in shown
        assert "Después no se registró nada que cambie este día." in shown
        early = await client.get(path_of(one, "/stage/day"), params={"on": "2020-01-01"})
        assert "El contrato todavía no se conocía aquí ese día." in early.text
        later = await client.get(path_of(one, "/stage/day"), params={"on": str(AS_OF + timedelta(days=90))})
        assert "Ese día no ha llegado." in later.text


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (390, "dark")])
async def test_axe_finds_nothing_on_the_pages_of_stages(scene: Scene, browser: Browser, width: int, theme: str) -> None:
    one = await contract(scene)
    bands = f"/portfolios/{await _portfolio_id(scene)}/bands"
    async with scene.browser_page(browser, width=width) as page:
        for path in (bands, f"{bands}/new", path_of(one, "/stage/day")):
            await page.goto(f"{scene.url}/preferences?theme={theme}&back={path}")
            assert await findings(page) == [], path
            assert await page.evaluate("document.documentElement.scrollWidth") <= width, path
