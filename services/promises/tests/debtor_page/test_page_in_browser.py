"""The debtor's page in a browser, at both widths and in three languages, without findings of axe, without scripts."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest
import uvicorn
from agreement_scene import LUZ
from in_browser import chromium, findings
from page_scene import ANSWERS, known_contract, link_of
from playwright.async_api import Browser, Page, expect
from promise_scene import Scene, day
from recobro.postgres import free_port
from recobro_events.contracts.portfolio import Components, Letterhead

pytestmark = pytest.mark.process
_PICTURES = os.environ.get("RECOBRO_PICTURES")
_RULES = [
    {
        "code": code,
        "steps": [{"pay_within_days": 10, "discount_percent": percent}],
        "instalments": count,
        "valid_days": 5,
        "needs_approval": approval,
    }
    for code, percent, count, approval in (("UNO", "25", 1, False), ("TRES", "10", 3, True))
]


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest.fixture
async def url(scene: Scene) -> AsyncIterator[str]:
    """The app of the scene, on a port."""
    app, port = scene.client._transport.app, free_port()  # type: ignore[attr-defined]
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(240):
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for this
            await asyncio.sleep(0.02)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    with contextlib.suppress(asyncio.CancelledError):
        await serving


async def link_path(scene: Scene, language: str = "es") -> str:
    parts = {"principal": "7500.00", "ordinary_interest": "1200.50", "default_interest": "640.25"}
    none = dict.fromkeys(("fees", "tax", "other"), "0.00")
    owed = Components.model_validate(parts | none)
    known = {
        "creditor_name": "Financiera La Laguna",
        "letterhead": Letterhead(phones=("+52 871 555 0100",), payment_instructions="CLABE 012345678901234567"),
    }
    await scene.receives(scene.business_date(0).model_copy(update=known))
    answer = await scene.client.put("/v1/offer-rules", json={"rules": _RULES}, headers=LUZ)
    assert answer.status_code == 200, answer.text
    contract = await known_contract(scene, overdue=Decimal("9340.75"), components=owed)
    link = await link_of(scene, contract, language=language)
    return f"/p/{link['url'].rpartition('/')[2]}"


async def looked_at(page: Page, width: int, name: str) -> list[str]:
    """What is wrong with the page that is open. A picture of it is kept where RECOBRO_PICTURES names a folder."""
    if _PICTURES:
        await page.screenshot(path=Path(_PICTURES) / f"{name}-{width}.png", full_page=True)
    wide = await page.evaluate("document.documentElement.scrollWidth")
    return [*await findings(page), *([f"{wide} pixels wide"] if wide > width else [])]


async def prove(page: Page, **answers: str) -> None:
    for name, answer in (ANSWERS | answers).items():
        await page.fill(f"[name={name}]", answer)
    await page.click("main button")


@pytest.mark.parametrize(("width", "language"), [(390, "es"), (1280, "pt"), (390, "en")])
async def test_every_page_is_accessible(scene: Scene, browser: Browser, url: str, width: int, language: str) -> None:
    path = await link_path(scene, language)
    context = await browser.new_context(viewport={"width": width, "height": 800}, locale=language)
    context.set_default_timeout(60_000)
    page = await context.new_page()
    outside: list[str] = []
    page.on("request", lambda sent: None if sent.url.startswith((url, "data:")) else outside.append(sent.url))
    wrong: dict[str, list[str]] = {}

    async def look(name: str) -> None:
        wrong[name] = await looked_at(page, width, f"{name}-{language}")

    await page.goto(url + path)
    await look("identity")
    await prove(page, tax_id="0000")
    await look("identity-wrong")
    await prove(page)
    await page.click("#dispute ~ details summary")
    await page.click("#contact ~ details summary")
    await look("mine")
    await page.fill("#amount", "99999")
    await page.fill("#due_on", str(day(5)))
    await page.click("section:has(#promise) button")
    await look("refused")
    await expect(page.get_by_role("alert")).to_be_in_viewport()
    await page.fill("#amount", "2500")
    await page.click("section:has(#promise) button")
    await look("promised")
    await expect(page.get_by_role("status")).to_be_in_viewport()
    await page.click("section:has(#offers) article:first-of-type button")
    await look("chosen")
    await page.click("section:has(#end) button")
    await look("goodbye")
    await page.goto(url + path)
    await look("nothing")
    await context.close()
    assert not {name: found for name, found in wrong.items() if found}
    assert not outside


async def test_a_person_without_scripts_promises_with_the_keyboard(scene: Scene, browser: Browser, url: str) -> None:
    path = await link_path(scene)
    context = await browser.new_context(viewport={"width": 390, "height": 800}, java_script_enabled=False)
    context.set_default_timeout(60_000)
    page = await context.new_page()
    await page.goto(url + path)
    await page.focus("[name=tax_id]")
    await page.keyboard.type("1ab1")
    await page.keyboard.press("Tab")
    await page.keyboard.type("27000")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Lo que debe")
    await page.get_by_role("link", name="English").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("What you owe")
    await page.fill("#amount", "2,500.00")
    await page.fill("#due_on", str(day(5)))
    await page.get_by_role("button", name="I promise this payment").dblclick()
    await expect(page.get_by_role("status")).to_contain_text("You have promised $2,500.00 M.N.")
    await context.close()
    assert len(await scene.rows("SELECT FROM promise")) == 1
