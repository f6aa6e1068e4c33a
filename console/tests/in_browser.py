"""The system's Chromium, and what is wrong with a page in it."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, async_playwright, expect

# A busy machine is no reason to fail.
expect.set_options(timeout=60_000)
CHROMIUM = os.environ.get("RECOBRO_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
_CHROMIUM_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


async def findings(page: Page) -> list[str]:
    """What axe finds on the page, by its rules for WCAG 2.2 AA."""
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    options = {"runOnly": {"type": "tag", "values": tags}, "resultTypes": ["violations"]}
    results = await Axe().run(page, options=options)
    return [
        f"{one['id']}: {node['html'][:200]} {node.get('failureSummary', '')}"
        for one in results.response["violations"]
        for node in one["nodes"]
    ]


async def faults(page: Page, url: str, width: int) -> list[str]:
    """Open the address, and return what axe finds there, and whether the page is wider than the window."""
    await page.goto(url)
    await page.wait_for_selector("[aria-busy=true]", state="detached")
    wide = await page.evaluate("document.documentElement.scrollWidth")
    return [*await findings(page), *([f"{wide} pixels wide"] if wide > width else [])]


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """The system's Chromium. The test is skipped where there is none, unless ``RECOBRO_REQUIRE_CHROMIUM`` is set."""
    if CHROMIUM is None:
        (pytest.fail if os.environ.get("RECOBRO_REQUIRE_CHROMIUM") else pytest.skip)("no Chromium is installed")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=_CHROMIUM_OPTIONS)
        try:
            yield browser
        finally:
            await browser.close()
