"""Pages in a browser: keyboard, languages, live changes, no findings of axe, at both widths and in both themes."""

import pytest
from axe_playwright_python.async_playwright import Axe
from console_scene import Scene
from playwright.async_api import Browser, Page

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


async def findings(page: Page) -> list[str]:
    """What axe finds on the page, by its rules for WCAG 2.2 AA."""
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    results = await Axe().run(page, options={"runOnly": {"type": "tag", "values": tags}})
    return [
        f"{one['id']}: {node['html'][:200]} {node.get('failureSummary', '')}"
        for one in results.response["violations"]
        for node in one["nodes"]
    ]


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (390, "dark")])
@pytest.mark.parametrize("path", _BUILT)
async def test_axe_finds_nothing_and_nothing_overflows(
    scene: Scene, browser: Browser, path: str, width: int, theme: str
) -> None:
    async with scene.browser_page(browser, width=width) as page:
        await page.goto(f"{scene.url}/preferences?theme={theme}&back={path}")
        await page.wait_for_selector("[aria-busy=true]", state="detached")
        assert await findings(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth") <= width


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
