"""Finds every page of a console by its links, and takes pictures of each.

    .venv/bin/python console/tests/every_page.py LINK FOLDER

``LINK`` is what ``recobro console-link`` prints. Pages that differ only in whom they are about are one page. Each is
opened at two widths and in both themes. What axe finds, and what is wider than the window, is printed; the exit code is
1 if there is any.
"""

import argparse
import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from in_browser import chromium, faults
from playwright.async_api import Browser, Page
from playwright.async_api import Error as BrowserError

WIDTHS, THEMES = (1280, 390), ("light", "dark")
_ONE = re.compile(r"/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]+")
_NO_PAGE = re.compile(r"/(static|preferences|sign-in|sign-out)\b|\.(pdf|csv|xlsx|zip|parquet|jpg|txt)$|/(pdf|papers)\b")
_KEPT = ("view",)
"""What of a query makes a page another one."""


def kind_of(address: str) -> str:
    """The page that an address opens, whomever it is about."""
    parts = urlsplit(address)
    query = parse_qs(parts.query)
    return _ONE.sub("/_", parts.path) + "".join(f"-{query[name][0]}" for name in _KEPT if name in query)


async def every_page(page: Page, url: str) -> AsyncIterator[tuple[str, str]]:
    """Open each page of the console at ``url``, from its first one on. Yields its kind and its address."""
    await page.goto(url)
    waiting, seen = [page.url], {kind_of(page.url)}
    while waiting:
        address = waiting.pop(0)
        try:
            answer = await page.goto(address)
        except BrowserError:
            continue  # A file to keep.
        if answer is None or not answer.headers.get("content-type", "").startswith("text/html"):
            continue
        await page.wait_for_selector("[aria-busy=true]", state="detached")
        yield kind_of(address), address
        for link in await page.evaluate("[...document.querySelectorAll('a[href]')].map((a) => a.href)"):
            if not link.startswith(url) or _NO_PAGE.search(urlsplit(link).path) or kind_of(link) in seen:
                continue
            seen.add(kind_of(link))
            waiting.append(link)


async def take(browser: Browser, link: str, folder: Path, language: str) -> list[str]:
    """Keep a picture of each page in ``folder``, and return what is wrong with the pages."""
    context = await browser.new_context(viewport={"width": WIDTHS[0], "height": 900}, locale=language)
    context.set_default_timeout(60_000)
    page = await context.new_page()
    await page.goto(link)
    url = "{0.scheme}://{0.netloc}".format(urlsplit(link))
    found = [each async for each in every_page(page, url)]
    wrong = []
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": 900})
        for theme in THEMES:
            await page.goto(f"{url}/preferences?theme={theme}&back=/preferences/none")
            for kind, address in found:
                name = f"{kind.strip('/').replace('/', '.')}.{width}.{theme}"
                wrong += [f"{name}: {each}" for each in await faults(page, address, width)]
                await page.screenshot(path=folder / f"{name}.png", full_page=True)
    await context.close()
    return wrong


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("link")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--language", default="es-MX")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    async with chromium() as browser:
        wrong = await take(browser, options.link, options.folder, options.language)
    print(*wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))
