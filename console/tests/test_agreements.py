"""Agreements and offers on the page of a contract: proposed by one person, approved by another, accepted, cancelled."""

import re
import uuid
from datetime import timedelta
from typing import Any

import httpx
import pytest
from console_scene import Scene
from contracts_scene import contract, part, path_of, placed
from hands import Keyboard
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


async def decide(scene: Scene, client: httpx.AsyncClient, of: str, decision: str, **fields: str) -> httpx.Response:
    page = f"/promises/agreements/{of}"
    return await scene.send(client, page, f"{page}/{decision}", _key=str(uuid.uuid4()), **fields)


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
        [of] = set(re.findall(r"/promises/agreements/([0-9a-f-]{36})", shown))
        waits = (await client.get("/promises/list", params={"view": "undecided"})).text
        assert all(text in waits for text in (one["contract_number"], "decide otra persona"))
        mine = (await client.get(f"/promises/agreements/{of}")).text
        assert ("Usted mismo lo propuso" in mine, "/approval" in mine) == (True, False)
        for decision in ("approval", "refusal"):
            refused = await decide(scene, client, of, decision, reason="no")
            assert (refused.status_code, "Usted mismo lo propuso" in refused.text) == (409, True)
        early = await act(scene, client, one, f"acceptance?of={of}", by="signature", proof="doc 1")
        assert (early.status_code, "segunda persona" in early.text) == (409, True)
        assert (await act(scene, client, one, f"acceptance?of={of}", by="recording", proof="r1")).status_code == 303
        assert "espera aprobación" in await part(client, one, "promises")
        assert (await act(scene, client, one, f"plan-cancellation?of={of}", reason="otro")).status_code == 303
        assert "cancelado" in await part(client, one, "promises")

        other = await proposed(scene, one)
        of = other["agreement_id"]
        shown = (await client.get(f"/promises/agreements/{of}")).text
        total = float(other["total"]) + float(other["discount"])
        assert all(text in shown for text in (f"{total:,.2f}", "20.0 %", "test", "ya no se debe nada"))
        assert "convenios por decidir" in (await client.get("/today/waiting")).text
        assert (await decide(scene, client, of, "approval")).status_code == 303
        again = await decide(scene, client, of, "approval")
        assert (again.status_code, "ya está decidido" in again.text) == (409, True)
        assert other["acceptance_code"] in (await client.get(f"/promises/agreements/{of}")).text
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
        missing = await decide(scene, client, of, "refusal")
        assert missing.status_code == 422
        assert (await decide(scene, client, of, "refusal", reason="puede pagar más")).status_code == 303
        assert "puede pagar más" in (await client.get(f"/promises/agreements/{of}")).text
        assert of not in (await client.get("/promises/list", params={"view": "undecided"})).text
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
            shown = await part(client, one, "promises")
            assert "Quita" in shown
            [of] = set(re.findall(r"/promises/agreements/([0-9a-f-]{36})", shown))
            assert "hoy vale" in (await client.get(f"/promises/agreements/{of}")).text
            await put_rules(scene)
            assert "las reglas ya no la hacen" in (await client.get(f"/promises/agreements/{of}")).text
    finally:
        await put_rules(scene)


async def test_an_agency_sees_no_offers(scene: Scene) -> None:
    one = await contract(scene)
    agency = await placed(scene)
    async with scene.client("operator") as client:
        assert "/parts/offers" in (await client.get(path_of(one))).text
    of = (await proposed(scene, one))["agreement_id"]
    async with scene.client("agency", agency_id=agency) as client:
        assert "/parts/offers" not in (await client.get(path_of(one))).text
        assert (await client.get(f"/promises/agreements/{of}")).status_code == 403


@pytest.mark.parametrize("width", [390, 1280])
async def test_the_forms_of_agreements_can_be_used_by_everybody(scene: Scene, browser: Browser, width: int) -> None:
    one = await contract(scene)
    of = (await proposed(scene, one))["agreement_id"]
    async with scene.browser_page(browser, width=width) as page:
        acts = [path_of(one, path) for path in ("/agreement", f"/acceptance?of={of}")]
        for path in (*acts, "/promises?view=undecided", f"/promises/agreements/{of}"):
            await page.goto(scene.url + path)
            await page.wait_for_selector("[aria-busy=true]", state="detached")
            assert await findings(page) == []
        await Keyboard(page).press(page.get_by_role("button", name="Aprobar"))
        await page.get_by_text("Está aprobado, y ahora: espera aceptación").wait_for()


async def test_the_page_of_a_contract_prints_a_proposal_and_says_which_party_has_promised(scene: Scene) -> None:
    one = await contract(scene)
    path = f"/v1/contracts/{one['contract_id']}/parties"
    party = await scene.platform.post("portfolio", path, {"role": "joint_obligor", "name": "Rosa Gil"})
    await scene.platform.settled()
    body = {"contract_id": one["contract_id"], "amount": "30.00", "due_on": str(AS_OF + timedelta(days=3))}
    body |= {"made_in": "call", "party_id": party["party_id"]}
    await scene.platform.post("promises", "/v1/promises", body)
    agreement = await proposed(scene, one)
    creditor = (await scene.platform.get("portfolio", f"/v1/portfolios/{one['portfolio_id']}"))["creditor_id"]
    account = {"payment_instructions": "CLABE 012180001234567891"}
    assert (await scene.platform.clients["portfolio"].patch(f"/v1/creditors/{creditor}", json=account)).is_success
    await scene.platform.settled()
    async with scene.client() as client:
        shown = await part(client, one, "promises")
        assert "Promete Rosa Gil" in shown
        [paper] = re.findall(r'href="([^"]+/proposal\.pdf[^"]+)"', shown)
        printed = await client.get(paper)
        assert (printed.status_code, printed.content[:4]) == (200, b"%PDF")
        assert "de otra persona del contrato" in (await client.get("/promises/list", params={"view": "all"})).text
        of = agreement["agreement_id"]
        assert (await decide(scene, client, of, "approval")).status_code == 303
        signed = {"by": "signature", "proof": "folder 12"}
        wrong = await act(scene, client, one, f"acceptance?of={of}", **signed, terms_sha256="ab" * 32)
        assert (wrong.status_code, "otros términos" in wrong.text) == (422, True)
        right = await act(scene, client, one, f"acceptance?of={of}", **signed, terms_sha256=agreement["terms_sha256"])
        assert right.status_code == 303
        assert agreement["terms_sha256"] in (await client.get(f"/promises/agreements/{of}")).text
        assert "proposal.pdf" not in await part(client, one, "promises")
