"""Pages in a browser: keyboard, languages, live changes, no findings of axe, at both widths and in both themes."""

import pytest
from console_scene import Scene
from in_browser import faults
from playwright.async_api import Browser

_BUILT = (
    "/today",
    "/operations",
    "/operations/audit",
    "/today/disputes",
    "/files",
    "/files/new-portfolio",
    "/payments",
    "/payments/unidentified",
    "/lists",
    "/agencies",
    "/contracts",
    "/promises?view=week",
    "/promises?view=plans",
    "/visits",
    "/visits/new",
    "/visits/breaches",
    "/insight/waterfall",
    "/insight/recovery",
    "/strategy",
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
        await page.keyboard.press("g")
        await page.keyboard.press("l")
        await page.wait_for_url("**/lists")
