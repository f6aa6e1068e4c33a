"""Pages in a browser: keyboard, languages, live changes, no findings of axe, at both widths and in both themes."""

import re

import pytest
from console_scene import Scene
from in_browser import faults
from playwright.async_api import Browser

MOST_SCRIPT_BYTES = 150_000
"""Of what one page loads, as it is sent. Without the map's page it holds before compression too."""

_BUILT = (
    "/today",
    "/operations",
    "/operations/audit",
    "/operations/topics/portfolio.events",
    "/today/disputes",
    "/files",
    "/files/new-portfolio",
    "/payments",
    "/payments/unidentified",
    "/lists",
    "/agencies",
    "/contracts",
    "/contracts/pauses",
    "/contracts/pauses/new/postal_code",
    "/agencies/many/recall",
    "/lists/permits",
    "/lists/suppressions",
    "/lists/codes",
    "/promises?view=week",
    "/promises?view=plans",
    "/promises?view=undecided",
    "/visits",
    "/visits/new",
    "/visits/breaches",
    "/insight/waterfall",
    "/insight/recovery",
    "/strategy",
    "/strategy/offers",
    "/strategy/authority",
    "/agencies/rules",
    "/desk",
)


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (390, "dark")])
async def test_axe_finds_nothing_and_nothing_overflows(scene: Scene, browser: Browser, width: int, theme: str) -> None:
    async with scene.browser_page(browser, width=width) as page:
        await page.goto(f"{scene.url}/preferences?theme={theme}&back=/today")
        wrong = {path: found for path in _BUILT if (found := await faults(page, f"{scene.url}{path}", width))}
    assert not wrong


async def test_the_keyboard_reaches_sections_search_and_help(scene: Scene, browser: Browser) -> None:
    async with scene.browser_page(browser) as page:
        await page.keyboard.press("/")
        assert await page.evaluate("document.activeElement.id") == "search"
        await page.keyboard.press("Escape")
        await page.keyboard.press("?")
        assert await page.is_visible("#help")
        await page.keyboard.press("Escape")
        # In one message: the console waits for the second key for a moment only.
        await page.keyboard.type("gl")
        await page.wait_for_url("**/lists")


async def test_no_page_loads_more_script_than_the_budget(scene: Scene) -> None:
    async with scene.client() as client:
        for path in _BUILT:
            scripts = re.findall(r'<script src="([^"]+)"', (await client.get(path)).text)
            answers = [await client.get(each, headers={"Accept-Encoding": "gzip"}) for each in scripts]
            assert {"vendor/htmx.js", "console.js"} <= {each.partition("/static/")[2][17:] for each in scripts}, path
            assert sum(int(each.headers["content-length"]) for each in answers) <= MOST_SCRIPT_BYTES, path
            if not any("leaflet" in each for each in scripts):
                assert sum(len(each.content) for each in answers) <= MOST_SCRIPT_BYTES, path
