"""Rules of offers and of authority in the console: read in words, tried, changed by a form, decided by two persons."""

import json
from typing import Any

import pytest
from console_scene import Scene
from contracts_scene import contract
from in_browser import findings
from playwright.async_api import Browser, expect
from recobro_console.language import Reader
from recobro_console.strategy import offer_words

RULES, OFFERS, AUTHORITY = "/v1/offer-rules", "/strategy/offers", "/strategy/authority"
QUITA = {
    "code": "QUITA",
    "kind": "settlement",
    "days-0": "5",
    "discount-0": "30",
    "days-1": "20",
    "discount-1": "10.5",
    "instalments": "1",
    "frequency": "monthly",
    "valid_days": "10",
    "needs_approval": "yes",
    "stages": ["early", "late"],
    "min_balance": "1,000",
    "version": "0",
}


@pytest.fixture(scope="module")
async def portfolio_id(scene: Scene) -> str:
    return str((await contract(scene))["portfolio_id"])


@pytest.fixture(scope="module")
async def offered(scene: Scene, portfolio_id: str) -> dict[str, Any]:
    """The offer of ``QUITA`` after it was tried, refused and written by the form."""
    path = f"{OFFERS}/rule"
    async with scene.client("supervisor") as client:
        assert "Todavía no se ofrece nada" in (await client.get(OFFERS)).text
        tried = await scene.send(client, path, path, **QUITA, portfolio_id=portfolio_id, **{"try": "1"})
        assert tried.status_code == 200, tried.text
        assert "Qué se ofrecería" in tried.text
        assert (await scene.platform.get("promises", RULES))["version"] == 0, "a trial changes nothing"
        wrong = await scene.send(client, path, path, **QUITA | {"discount-1": "150", "valid_days": "91"})
        assert wrong.status_code == 422
        for name in ("discount-1", "valid_days"):
            assert f'id="w-{name}"' in wrong.text, "the mistake stands beside its field"
        assert 'value="150"' in wrong.text
        saved = await scene.send(client, path, path, **QUITA)
        assert saved.status_code == 303, saved.text
    held: dict[str, Any] = await scene.platform.get("promises", RULES)
    return held


async def test_an_offer_is_tried_refused_beside_its_fields_and_written(scene: Scene, offered: dict[str, Any]) -> None:
    [rule] = offered["rules"]
    assert rule["when"]["stages"] == ["early", "late"]
    assert rule["when"]["min_balance"] == "1000.00"
    assert [(step["pay_within_days"], float(step["discount_percent"])) for step in rule["steps"]] == [
        (5, 30.0),
        (20, 10.5),
    ]
    async with scene.client("auditor") as client:
        shown = (await client.get(OFFERS)).text
        assert "10.5 % menos si el primer pago llega dentro de 20 días" in shown
        assert "Saldo total: 1,000.00 o más" in shown
        assert f"{OFFERS}/rule" not in shown


async def test_rules_that_somebody_else_has_changed_are_not_overwritten(scene: Scene, offered: dict[str, Any]) -> None:
    path = f"{OFFERS}/rule"
    async with scene.client("supervisor") as client:
        late = await scene.send(client, path, path, **QUITA | {"code": "OTRA", "of": ""})
        assert late.status_code == 422
        assert "Otra persona cambió las reglas mientras tanto" in late.text
        pricing = {"yearly_rate_percent": "24", "percent-0": "15", "only_above_expected": "yes"}
        priced = f"{OFFERS}/pricing"
        done = await scene.send(client, priced, priced, **pricing, version=str(offered["version"]))
        assert done.status_code == 303, done.text
    held = await scene.platform.get("promises", RULES)
    assert held["rules"] == offered["rules"]
    assert held["pricing"]["only_above_expected"] is True
    assert float(held["pricing"]["recovery"][0]["percent"]) == 15


async def test_an_offer_ends_by_mouse_after_one_question(scene: Scene, browser: Browser) -> None:
    held = await scene.platform.get("promises", RULES)
    other = held["rules"][0] | {"code": "BREVE"}
    both = {"rules": [*held["rules"], other], "pricing": held["pricing"]}
    assert (await scene.platform.clients["promises"].put(RULES, json=both)).status_code == 200
    async with scene.browser_page(browser) as page:
        await page.goto(f"{scene.url}{OFFERS}")
        row = page.locator("tr", has_text="BREVE")
        await row.locator("summary").click()
        await row.locator("form button").click()
        await page.get_by_text("La oferta BREVE ya no se hace.").wait_for()
    assert (await scene.platform.get("promises", RULES))["rules"] == held["rules"]


async def test_an_offer_is_changed_by_keyboard_in_portuguese(scene: Scene, browser: Browser) -> None:
    async with scene.browser_page(browser, language="pt-BR") as page:
        await page.goto(f"{scene.url}{OFFERS}/rule?code=QUITA")
        code = page.locator("#f-code")
        await code.focus()
        field = page.locator("#f-discount-1")
        for _ in range(20):
            if await field.evaluate("it => it === document.activeElement"):
                break
            await page.keyboard.press("Tab")
        await expect(field).to_be_focused()
        assert await field.input_value() == "10,5"
        await page.keyboard.press("ControlOrMeta+A")
        await page.keyboard.type("12,25")
        await page.keyboard.press("Enter")
        # The first button of the form is the trial, which changes nothing.
        await page.get_by_text("O que seria oferecido").wait_for()
        await page.get_by_role("button", name="Pôr esta oferta em vigor").focus()
        await page.keyboard.press("Enter")
        await page.get_by_text("A oferta QUITA está em vigor a partir de agora.").wait_for()
    [rule] = (await scene.platform.get("promises", RULES))["rules"]
    assert float(rule["steps"][1]["discount_percent"]) == 12.25


async def test_authority_is_proposed_by_one_person_and_approved_by_another(scene: Scene) -> None:
    path = f"{AUTHORITY}/change"
    rules = {"role-0": "supervisor", "kind-0": "settlement", "propose_percent-0": "40", "approve_percent-0": "40"}
    async with scene.client("operator") as operator:
        refused = await scene.send(operator, path, path, **rules)
        assert "Solo una persona con un rol superior" in refused.text
    async with scene.client("supervisor") as client:
        wrong = await scene.send(client, path, path, **rules | {"approve_percent-0": "140"})
        assert (wrong.status_code, 'id="w-approve_percent-0"' in wrong.text) == (422, True)
        proposed = await scene.send(client, path, path, **rules)
        assert proposed.status_code == 303, proposed.text
        shown = (await client.get(AUTHORITY)).text
        assert "Las propuso usted: decide otra persona." in shown
        assert f"{AUTHORITY}/1/approval" not in shown
        own = await scene.send(client, AUTHORITY, f"{AUTHORITY}/1/approval", _key="a-1")
        assert own.status_code == 409
    async with scene.client("supervisor", person="Eva Ruiz") as other:
        asked = (await other.get(AUTHORITY)).text
        assert f"{AUTHORITY}/1/approval" in asked
        done = await scene.send(other, AUTHORITY, f"{AUTHORITY}/1/approval", _key="a-2")
        assert done.status_code == 303, done.text
    held = await scene.platform.get("promises", "/v1/authority-rules/in-force")
    assert (held["version"], len(held["rules"])) == (1, 1)


async def test_of_two_proposals_the_one_that_comes_second_is_not_approved_over_the_first(scene: Scene) -> None:
    path, at = f"{AUTHORITY}/change", "/v1/authority-rules"
    rules = {"role-0": "supervisor", "kind-0": "settlement"}
    seen = (await scene.platform.get("promises", f"{at}/in-force"))["version"]
    async with scene.client("supervisor") as ana, scene.client("supervisor", person="Eva Ruiz") as eva:
        assert f'name="version" value="{seen}"' in (await ana.get(path)).text
        for percent in ("30", "20"):
            done = await scene.send(ana, path, path, **rules, **{"propose_percent-0": percent}, version=seen)
            assert done.status_code == 303, done.text
        *_, first, second = [each["version"] for each in (await scene.platform.get("promises", at))["items"]]
        approved = await scene.send(eva, AUTHORITY, f"{AUTHORITY}/{first}/approval", _key="b-1")
        assert approved.status_code == 303, approved.text
        late = await scene.send(ana, path, path, **rules, version=seen)
        assert (late.status_code, "Otra persona cambió las reglas mientras tanto." in late.text) == (422, True)
        asked = (await eva.get(AUTHORITY)).text
        assert "Rechace estas y proponga el cambio de nuevo." in asked
        assert f"{AUTHORITY}/{second}/approval" not in asked
        over = await scene.send(eva, AUTHORITY, f"{AUTHORITY}/{second}/approval", _key="b-2")
        assert (over.status_code, "entraron en vigor otras" in over.text) == (409, True)
        refused = await scene.send(eva, AUTHORITY, f"{AUTHORITY}/{second}/refusal", _key="b-3")
        assert refused.status_code == 303, refused.text
    held = await scene.platform.get("promises", f"{at}/in-force")
    assert (held["version"], float(held["rules"][0]["propose_percent"])) == (first, 30)


async def test_an_agency_sees_no_page_of_the_strategy(scene: Scene) -> None:
    agency = await scene.platform.post("assignment", "/v1/agencies", {"name": "Sin estrategia"})
    async with scene.client("agency", agency_id=agency["agency_id"]) as client:
        for path in ("/strategy", OFFERS, f"{OFFERS}/rule", f"{OFFERS}/pricing", AUTHORITY, f"{AUTHORITY}/change"):
            assert (await client.get(path)).status_code == 403, path
        for path in ("/agencies/rules", "/agencies/rules/edit"):
            assert (await client.get(path)).status_code == 403, path


@pytest.mark.usefixtures("offered")
@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (390, "dark")])
async def test_axe_finds_nothing_on_the_pages_of_offers_and_authority(
    scene: Scene, browser: Browser, width: int, theme: str
) -> None:
    paths = (OFFERS, f"{OFFERS}/rule?code=QUITA", f"{OFFERS}/pricing", AUTHORITY, f"{AUTHORITY}/change")
    async with scene.browser_page(browser, width=width) as page:
        await page.goto(f"{scene.url}/preferences?theme={theme}&back=/strategy")
        for path in paths:
            await page.goto(f"{scene.url}{path}")
            assert await findings(page) == [], path
            assert await page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_a_rule_is_said_whole() -> None:
    rule = {
        "kind": "restructure",
        "steps": [{"pay_within_days": 3, "discount_percent": "5.00"}],
        "instalments": 6,
        "frequency": "fortnightly",
        "first_payment_percent": "20.00",
        "incentive": "una tarjeta",
        "valid_days": 7,
        "needs_approval": False,
        "starts_on": "2026-11-01",
        "ends_on": None,
        "when": {"stages": None, "segments": ["chronic"], "products": ["auto"], "channels": ["portal"]}
        | {"min_days_past_due": 1, "max_days_past_due": 90, "min_balance": None, "max_balance": "500.00"},
    }
    said = [*offer_words.terms(rule, Reader()), *offer_words.conditions(rule, Reader(), {"chronic": "Crónico"})]
    assert said == [
        "5.00 % menos si el primer pago llega dentro de 3 días",
        "En 6 pagos, uno cada 14 días",
        "El primer pago es el 20.00 % del total",
        "Además: una tarjeta",
        "Vigente 7 días",
        "Aprobada de antemano",
        "Segmento: Crónico",
        "Producto: auto",
        "Cuando se trata por: página del deudor",
        "Días de atraso: 1 a 90",
        "Saldo total: 500.00 o menos",
        "Días en que se hace: a partir del 01/11/2026",
    ], json.dumps(said, ensure_ascii=False)
