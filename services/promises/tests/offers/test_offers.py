"""Offers: what may be offered on a contract, what it is worth, and what becomes of it."""

from decimal import Decimal
from typing import Any

import pytest
from agreement_scene import ANA, EVA, RECORDING, done, proposed, request
from chassis.testing.publishers import DAY
from promise_scene import Contract, Json, Scene, code_of, day, pointers
from promises.offers.making import Facts, offer_of, present_value
from promises.offers.models import OfferRule, Pricing

EARLY = {"pay_within_days": 5, "discount_percent": "40"}
LATER = {"pay_within_days": 15, "discount_percent": "25"}
QUICK: Json = {"code": "Q1", "steps": [EARLY, LATER], "valid_days": 3, "needs_approval": False}
PRICING: Json = {
    "yearly_rate_percent": "20",
    "recovery": [{"up_to_days_past_due": 30, "percent": "50"}, {"percent": "10"}],
}


async def put(scene: Scene, *rules: Json, headers: dict[str, str] = EVA, **more: Any) -> Any:
    body = {"rules": list(rules), "pricing": PRICING} | more
    return await scene.client.put("/v1/offer-rules", json=body, headers=headers)


async def offers(scene: Scene, contract: Contract, **query: str) -> Json:
    answer = await scene.client.get("/v1/offers", params={"contract_id": str(contract.contract_id)} | query)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


async def test_an_offer_names_amounts_days_price_and_why(scene: Scene) -> None:
    when = {"stages": ["early"], "min_days_past_due": 10, "max_days_past_due": 30, "min_balance": "500.00"}
    written = await put(scene, QUICK | {"when": when, "incentive": "sin reporte al buró"})
    assert written.status_code == 200, written.text
    contract = await scene.registered()
    found = await offers(scene, contract)
    assert (found["refused"], found["total_balance"], len(found["items"])) == (None, "1000.00", 2)
    assert found["items"][0] == {
        "offer_id": f"{written.json()['version']}.Q1.0.{DAY:%Y%m%d}",
        "code": "Q1",
        "kind": "settlement",
        "valid_until": str(day(3)),
        "total": "600.00",
        "discount": "400.00",
        "schedule": [{"due_on": str(day(5)), "amount": "600.00"}],
        "incentive": "sin reporte al buró",
        "needs_approval": False,
        "price": {"present_value": "598.50", "expected_recovery": "500.00", "gain": "98.50"},
        "why": ["stage early", "days_past_due 20", "balance 1000.00"],
    }
    assert found["items"][1]["discount"] == "250.00"
    assert (await scene.client.get("/v1/offer-rules")).json() == written.json()


async def test_an_offer_becomes_an_agreement_that_its_rule_has_approved(scene: Scene) -> None:
    await put(scene, QUICK)
    contract = await scene.registered()
    [offer, _] = (await offers(scene, contract))["items"]
    agreement = await proposed(scene, contract, offer_id=offer["offer_id"])
    assert agreement == agreement | {
        "state": "proposed",
        "needs_approval": False,
        "offer_id": offer["offer_id"],
        "valid_until": str(day(3)),
        "total": "600.00",
        "discount": "400.00",
    }
    assert (await done(scene, agreement, "acceptance", RECORDING, ANA))["state"] == "active"


async def test_a_plan_may_be_offered_and_is_open_at_once(scene: Scene) -> None:
    await put(
        scene, {"code": "P3", "kind": "plan", "instalments": 3, "steps": [{"pay_within_days": 7}], "valid_days": 9}
    )
    contract = await scene.registered()
    [offer] = (await offers(scene, contract))["items"]
    wrong = await request(scene, contract, offer_id=offer["offer_id"])
    assert (wrong.status_code, pointers(wrong)) == (422, ["/kind"])
    plan = await proposed(scene, contract, "plan", offer_id=offer["offer_id"])
    assert (plan["state"], [part["amount"] for part in plan["instalments"]]) == ("open", ["333.33", "333.33", "333.34"])


async def test_an_offer_keeps_its_terms_while_it_is_valid_though_the_rules_change(scene: Scene) -> None:
    scene.today(1)
    await put(scene, QUICK)
    contract = await scene.registered()
    [offer, _] = (await offers(scene, contract))["items"]
    await put(scene, QUICK | {"steps": [LATER]})
    await scene.receives(scene.business_date(3))
    scene.today(3)
    agreement = await proposed(scene, contract, offer_id=offer["offer_id"])
    assert agreement["discount"] == "400.00"
    await done(scene, agreement, "cancellation", {"reason": "x"})
    await scene.receives(scene.business_date(4))
    scene.today(4)
    late = await request(scene, contract, offer_id=offer["offer_id"])
    assert (late.status_code, code_of(late)) == (409, "offer-expired")


@pytest.mark.parametrize(
    "offer_id",
    ["1.Q1.0.20261123", "{v}.Q1.0.20261124", "{v}.Q1.9.20261123", "{v}.X.0.20261123", "{v}.Q1.0.20261399", "x"],
)
async def test_what_nobody_has_offered_is_not_eligible(scene: Scene, offer_id: str) -> None:
    for _ in range(2):
        written = await put(scene, QUICK | {"when": {"max_balance": "999.99"}})
    contract = await scene.registered(overdue=Decimal("900.00"))
    named = offer_id.format(v=written.json()["version"])
    answer = await request(scene, contract, offer_id=named)
    assert (answer.status_code, code_of(answer)) == (409, "not-eligible")
    rich = await scene.registered(number="C-2")
    answer = await request(scene, rich, offer_id=f"{written.json()['version']}.Q1.0.{DAY:%Y%m%d}")
    assert (answer.status_code, code_of(answer)) == (409, "not-eligible")


async def test_nothing_is_offered_where_nothing_can_be_agreed_and_the_answer_says_why(scene: Scene) -> None:
    await put(scene, QUICK)
    contract = await scene.registered()
    await scene.receives(contract.disputed())
    found = await offers(scene, contract)
    assert (found["refused"], found["items"]) == ("clarification", [])


async def test_channel_segment_and_product_decide(scene: Scene) -> None:
    await put(
        scene,
        QUICK | {"code": "PORTAL", "when": {"channels": ["portal"]}},
        QUICK | {"code": "SLOW", "when": {"segments": ["slow_payer"]}},
        QUICK | {"code": "CARD", "when": {"products": ["card"]}},
    )
    contract = await scene.registered()
    assert (await offers(scene, contract))["items"] == [], "an unknown segment meets no condition"
    await scene.receives(contract.revised().model_copy(update={"product": "card"}))
    await scene.receives(contract.segmented("slow_payer"))
    assert {one["code"] for one in (await offers(scene, contract, channel="call"))["items"]} == {"SLOW", "CARD"}
    codes = {one["code"] for one in (await offers(scene, contract, channel="portal"))["items"]}
    assert codes == {"PORTAL", "SLOW", "CARD"}


async def test_what_is_worth_less_than_expected_is_not_offered_where_the_pricing_says_so(scene: Scene) -> None:
    pricing = {"recovery": [{"percent": "70"}], "only_above_expected": True}
    await put(scene, QUICK, pricing=pricing)
    contract = await scene.registered()
    assert [one["discount"] for one in (await offers(scene, contract))["items"]] == ["250.00"]
    trial = {"rules": [QUICK], "pricing": pricing, "portfolio_id": str(scene.portfolio_id)}
    answer = await scene.client.post("/v1/offer-rules/trial", json=trial)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["contracts"], found["without_offer"]) == (1, 0)
    assert [(one["offers"], one["below_expected"], one["present_value"]) for one in found["items"]] == [
        (0, 1, "0.00"),
        (1, 0, "750.00"),
    ]
    unknown = trial | {"portfolio_id": str(contract.contract_id)}
    assert code_of(await scene.client.post("/v1/offer-rules/trial", json=unknown)) == "portfolio-unknown"


async def test_who_may_not_approve_a_discount_approves_none_beforehand(scene: Scene) -> None:
    answer = await put(scene, QUICK, headers=ANA)
    assert (answer.status_code, code_of(answer)) == (403, "discount-above-authority")
    half = QUICK | {"steps": [EARLY | {"discount_percent": "50.001"}]}
    assert (await put(scene, half)).status_code == 403
    assert (await put(scene, QUICK | {"needs_approval": True}, headers=ANA)).status_code == 200
    contract = await scene.registered()
    [offer, _] = (await offers(scene, contract))["items"]
    agreement = await proposed(scene, contract, offer_id=offer["offer_id"])
    assert agreement["needs_approval"]
    assert (await done(scene, agreement, "approval"))["state"] == "awaiting_acceptance"


@pytest.mark.parametrize(
    "change",
    [
        {"steps": []},
        {"steps": [LATER, EARLY]},
        {"steps": [LATER | {"pay_within_days": 1}, EARLY]},
        {"steps": [EARLY | {"discount_percent": "0"}]},
        {"steps": [EARLY | {"discount_percent": "100"}]},
        {"kind": "plan"},
        {"code": "q1"},
        {"valid_days": 91},
        {"first_payment_percent": "50"},
        {"when": {"stages": ["early", "early"]}},
        {"when": {"colour": "red"}},
    ],
)
async def test_a_bad_rule_is_refused(scene: Scene, change: Json) -> None:
    assert (await put(scene, QUICK | change)).status_code == 422
    assert (await put(scene, QUICK, QUICK)).status_code == 422
    assert (await scene.client.get("/v1/offer-rules")).json()["version"] == 0


def test_a_present_value_discounts_each_payment_by_its_days() -> None:
    parts = ((day(0), Decimal(100)), (day(365), Decimal(110)))
    assert present_value(parts, day(0), Decimal(10)) == Decimal("200.00")
    assert present_value(parts, day(0), Decimal(0)) == Decimal("210.00")


def test_an_offer_on_any_balance_adds_up_to_it() -> None:
    rule = OfferRule.model_validate(
        QUICK | {"instalments": 7, "first_payment_percent": "33.333", "frequency": "weekly"}
    )
    for cents in (*range(1, 300), 99_999_999_999_999):
        facts = Facts(day(0), Decimal(cents) / 100, None, None, None, None, None)
        made = offer_of(rule, 0, Pricing(), facts)
        assert made is None or made.total + made.discount == facts.balance


async def test_rules_that_another_person_has_changed_are_not_replaced(scene: Scene) -> None:
    first = await put(scene, QUICK, replaces=0)
    assert first.status_code == 200, first.text
    late = await put(scene, replaces=0)
    assert (late.status_code, code_of(late)) == (409, "rules-changed")
    assert (await scene.client.get("/v1/offer-rules")).json() == first.json()
    assert (await put(scene, replaces=first.json()["version"])).status_code == 200
    assert (await put(scene, QUICK)).status_code == 200, "without a version any is replaced"
