"""Payments: a bank's file is dropped, its outcome read, and money without a contract gets its place."""

import re
import uuid
from decimal import Decimal
from typing import Any

from axe_playwright_python.async_playwright import Axe
from console_scene import Scene
from playwright.async_api import Browser, FilePayload

_CSRF_OF = re.compile(r"_csrf=([^\"&]+)")


async def portfolio(scene: Scene) -> tuple[str, dict[str, Any]]:
    """A portfolio of its own with a contract that owes money."""
    portfolio_id = await scene.platform.sample_portfolio(3)
    found = await scene.platform.get("portfolio", "/v1/contracts", portfolio_id=portfolio_id, limit=1)
    return portfolio_id, found["items"][0]


def bank_file(contract: dict[str, Any], mark: str) -> str:
    number = contract["contract_number"]
    rows = (
        f"2026-11-20,10.00,{mark}-1,{number},,",
        f"2026-11-20,20.00,{mark}-2,,abono de {mark},Inés {mark}",
        f"2026-11-20,30.00,{mark}-3,,,{mark}",
        f"32/13/2026,5.00,{mark}-4,{number},,",
    )
    return "\n".join(("Fecha de pago,Importe,Clave de rastreo,No. Contrato,Concepto,Ordenante", *rows, ""))


async def test_a_bank_file_is_loaded_and_its_money_gets_its_place_by_the_keyboard(
    scene: Scene, browser: Browser
) -> None:
    portfolio_id, contract = await portfolio(scene)
    mark = f"B{uuid.uuid4().hex[:8]}"
    async with scene.browser_page(browser) as page:
        await page.goto(f"{scene.url}/payments?portfolio_id={portfolio_id}")
        content = FilePayload(name=f"{mark}.csv", mimeType="text/csv", buffer=bank_file(contract, mark).encode())
        await page.set_input_files("#f-file", content)
        await page.press("#f-file", "Tab")
        await page.get_by_role("button", name="Probar el archivo").press("Enter")
        await page.wait_for_url("**/payments/files/*")
        await page.get_by_text("Fue una prueba: no se registró nada.").wait_for()
        assert (await Axe().run(page)).violations_count == 0
        waiting = await scene.platform.get("portfolio", "/v1/unidentified-payments", portfolio_id=portfolio_id)
        assert waiting["items"] == []
        await page.get_by_role("button", name="Registrar este archivo").press("Enter")
        await page.get_by_role("status").get_by_text("registrado").wait_for()
        await page.get_by_role("heading", name="Filas rechazadas").wait_for()
        assert await page.get_by_text("es un día que no existe en el calendario").count() == 1
        assert (await Axe().run(page)).violations_count == 0
        await page.goto(f"{scene.url}/payments/unidentified?q={mark}")
        assert await page.get_by_role("article").count() == 2
        assert (await Axe().run(page)).violations_count == 0
        first = page.get_by_role("article").filter(has_text=f"{mark}-2")
        await first.get_by_label("Número de contrato").fill(contract["contract_number"])
        await first.get_by_label("Importe").fill("15.00")
        await page.keyboard.press("Enter")
        await page.get_by_text(f"Registrado en {contract['contract_number']}").wait_for()
        await page.goto(f"{scene.url}/payments/unidentified?q={mark}-3")
        await page.get_by_role("button", name="Devolver").first.press("Enter")
        await page.get_by_label("Motivo").fill("no es cliente")
        await page.keyboard.press("Enter")
        await page.get_by_text("Anotado: el dinero vuelve a quien pagó.").wait_for()
    states = await scene.platform.get("portfolio", "/v1/unidentified-payments", portfolio_id=portfolio_id)
    assert [(one["state"], one["remaining"], one["return_reason"]) for one in states["items"]] == [
        ("open", "5.00", None),
        ("returned", "0.00", "no es cliente"),
    ]
    after = await scene.platform.get("portfolio", f"/v1/contracts/{contract['contract_id']}")
    assert Decimal(contract["total_balance"]) - Decimal(after["total_balance"]) == Decimal(25)


async def test_a_bank_file_that_is_refused_leaves_what_was_typed(scene: Scene) -> None:
    portfolio_id, _ = await portfolio(scene)
    async with scene.client() as client:
        token = _CSRF_OF.search((await client.get("/payments")).text)
        assert token is not None
        data = {"portfolio_id": portfolio_id, "control_rows": "7"}
        files = {"file": ("notes.csv", b"hello,world\n1,2\n", "text/csv")}
        refused = await client.post(f"/payments?_csrf={token[1]}", data=data, files=files)
        without = await client.post(f"/payments?_csrf={token[1]}", data=data, files={"file": ("", b"")})
        foreign = await client.post("/payments?_csrf=guessed", data=data, files=files)
    assert (refused.status_code, without.status_code, foreign.status_code) == (422, 422, 403)
    assert 'value="7"' in refused.text
    assert "Primero elija un archivo." in without.text


async def test_an_allocation_that_is_refused_says_why_and_leaves_what_was_typed(scene: Scene) -> None:
    portfolio_id, contract = await portfolio(scene)
    mark = f"R{uuid.uuid4().hex[:8]}"
    await booked(scene, portfolio_id, bank_file(contract, mark))
    waiting = await scene.platform.get("portfolio", "/v1/unidentified-payments", portfolio_id=portfolio_id)
    path = f"/payments/unidentified/{waiting['items'][0]['unidentified_id']}"
    async with scene.client() as client:
        typed = {"portfolio_id": portfolio_id, "contract_number": "X-9", "amount": "1.00"}
        unknown = await scene.send(client, "/payments", f"{path}/allocation", **typed)
        without = await scene.send(client, "/payments", f"{path}/return", reason="")
    assert (unknown.status_code, without.status_code) == (422, 422)
    assert 'value="X-9"' in unknown.text
    assert 'role="alert"' in unknown.text


async def booked(scene: Scene, portfolio_id: str, content: str) -> None:
    path = f"/v1/portfolios/{portfolio_id}/payment-files"
    sent = await scene.platform.clients["portfolio"].post(path, content=content.encode())
    done = "SELECT status = 'loaded' FROM payment_file WHERE file_id = $1"
    await scene.platform.until("portfolio", done, uuid.UUID(sent.json()["file_id"]))


async def test_today_counts_the_payments_that_wait_for_their_contract(scene: Scene) -> None:
    portfolio_id, contract = await portfolio(scene)
    mark = f"T{uuid.uuid4().hex[:8]}"
    await booked(scene, portfolio_id, bank_file(contract, mark))
    async with scene.client() as client:
        waiting = (await client.get("/today/waiting")).text
    assert "pagos sin identificar" in waiting
    assert '/payments/unidentified"' in waiting
