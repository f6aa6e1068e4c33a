"""What a payment earns follows the facts that become known later. Each correction is an item of its own day."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import permutations
from typing import Any

import pytest
from placing_scene import DAY, Contract, Json, Scene, as_agency, code_of
from recobro_events import Event
from recobro_events.contracts.assignment import CommissionEarned, CommissionReversed
from recobro_events.contracts.portfolio import ClarificationOutcome, FilePayment, KnownPayment, PaymentReceived
from recobro_events.testing import published

FEES = [
    {"kind": "dialing", "from_days": 0, "to_days": 30, "percent": "10"},
    {"kind": "dialing", "from_days": 31, "percent": "20"},
    {"kind": "collection", "from_days": 0, "percent": "30"},
    {"kind": "visits", "from_days": 0, "percent": "5"},
]


def day(number: int) -> date:
    return DAY + timedelta(days=number)


def fees_of(*kinds: str) -> list[Json]:
    return [fee for fee in FEES if fee["kind"] in kinds]


async def placed(scene: Scene, *kinds: str, **terms: Any) -> tuple[Contract, str]:
    """Place a contract with one agency for these kinds of work, by rules that always hold."""
    kinds = kinds or ("dialing",)
    agency_id = await scene.agency(*kinds, fees=fees_of(*kinds), **terms)
    for kind in kinds:
        await scene.rule(agency_id, kind=kind)
    [contract] = await scene.contracts(1)
    return contract, agency_id


async def reach(scene: Scene, contract: Contract, number: int) -> None:
    """Move the portfolio and the contract to this day. The debt grows older."""
    await scene.day(day(number))
    contract.change(as_of=day(number), days=20 + number)


async def items(scene: Scene, agency_id: str, **period: str) -> list[tuple[str, str, str]]:
    """Day, amount and reason of each item."""
    found = await scene.get(f"/v1/agencies/{agency_id}/commissions", params=period)
    return [(item["dated_on"], item["amount"], item["because"]) for item in found["items"]]


async def net(scene: Scene, agency_id: str) -> str:
    totals = (await scene.get(f"/v1/agencies/{agency_id}/commissions"))["totals"]
    return totals[0]["amount"] if totals else "0.00"


async def hand_back(scene: Scene, contract: Contract, kind: str = "dialing") -> None:
    """An operator recalls the contract, and its agency acknowledges."""
    [placement] = await scene.placements(contract_id=str(contract.contract_id), kind=kind, state="active")
    for step in ("recall", "acknowledgement"):
        await scene.post(f"/v1/placements/{placement['placement_id']}/{step}", {"reason": "x"})


async def test_reversing_one_of_two_payments_earns_anew_on_what_the_other_pays_now(scene: Scene) -> None:
    contract, agency_id = await placed(scene)
    first, second = contract.paid("4800.00"), contract.paid("300.00", credit="100.00")
    await scene.receives(first, second)
    assert await items(scene, agency_id) == [(str(DAY), "480.00", "payment"), (str(DAY), "20.00", "payment")] or (
        await items(scene, agency_id) == [(str(DAY), "20.00", "payment"), (str(DAY), "480.00", "payment")]
    )
    await reach(scene, contract, 1)
    await scene.receives(contract.payment_reversed(first), contract.reapplied(second, credit="0.00"))
    assert sorted(await items(scene, agency_id, **{"from": str(day(1))})) == [
        (str(day(1)), "-20.00", "reapplied"),
        (str(day(1)), "-480.00", "reversal"),
        (str(day(1)), "30.00", "reapplied"),
    ]
    assert await net(scene, agency_id) == "30.00"


async def test_a_dispute_that_turns_a_payment_into_credit_reverses_its_commission(scene: Scene) -> None:
    contract, agency_id = await placed(scene)
    dispute, payment = contract.disputed(), contract.paid("200.00")
    await scene.receives(dispute, payment)
    await reach(scene, contract, 2)
    resolved = contract.resolved(dispute.clarification_id, ClarificationOutcome.UPHELD)
    await scene.receives(resolved, contract.reapplied(payment, credit="200.00"))
    assert await items(scene, agency_id) == [(str(DAY), "20.00", "payment"), (str(day(2)), "-20.00", "reapplied")]
    assert len(await published(scene.database, CommissionReversed)) == 1


async def test_changes_of_a_credit_count_once_and_the_newest_holds(scene: Scene) -> None:
    contract, agency_id = await placed(scene)
    payment = contract.paid("200.00")
    older, newer = contract.reapplied(payment, credit="150.00"), contract.reapplied(payment, credit="50.00")
    for event in (newer, payment, older, newer, older):
        await scene.receives(event)
    assert await items(scene, agency_id) == [(str(DAY), "15.00", "payment")]


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_a_payment_of_a_file_earns_and_the_banks_own_takes_its_place_in_any_order(
    scene: Scene, order: Sequence[int]
) -> None:
    contract, agency_id = await placed(scene)
    stated = contract.file_payment("100.00")
    events: list[Event] = [contract.stated_by_file(stated)]
    events += [contract.payment_reversed(stated, reason="identified"), contract.paid("100.00")]
    for number in order:
        await scene.receives(events[number])
    assert await net(scene, agency_id) == "10.00"
    earned, back = [await published(scene.database, each) for each in (CommissionEarned, CommissionReversed)]
    assert len(earned) - len(back) == 1


def known(payment: PaymentReceived | FilePayment, **changes: Any) -> KnownPayment:
    fields = {
        "payment_id": payment.payment_id,
        "amount": payment.amount,
        "paid_on": payment.paid_on,
        "business_date": DAY,
        "reversed": False,
        "credit": payment.credit,
        "days_past_due_before": payment.days_past_due_before,
    }
    return KnownPayment(**fields | changes)


async def test_missed_payments_and_reversals_are_made_good_by_a_republished_contract(scene: Scene) -> None:
    contract, agency_id = await placed(scene)
    missed, reversed_since, heard = contract.paid("100.00"), contract.paid("50.00"), contract.paid("10.00")
    await scene.receives(reversed_since, heard)
    whole = contract.told_again(known(missed), known(reversed_since, reversed=True), known(heard))
    for _ in range(2):
        await scene.receives(whole)
    await scene.receives(missed)
    assert await net(scene, agency_id) == "11.00"
    assert len(await items(scene, agency_id)) == 4, "nothing is counted twice"


async def test_a_payment_paid_before_the_placement_began_earns_nothing(scene: Scene) -> None:
    contract, agency_id = await placed(scene)
    await scene.receives(contract.paid("100.00", paid_on=day(-1)))
    assert await items(scene, agency_id) == []


async def test_the_placement_on_the_day_of_the_payment_earns_although_the_payment_is_heard_later(scene: Scene) -> None:
    contract, first = await placed(scene)
    second = await scene.agency("dialing", fees=fees_of("dialing"))
    await scene.rule(first, second, priority=0)
    await reach(scene, contract, 2)
    await hand_back(scene, contract)
    await scene.run()
    assert [placement["agency_id"] for placement in await scene.placements(state="active")] == [second]
    await reach(scene, contract, 4)
    await scene.receives(contract.paid("100.00", paid_on=day(1)), contract.paid("200.00", paid_on=day(3)))
    assert await items(scene, first) == [(str(day(4)), "10.00", "payment")]
    assert await items(scene, second) == [(str(day(4)), "20.00", "payment")]


async def test_the_days_of_attribution_end_where_the_placement_of_the_next_agency_begins(scene: Scene) -> None:
    contract, first = await placed(scene, attribution_days=30)
    second = await scene.agency("dialing", fees=fees_of("dialing"))
    await reach(scene, contract, 2)
    await hand_back(scene, contract)
    await reach(scene, contract, 5)
    await scene.rule(first, second, priority=0)
    await scene.run()
    await reach(scene, contract, 8)
    for number in (3, 4, 6, 7):
        await scene.receives(contract.paid(f"{number}00.00", paid_on=day(number)))
    assert sorted(amount for _, amount, _ in await items(scene, first)) == ["30.00", "40.00"]
    assert sorted(amount for _, amount, _ in await items(scene, second)) == ["60.00", "70.00"]


async def test_on_the_day_of_a_handover_the_order_of_the_facts_decides(scene: Scene) -> None:
    contract, first = await placed(scene)
    second = await scene.agency("dialing", fees=fees_of("dialing"))
    await reach(scene, contract, 2)
    await scene.receives(contract.paid("100.00"))
    await hand_back(scene, contract)
    await scene.receives(contract.paid("200.00"))
    await scene.rule(first, second, priority=0)
    await scene.run()
    await scene.receives(contract.paid("300.00"))
    assert await items(scene, first) == [(str(day(2)), "10.00", "payment")]
    assert await items(scene, second) == [(str(day(2)), "30.00", "payment")]


@pytest.mark.parametrize(
    ("paid_on", "pauses", "earned"), [(0, False, "20.00"), (-4, False, "10.00"), (-4, True, "20.00")]
)
async def test_the_fee_is_that_for_the_age_of_the_debt_on_the_day_of_the_payment(
    scene: Scene, paid_on: int, pauses: bool, earned: str
) -> None:
    """The debt is 33 days past due today. Paused days in between did not make it older."""
    contract, agency_id = await placed(scene)
    await reach(scene, contract, 10)
    contract.change(days=33)
    if pauses:
        await scene.receives(contract.paused(day(7), day(8)), contract.paused(day(10)))
    await scene.receives(contract.paid("100.00", paid_on=day(10 + paid_on)))
    assert [amount for _, amount, _ in await items(scene, agency_id)] == [earned]


async def test_another_precedence_holds_for_payments_from_its_day_on(scene: Scene) -> None:
    contract, agency_id = await placed(scene, "dialing", "visits", "collection")
    kinds = ["visits", "dialing", "collection"]
    path, body = "/v1/commission-precedences", {"kinds": kinds, "starts_on": str(DAY)}
    answer = await scene.client.post(path, json=body)
    assert (answer.status_code, code_of(answer)) == (409, "precedence-too-early"), answer.text
    starts_on = date.fromisoformat(answer.json()["earliest"])
    assert starts_on > DAY
    made = await scene.post(path, body | {"starts_on": str(starts_on)})
    default, second = (await scene.get(path))["items"]
    assert (default["kinds"], default["starts_on"]) == (["collection", "visits", "dialing"], None)
    assert second == made
    await scene.day(starts_on)
    contract.as_of = starts_on
    before, since = starts_on - timedelta(days=1), starts_on
    await scene.receives(contract.paid("100.00", paid_on=before), contract.paid("1000.00", paid_on=since))
    assert sorted(amount for _, amount, _ in await items(scene, agency_id)) == ["30.00", "50.00"]


@pytest.mark.parametrize(
    "kinds", [["dialing"], ["dialing", "dialing", "visits"], ["dialing", "visits", "collection", "letters"]]
)
async def test_a_precedence_names_every_kind_of_work_once(scene: Scene, kinds: list[str]) -> None:
    answer = await scene.client.post("/v1/commission-precedences", json={"kinds": kinds, "starts_on": "2030-01-01"})
    assert (answer.status_code, code_of(answer)) == (422, "invalid")


async def test_agencies_neither_read_nor_set_the_precedence(scene: Scene) -> None:
    own = as_agency(await scene.agency())
    body = {"kinds": ["visits", "dialing", "collection"], "starts_on": "2030-01-01"}
    assert (await scene.client.get("/v1/commission-precedences", headers=own)).status_code == 403
    assert (await scene.client.post("/v1/commission-precedences", json=body, headers=own)).status_code == 403


async def test_there_is_a_most_of_precedences(scene: Scene) -> None:
    await scene.rows(
        "INSERT INTO commission_precedence (starts_on, kinds)"
        " SELECT date '2020-01-01' + n, '{visits}' FROM generate_series(1, 200) AS n RETURNING starts_on"
    )
    body = {"kinds": ["visits", "dialing", "collection"], "starts_on": "2030-01-01"}
    answer = await scene.client.post("/v1/commission-precedences", json=body)
    assert (answer.status_code, code_of(answer)) == (409, "too-many-precedences")


async def test_pages_of_corrected_commissions_have_every_item_once(scene: Scene) -> None:
    contract, agency_id = await placed(scene)
    payments = [contract.paid("100.00") for _ in range(3)]
    await scene.receives(*payments)
    for credit in ("10.00", "20.00"):
        await scene.receives(*(contract.reapplied(payment, credit=credit) for payment in payments))
    path = f"/v1/agencies/{agency_id}/commissions"
    whole = (await scene.get(path))["items"]
    assert len(whole) == 3 * 5
    paged: list[Json] = []
    cursor: Json = {}
    while True:
        found = await scene.get(path, params={"limit": 2, **cursor})
        paged += found["items"]
        if found["next_cursor"] is None:
            break
        cursor = {"cursor": found["next_cursor"]}
    assert paged == whole
