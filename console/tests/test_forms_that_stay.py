"""Forms outlive what goes wrong under them: a console that is killed, a session that is over, a service that is away.

Each is sent in the browser while the worst happens. What was typed is still there, and counts once in the end.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from console_scene import Scene, console_before
from contracts_scene import contract, path_of, placed
from fresh_databases import FreshDatabases
from playwright.async_api import Browser, Page, expect
from recobro.postgres import free_port
from recobro_console.main import MIGRATIONS
from services_in_process import InProcessPlatform

AMOUNT = "7.77"


class Held:
    """The console's client of the services. It holds the answer to a payment that the service has taken."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self.taken = asyncio.Event()

    async def request(self, method: str, url: str, **others: Any) -> httpx.Response:
        answer = await self._http.request(method, url, **others)
        if method == "POST" and url.endswith("/payments"):
            self.taken.set()
            await asyncio.Event().wait()
        return answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._http, name)


@asynccontextmanager
async def opened(browser: Browser, scene: Scene) -> AsyncIterator[Page]:
    """A page that has signed in. Errors that it logs are no finding here."""
    context = await browser.new_context(locale="es-MX")
    context.set_default_timeout(60_000)
    page = await context.new_page()
    await page.goto(scene.link())
    try:
        yield page
    finally:
        await context.close()


async def typed(page: Page, scene: Scene, one: dict[str, Any], amount: str = AMOUNT) -> None:
    await page.goto(scene.url + path_of(one, "/payment"))
    await page.locator("#f-amount").fill(amount)
    await page.locator("#f-reference").fill(f"R {one['contract_number']} {amount}")


async def payments(platform: InProcessPlatform, one: dict[str, Any]) -> list[str]:
    shown = await platform.get("portfolio", f"/v1/contracts/{one['contract_id']}")
    return [each["amount"] for each in shown["payments"]]


async def test_a_payment_that_was_taken_when_the_console_died_is_sent_again_and_counts_once(
    platform: InProcessPlatform, databases: FreshDatabases, browser: Browser
) -> None:
    dsn, port = await databases.migrated(MIGRATIONS), free_port()
    async with console_before(platform, databases, dsn=dsn, port=port) as scene:
        one = await contract(scene)
        held = scene.app.state.http = Held(scene.app.state.http)
        opening = opened(browser, scene)
        page = await opening.__aenter__()
        await typed(page, scene, one)
        await page.get_by_role("button", name="Registrar el pago").click()
        async with asyncio.timeout(240):
            await held.taken.wait()
    await expect(page.locator("form [data-said]")).to_contain_text("sigue aquí")
    await expect(page.locator("#f-amount")).to_have_value(AMOUNT)
    async with console_before(platform, databases, dsn=dsn, port=port):
        await page.get_by_role("button", name="Registrar el pago").click()
        await expect(page.locator(".notice.good")).to_contain_text(AMOUNT)
        assert await payments(platform, one) == [AMOUNT]
        await opening.__aexit__(None, None, None)
    await databases.drop(dsn)


async def test_a_form_outlives_its_session_and_only_its_own_person_sends_it(scene: Scene, browser: Browser) -> None:
    one = await contract(scene)
    async with opened(browser, scene) as page:
        await typed(page, scene, one)
        key = (await page.context.cookies())[0]["value"]
        await scene.app.state.store.close(key)
        button, said = page.get_by_role("button", name="Registrar el pago"), page.locator("form [data-said]")
        await button.click()
        await expect(said).to_contain_text("Entre en otra pestaña")
        other = await page.context.new_page()
        await other.goto(scene.link(person="Beatriz Luna"))
        await button.click()
        await expect(said).to_contain_text("ya no es válido")
        assert await payments(scene.platform, one) == []
        await other.goto(scene.link())
        await button.click()
        await expect(page.locator(".notice.good")).to_contain_text(AMOUNT)
    assert await payments(scene.platform, one) == [AMOUNT]


async def test_a_service_that_is_away_leaves_the_form_and_its_parts_come_back_by_themselves(
    scene: Scene, browser: Browser
) -> None:
    one = await contract(scene)
    addresses = scene.app.state.addresses
    known = addresses["portfolio"]
    async with opened(browser, scene) as page:
        await typed(page, scene, one)
        addresses["portfolio"] = "http://127.0.0.1:9"
        try:
            await page.get_by_role("button", name="Registrar el pago").click()
            await expect(page.locator("form [data-said]")).to_contain_text("portfolio no responde")
            await expect(page.locator("#f-amount")).to_have_value(AMOUNT)
            contract_page = await page.context.new_page()
            await contract_page.goto(scene.url + path_of(one))
            await expect(contract_page.locator("[data-recover]").first).to_contain_text("portfolio no responde")
            files = await page.context.new_page()
            await files.goto(f"{scene.url}/files")
            await expect(files.locator("main")).to_contain_text("Esta página se abre sola")
        finally:
            addresses["portfolio"] = known
        await expect(files.locator("#f-portfolio_id")).to_be_visible()
        await expect(contract_page.get_by_role("heading", level=1)).to_contain_text(one["contract_number"])
        await expect(contract_page.locator("[data-recover]")).to_have_count(0)
        await page.get_by_role("button", name="Registrar el pago").click()
        await expect(page.locator(".notice.good")).to_contain_text(AMOUNT)
    assert await payments(scene.platform, one) == [AMOUNT]


async def test_two_clicks_two_windows_and_the_way_back_enter_one_payment(scene: Scene, browser: Browser) -> None:
    one = await contract(scene)
    async with opened(browser, scene) as page:
        window = await page.context.new_page()
        for each in (page, window):
            await typed(each, scene, one)
        sent: list[str] = []
        page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
        await page.get_by_role("button", name="Registrar el pago").dblclick()
        await expect(page.locator(".notice.good")).to_contain_text(AMOUNT)
        assert len(sent) == 1
        # The other window has a form of its own, with the same reference.
        await window.get_by_role("button", name="Registrar el pago").click()
        await expect(window.locator("#said, .notice.good")).to_be_visible()
        await expect(window.locator("#f-amount")).to_have_value(AMOUNT)
        await page.go_back()
        await expect(page.locator("#f-amount")).to_be_visible()
    assert await payments(scene.platform, one) == [AMOUNT]


async def test_the_way_back_leads_from_a_preview_to_the_form(scene: Scene, browser: Browser) -> None:
    async with opened(browser, scene) as page:
        await page.goto(f"{scene.url}/files")
        content = {"name": "a.csv", "mimeType": "text/csv", "buffer": b"No. Contrato,Saldo\nA1,10\n"}
        await page.locator("#f-file").set_input_files(content)  # type: ignore[arg-type]
        await page.get_by_role("button", name="Primero ver cómo se leería").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Cómo se leería el archivo")
        await page.go_back()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Archivos")
        await expect(page.locator("#f-portfolio_id")).to_be_visible()


async def test_an_open_question_stays_with_its_own_row_when_rows_come(scene: Scene, browser: Browser) -> None:
    agency = await placed(scene)
    found = await scene.platform.get("assignment", "/v1/placements", agency_id=agency, state="active", limit=3)

    async def objects(placement: dict[str, Any]) -> None:
        for step in ("recall", "objection"):
            await scene.platform.post(
                "assignment", f"/v1/placements/{placement['placement_id']}/{step}", {"reason": "x"}
            )

    first, second, third = found["items"]
    await objects(second)
    async with opened(browser, scene) as page:
        await page.goto(f"{scene.url}/agencies")
        rows = page.locator("#a-open + div").get_by_role("row")
        mine = rows.filter(has_text=second["contract_number"])
        await mine.locator("summary").first.click()
        await mine.locator("input[name=reason]").first.fill("a medias")
        await mine.locator("input[name=reason]").first.blur()
        for other in (first, third):
            await objects(other)
            await expect(rows.filter(has_text=other["contract_number"])).to_be_visible()
        await expect(mine.locator("input[name=reason]").first).to_have_value("a medias")
        await mine.locator("form button").first.click()
        await expect(page.locator(".notice.good")).to_contain_text(second["contract_number"])
        await expect(mine).to_have_count(0)


async def test_a_button_of_a_form_that_only_asks_opens_its_page(scene: Scene, browser: Browser) -> None:
    new = {"name": "Vista", "one_entry_per": "contract"}
    await scene.platform.post("dialer-feed", "/v1/campaigns", new)
    async with opened(browser, scene) as page:
        await page.goto(f"{scene.url}/lists")
        await page.get_by_role("button", name="Vista previa").click()
        await page.wait_for_url("**/lists/preview?*")
        assert "_csrf" not in page.url
