"""Agreements and offers on the page of a contract: proposed by one person, approved by another, accepted, cancelled."""

import re
from datetime import timedelta
from typing import Any

import httpx
import pytest
from console_scene import Scene
from contracts_scene import contract, part, path_of, placed
from in_browser import findings
from playwright.async_api import Browser
from services_in_process import AS_OF


async def proposed(scene: Scene, one: dict[str, Any], share: int = 80) -> dict[str, Any]:
    """A settlement that somebody without the console has proposed."""
    found = await scene.platform.get("portfolio", path_of(one).replace("/contracts", "/v1/contracts"))
    total = f"{float(found['total_balance']) * share / 100:.2f}"
    schedule = [{"due_on": str(AS_OF + timedelta(days=5)), "amount": total}]
    body = {"contract_id": one["contract_id"], "kind": "settlement", "schedule": schedule}
    return dict(await scene.platform.post("promises", "/v1/agreements", body))


async def put_rules(scene: Scene, *rules: dict[str, Any]) -> None:
    answer = await scene.platform.clients["promises"].put("/v1/offer-rules", json={"rules": rules})
    assert answer.status_code == 200, answer.text


async def act(scene: Scene, client: httpx.AsyncClient, one: dict[str, Any], path: str, **fields: str) -> httpx.Response:
    form = path_of(one, f"/{path}")
    assert (await client.get(form)).status_code == 200
    return await scene.send(client, form, form, _key=path, **fields)


async def test_an_agreement_is_proposed_approved_by_another_person_and_accepted(scene: Scene) -> None:
    one = await contract(scene)
    async with scene.client() as client:
        due_on = str(AS_OF + timedelta(days=5))
        terms = {"kind": "settlement", "discount": "10.00", "instalment_count": "2", "frequency": "weekly"}
        missing = await act(scene, client, one, "agreement", **terms)
        assert missing.status_code == 422
        answer = await act(scene, client, one, "agreement", first_due_on=due_on, made_in="call", **terms)
        assert answer.status_code == 303, answer.text
        shown = await part(client, one, "promises")
        assert "Quita" in shown
        assert "propuesto" in shown
        [of] = set(re.findall(r"approval\?of=([0-9a-f-]{36})", shown))
        mine = await act(scene, client, one, f"approval?of={of}")
        assert (mine.status_code, "Usted mismo lo propuso" in mine.text) == (409, True)
        early = await act(scene, client, one, f"acceptance?of={of}", by="signature", proof="doc 1")
        assert (early.status_code, "segunda persona" in early.text) == (409, True)
        assert (await act(scene, client, one, f"acceptance?of={of}", by="recording", proof="r1")).status_code == 303
        assert "espera aprobación" in await part(client, one, "promises")
        assert (await act(scene, client, one, f"plan-cancellation?of={of}", reason="otro")).status_code == 303
        assert "cancelado" in await part(client, one, "promises")

        other = await proposed(scene, one)
        of = other["agreement_id"]
        form = await client.get(path_of(one, f"/approval?of={of}"))
        assert "Propuesto por" in form.text
        assert (await act(scene, client, one, f"approval?of={of}")).status_code == 303
        shown = await part(client, one, "promises")
        assert "espera aceptación" in shown
        assert other["acceptance_code"] in shown
        code = other["acceptance_code"]
        assert (await act(scene, client, one, f"acceptance?of={of}", by="code", proof=code)).status_code == 303
        assert "en vigor" in await part(client, one, "promises")
        listed = await client.get("/promises/list", params={"view": "plans", "state": "active"})
        assert one["contract_number"] in listed.text


async def test_an_agreement_is_refused_with_a_reason(scene: Scene) -> None:
    one = await contract(scene)
    of = (await proposed(scene, one))["agreement_id"]
    async with scene.client() as client:
        answer = await act(scene, client, one, f"refusal?of={of}", reason="puede pagar más")
        assert answer.status_code == 303
        shown = await part(client, one, "promises")
        assert "Rechazado por" in shown
        assert "puede pagar más" in shown


async def test_an_offer_shows_its_price_and_is_proposed(scene: Scene) -> None:
    one = await contract(scene)
    rule = {
        "code": "PRONTO",
        "when": {"stages": ["early"]},
        "steps": [{"pay_within_days": 5, "discount_percent": "20"}],
        "valid_days": 3,
        "incentive": "carta el mismo día",
    }
    await put_rules(scene, rule)
    try:
        async with scene.client() as client:
            shown = await part(client, one, "offers")
            assert "PRONTO" in shown
            assert "carta el mismo día" in shown
            form = (await client.get(path_of(one, "/offer"))).text
            [value] = re.findall(r'value="(settlement [^"]+)"', form)
            assert (await act(scene, client, one, "offer", offer_id=value, made_in="call")).status_code == 303
            assert "Quita" in await part(client, one, "promises")
    finally:
        await put_rules(scene)


async def test_an_agency_sees_no_offers(scene: Scene) -> None:
    one = await contract(scene)
    agency = await placed(scene)
    async with scene.client("operator") as client:
        assert "/parts/offers" in (await client.get(path_of(one))).text
    async with scene.client("agency", agency_id=agency) as client:
        assert "/parts/offers" not in (await client.get(path_of(one))).text


@pytest.mark.parametrize("width", [390, 1280])
async def test_the_forms_of_agreements_can_be_used_by_everybody(scene: Scene, browser: Browser, width: int) -> None:
    one = await contract(scene)
    of = (await proposed(scene, one))["agreement_id"]
    async with scene.browser_page(browser, width=width) as page:
        for path in ("/agreement", f"/approval?of={of}", f"/acceptance?of={of}"):
            await page.goto(scene.url + path_of(one, path))
            assert await findings(page) == []
