"""Today: what waits, what happens, and that each number leads to what it counts."""

import asyncio
import re
import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from console_scene import Scene
from contracts_scene import contract, spanish
from in_browser import findings
from playwright.async_api import Browser
from recobro_console.calls import Calls
from recobro_console.today import staging
from recobro_console.today.figures import differences, waiting
from services_in_process import AS_OF


async def test_every_part_answers_and_what_waits_leads_to_what_it_counts(scene: Scene) -> None:
    async with scene.client() as client:
        page = (await client.get("/today")).text
        parts = re.findall(r'hx-get="(/today/[a-z]+)"', page)
        assert len(parts) == 9
        for part in parts:
            answer = await client.get(part)
            assert (answer.status_code, 'role="alert"' in answer.text) == (200, False), part
        for link in re.findall(r'<dd><a href="([^"]+)"', (await client.get("/today/waiting")).text):
            if link != "/operations":
                assert (await client.get(link.replace("&amp;", "&"))).status_code == 200, link


async def test_a_payment_shows_with_the_debtor_as_it_happens(scene: Scene) -> None:
    [contract] = (await scene.platform.get("portfolio", "/v1/contracts", limit=1, stage="late"))["items"]
    payment = {"amount": "12.34", "paid_on": contract["as_of"], "channel": "spei", "reference": "TODAY-1"}
    async with scene.client() as client:
        await scene.platform.post("portfolio", f"/v1/contracts/{contract['contract_id']}/payments", payment)
        async with asyncio.timeout(240):
            while "12.34" not in (shown := (await client.get("/today/payments")).text):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        assert contract["debtor_name"].split()[0] in shown
        assert contract["contract_number"] in shown
        assert "12.34 MXN" in (await client.get("/today/money")).text


async def test_a_service_that_is_silent_leaves_the_other_parts(scene: Scene) -> None:
    addresses = scene.app.state.addresses
    known = addresses["dialer-feed"]
    addresses["dialer-feed"] = "http://127.0.0.1:9"
    try:
        async with scene.client() as client:
            assert "dialer-feed no responde" in (await client.get("/today/lists")).text
            assert "dialer-feed no responde" in (await client.get("/today/waiting")).text
            assert 'role="alert"' not in (await client.get("/today/stages")).text
    finally:
        addresses["dialer-feed"] = known


async def test_the_daily_run_is_begun_and_a_day_far_ahead_is_confirmed_once(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging, "_PATIENCE_SECONDS", 240)
    form = "/today/staging"
    async with scene.client("operator") as client:
        assert form in (await client.get("/today/jobs")).text
        ahead = await scene.send(client, form, form, as_of="2099-01-01", portfolio_id="", _key="ahead")
        assert (ahead.status_code, 'name="again"' in ahead.text) == (409, True)
        assert re.search(r"[\d,]+ días después de", ahead.text)
        assert "2099-01-01" in ahead.text, "what was typed stays"
        day = AS_OF + timedelta(days=1)
        done = await scene.send(client, form, form, as_of=str(day), portfolio_id="", _key="next")
        assert done.headers["location"] == "/today"
        assert f"Los contratos están al {spanish(day)}" in (await client.get("/today")).text
    async with scene.client("auditor") as client:
        assert form not in (await client.get("/today/jobs")).text
        assert (await client.get(form)).status_code == 403


async def test_a_long_run_goes_on_by_itself_and_shows_how_far_it_is(
    scene: Scene, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = {"run_id": "r", "as_of": "2026-11-30", "state": "running", "portfolios_left": 2, "days_left": 7}
    is_over = False
    known = Calls.get, Calls.post

    async def get(calls: Calls, service: str, path: str, **parameters: Any) -> Any:
        if path == "/v1/staging-runs/current" and not is_over:
            return run
        return await known[0](calls, service, path, **parameters)

    async def post(calls: Calls, service: str, path: str, body: object = None, **options: Any) -> Any:
        if path == "/v1/staging-runs":
            await asyncio.Event().wait()
        return await known[1](calls, service, path, body, **options)

    monkeypatch.setattr(Calls, "get", get)
    monkeypatch.setattr(Calls, "post", post)
    monkeypatch.setattr(staging, "_PATIENCE_SECONDS", 0.01)
    async with scene.browser_page(browser, "operator") as page:
        await page.goto(f"{scene.url}/today/staging")
        await page.fill("#f-as_of", "2026-11-30")
        await page.get_by_role("button", name="Procesar el día").click()
        await page.get_by_text("El proceso sigue solo").wait_for()
        await page.get_by_text("faltan 2 carteras, la más atrasada por 7 días").wait_for()
        assert await findings(page) == []
        run["days_left"] = 3
        await page.get_by_text("la más atrasada por 3 días").wait_for()
        is_over = True
        await page.get_by_role("link", name="Procesar el día").wait_for()


@pytest.mark.parametrize("width", [390, 1280])
async def test_a_letter_of_no_debt_waits_until_its_delivery_is_noted(
    scene: Scene, browser: Browser, width: int
) -> None:
    one = await contract(scene)
    path = f"/v1/contracts/{one['contract_id']}"
    owed = Decimal((await scene.platform.get("portfolio", path))["total_balance"])
    half = (owed / 2).quantize(Decimal("0.01"))
    parts = [
        {"due_on": str(AS_OF + timedelta(days=days)), "amount": str(amount)}
        for days, amount in ((3, half), (9, owed - half))
    ]
    plan = {"contract_id": one["contract_id"], "kind": "plan", "schedule": parts}
    made = await scene.platform.post("promises", "/v1/agreements", plan)
    of = made["agreement_id"]
    # Another test may have moved the business date. A payment counts from the day of the plan on.
    payment = {"amount": str(owed), "paid_on": made["made_on"], "channel": "spei", "reference": f"LETTER-{width}"}
    await scene.platform.post("portfolio", f"{path}/payments", payment)
    asked = "SELECT EXISTS (SELECT FROM letter WHERE agreement_id = $1)"
    await scene.platform.until("portfolio", asked, uuid.UUID(of))
    async with scene.client() as client:
        assert "cartas de no adeudo por entregar" in (await client.get("/today/waiting")).text
        assert "por imprimir" in (await client.get("/today/letters")).text
        assert (await client.get(f"/contracts/{one['contract_id']}/no-debt.pdf")).content.startswith(b"%PDF")
    async with scene.browser_page(browser, width=width) as page:
        await page.goto(f"{scene.url}/today/letters")
        row = page.locator("tr", has_text=one["contract_number"])
        await row.get_by_text("impresa").wait_for()
        assert await findings(page) == []
        await row.locator("summary").focus()
        await page.keyboard.press("Enter")
        await row.get_by_label("Cómo").select_option("post")
        await row.get_by_role("button", name="Entregada").last.click()
        await page.get_by_text("La entrega de la carta quedó anotada").wait_for()
        assert await page.locator("tr", has_text=one["contract_number"]).count() == 0


def test_numbers_of_several_portfolios_are_added_and_bounded_by_the_last_day() -> None:
    path = "/v1/clarifications?portfolio_id={}&state=open&deadline_before={}"
    figures = [
        {"figure": "clarifications.due_soon", "count": 2, "items": path.format("a", "2026-11-20")},
        {"figure": "clarifications.due_soon", "count": 3, "items": path.format("b", "2026-11-25")},
    ]
    [one] = waiting(figures)
    assert (one.count, one.path) == (5, "/today/disputes?deadline_before=2026-11-25")


def test_the_difference_from_yesterday_is_closing_less_opening_and_never_adds_currencies() -> None:
    step = {"stage": "late", "contracts": 4, "overdue": "100.00"}
    steps = [
        step | {"currency": "MXN", "step": "opening"},
        step | {"currency": "MXN", "step": "rolled_in", "contracts": 1, "overdue": "10.00"},
        step | {"currency": "MXN", "step": "closing", "contracts": 5, "overdue": "110.00"},
        step | {"currency": "BRL", "step": "closing"},
    ]
    found = differences(steps)
    [late] = found["MXN"]
    assert (late.contracts, late.more_contracts, late.more_overdue) == (5, 1, Decimal("10.00"))
    assert found["BRL"][0].overdue == Decimal("100.00")
