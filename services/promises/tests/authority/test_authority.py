"""Who may give up how much: each rule alone, so that a rule that is lost fails a test."""

from decimal import Decimal

import httpx
import pytest
from agreement_scene import ANA, EVA, LUZ, RECORDING, act, active, done, proposed, read, request, schedule
from promise_scene import Json, Scene, code_of, day
from promises.authority.models import AuthorityRule
from promises.authority.rules import Act, most, within
from promises.taking import rules as limits
from recobro_events.contracts.promises import AgreementKind

SEVENTY: Json = {"schedule": schedule((5, "300.00"), (20, "400.00"))}
BALANCE = Decimal("1000.00")
RULES = (
    AuthorityRule(role="operator", kind=AgreementKind.SETTLEMENT, propose_percent=Decimal(30)),
    AuthorityRule(
        role="supervisor",
        kind=AgreementKind.SETTLEMENT,
        propose_percent=Decimal(50),
        approve_percent=Decimal(50),
        alone_percent=Decimal(10),
        max_discount=Decimal("200.00"),
    ),
    AuthorityRule(role="supervisor", kind=AgreementKind.FORGIVENESS, approve_percent=Decimal(5)),
)


@pytest.mark.parametrize(
    ("role", "act", "kind", "discount", "may"),
    [
        ("operator", "propose", AgreementKind.SETTLEMENT, "300.00", True),
        ("operator", "propose", AgreementKind.SETTLEMENT, "300.01", False),
        ("operator", "approve", AgreementKind.SETTLEMENT, "0.01", False),
        ("operator", "propose", AgreementKind.FORGIVENESS, "0.01", False),
        ("supervisor", "approve", AgreementKind.SETTLEMENT, "200.00", True),
        ("supervisor", "approve", AgreementKind.SETTLEMENT, "200.01", False),
        ("supervisor", "alone", AgreementKind.SETTLEMENT, "100.00", True),
        ("supervisor", "alone", AgreementKind.SETTLEMENT, "100.01", False),
        ("supervisor", "approve", AgreementKind.FORGIVENESS, "50.00", True),
        ("supervisor", "approve", AgreementKind.FORGIVENESS, "50.01", False),
        ("supervisor", "propose", AgreementKind.FORGIVENESS, "0.01", False),
        ("director", "approve", AgreementKind.SETTLEMENT, "0.01", False),
    ],
)
def test_role_kind_share_and_amount_each_limit_a_discount(
    role: str, act: Act, kind: AgreementKind, discount: str, may: bool
) -> None:
    assert within(RULES, {role}, act, kind, Decimal(discount), BALANCE) is may
    assert (most(RULES, {role}, act, kind, BALANCE) >= Decimal(discount)) is may


async def put(scene: Scene, **rule: str) -> None:
    written = await scene.client.put("/v1/authority-rules", json={"rules": [rule]}, headers=EVA)
    assert written.status_code == 200, written.text
    path = f"/v1/authority-rules/{written.json()['version']}/approval"
    assert (await scene.client.post(path, headers=LUZ)).status_code == 201


async def test_the_share_is_that_of_the_debt_on_the_day_of_the_approval(scene: Scene) -> None:
    await put(scene, role="operator", kind="settlement", propose_percent="30", approve_percent="34")
    contract = await scene.registered()
    agreement = await proposed(scene, contract, **SEVENTY)
    contract.owe(Decimal("50.00"))
    await scene.receives(contract.revised())
    approved = await done(scene, agreement, "approval", headers=EVA)
    assert approved["discount"] == "350.00", "350 is 33.3 % of the 1,050 that are owed now"
    other = await scene.registered(number="C-2")
    agreement = await proposed(scene, other, **SEVENTY)
    other.owe(Decimal("80.00"))
    await scene.receives(other.revised())
    answer = await act(scene, agreement, "approval", headers=EVA)
    assert (answer.status_code, code_of(answer), answer.json()["most"]) == (403, "discount-above-authority", "367.20")


async def test_an_amount_limits_an_approval_too(scene: Scene) -> None:
    await put(
        scene, role="operator", kind="settlement", propose_percent="90", approve_percent="90", max_discount="300.00"
    )
    agreement = await proposed(scene, await scene.registered(), **SEVENTY)
    assert (await done(scene, agreement, "approval", headers=EVA))["state"] == "awaiting_acceptance"
    answer = await request(scene, await scene.registered(number="C-2"), schedule=schedule((5, "699.99")))
    assert (answer.status_code, code_of(answer), answer.json()["most"]) == (403, "discount-above-authority", "300.00")


async def test_each_decision_is_taken_once(scene: Scene) -> None:
    contract = await scene.registered()
    agreement = await proposed(scene, contract, **SEVENTY)
    await done(scene, agreement, "approval")
    again = await act(scene, agreement, "approval", headers=LUZ)
    assert (again.status_code, code_of(again)) == (409, "agreement-not-pending")
    other = await proposed(scene, await scene.registered(number="C-2"), **SEVENTY)
    await done(scene, other, "acceptance", RECORDING, ANA)
    again = await act(scene, other, "acceptance", RECORDING | {"proof": "another call"}, ANA)
    assert (again.status_code, code_of(again)) == (409, "agreement-not-pending")
    assert (await read(scene, other))["proof"] == RECORDING["proof"]


async def test_only_the_code_of_the_agreement_accepts_it(scene: Scene) -> None:
    agreement = await proposed(scene, await scene.registered(), **SEVENTY)
    other = await proposed(scene, await scene.registered(number="C-2"), **SEVENTY)
    await done(scene, agreement, "approval")
    answer = await act(scene, agreement, "acceptance", {"by": "code", "proof": other["acceptance_code"]}, ANA)
    assert answer.status_code == 422
    assert (await read(scene, agreement))["state"] == "awaiting_acceptance"


async def test_a_proposal_by_an_offer_is_decided_while_the_offer_is_valid(scene: Scene) -> None:
    rule = {"code": "Q1", "steps": [{"pay_within_days": 9, "discount_percent": "20"}], "valid_days": 3}
    assert (await scene.client.put("/v1/offer-rules", json={"rules": [rule]}, headers=EVA)).status_code == 200
    contract = await scene.registered()
    path = f"/v1/offers?contract_id={contract.contract_id}"
    [offer] = (await scene.client.get(path)).json()["items"]
    agreement = await proposed(scene, contract, offer_id=offer["offer_id"])
    await scene.receives(scene.business_date(4))
    answer = await act(scene, agreement, "approval")
    assert (answer.status_code, code_of(answer)) == (409, "offer-expired")


async def test_nothing_comes_into_force_whose_first_day_a_check_has_closed(scene: Scene) -> None:
    agreement = await proposed(scene, await scene.registered(), **SEVENTY)
    await scene.run_check(6)
    answer = await act(scene, agreement, "approval")
    assert (answer.status_code, code_of(answer)) == (409, "offer-expired")


async def test_an_agreement_that_lives_again_stands_in_the_way_of_a_proposal(scene: Scene) -> None:
    contract = await scene.registered()
    first = await active(scene, contract, **SEVENTY)
    await scene.move_business_date(8)
    second = await proposed(scene, contract, schedule=schedule((12, "800.00")))
    await scene.receives(contract.paid("300.00", paid_on=day(5)))
    assert (await read(scene, first))["state"] == "active"
    contract.owe(Decimal("300.00"))
    await scene.receives(contract.revised())
    await done(scene, second, "acceptance", RECORDING, ANA)
    answer = await act(scene, second, "approval", headers=LUZ)
    assert (answer.status_code, code_of(answer)) == (409, "plan-open")
    assert (await read(scene, second))["state"] == "awaiting_approval"


async def test_a_contract_with_too_many_promises_gets_no_agreement_and_nothing_is_half_done(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    agreement = await proposed(scene, await scene.registered(), **SEVENTY)
    waits = await done(scene, agreement, "approval")
    events = await scene.event_names()
    monkeypatch.setattr(limits, "MAX_A_DAY", 1)
    answer = await act(scene, agreement, "acceptance", RECORDING, ANA)
    assert (answer.status_code, code_of(answer)) == (409, "too-many-promises")
    assert await read(scene, agreement) == waits
    assert await scene.event_names() == events


async def test_promises_of_an_agreement_are_those_of_the_person_who_proposed_it(scene: Scene) -> None:
    agreement = await proposed(scene, await scene.registered(), **SEVENTY)
    await done(scene, agreement, "acceptance", RECORDING, LUZ)
    assert (await done(scene, agreement, "approval", headers=EVA))["state"] == "active"
    rows = await scene.rows("SELECT DISTINCT actor ->> 'subject' AS name FROM promise")
    assert [row["name"] for row in rows] == ["ana"]


async def test_rules_that_another_person_has_changed_are_neither_proposed_over_nor_approved_over(scene: Scene) -> None:
    path = "/v1/authority-rules"

    async def write(percent: str, **replaces: int) -> httpx.Response:
        rule = {"role": "operator", "kind": "settlement", "propose_percent": percent}
        return await scene.client.put(path, json={"rules": [rule], **replaces}, headers=EVA)

    async def decide(written: httpx.Response, act: str) -> httpx.Response:
        return await scene.client.post(f"{path}/{written.json()['version']}/{act}", headers=LUZ)

    first, second, third = await write("10", replaces=0), await write("20", replaces=0), await write("30")
    assert [each.status_code for each in (first, second, third)] == [200, 200, 200]
    assert (await decide(first, "approval")).status_code == 201
    late = await write("40", replaces=0)
    assert (late.status_code, code_of(late)) == (409, "rules-changed")
    over = await decide(second, "approval")
    assert (over.status_code, code_of(over)) == (409, "rules-outdated")
    held = (await scene.client.get(f"{path}/in-force")).json()
    assert (held["version"], held["rules"][0]["propose_percent"]) == (first.json()["version"], "10")
    assert (await decide(second, "refusal")).status_code == 201
    assert (await decide(third, "approval")).status_code == 201, "without a version any is replaced"
