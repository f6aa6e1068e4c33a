"""The commissions that agencies earn from payments, and the events that agencies receive."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from placing_scene import DAY, Contract, Json, Scene, as_agency
from recobro_events import Event
from recobro_events.contracts import agency
from recobro_events.contracts.assignment import CommissionEarned, CommissionReversed
from recobro_events.contracts.portfolio import ContractState, PaymentReceived, Stage
from recobro_events.testing import published

FEES = [
    {"kind": "dialing", "from_days": 0, "to_days": 30, "percent": "12.5"},
    {"kind": "dialing", "from_days": 31, "to_days": 90, "percent": "18.335"},
    {"kind": "collection", "from_days": 60, "percent": "30"},
]


async def placed_for_dialing(scene: Scene, **terms: Any) -> tuple[Contract, str]:
    """Place a contract with 1500.00 of 5000.00 overdue with an agency for dialing, by a rule that always holds."""
    agency_id = await scene.agency("dialing", **({"fees": FEES[:2]} | terms))
    await scene.rule(agency_id)
    [contract] = await scene.contracts(1)
    return contract, agency_id


async def commissions(scene: Scene, agency_id: str, **period: str) -> Json:
    found: Json = await scene.get(f"/v1/agencies/{agency_id}/commissions", params=period)
    return found


async def amounts(scene: Scene, agency_id: str) -> list[str]:
    return [item["amount"] for item in (await commissions(scene, agency_id))["items"]]


async def test_a_payment_earns_a_commission_that_is_published(scene: Scene) -> None:
    contract, agency_id = await placed_for_dialing(scene)
    payment = contract.paid("100.10")
    await scene.receives(payment)
    [earned] = await published(scene.database, CommissionEarned)
    assert (earned.payment_id, earned.agency_id) == (payment.payment_id, UUID(agency_id))
    assert (earned.base, earned.percent, earned.amount) == (Decimal("100.10"), Decimal("12.5"), Decimal("12.51"))
    _, event, _ = await scene.agency_events(agency_id)
    assert event == agency.PaymentReceived(
        agency_id=UUID(agency_id),
        contract_id=contract.contract_id,
        payment_id=payment.payment_id,
        amount=Decimal("100.10"),
        currency="MXN",
        paid_on=DAY,
        overdue_balance=Decimal("1399.90"),
        total_balance=Decimal("4899.90"),
    )
    found = await commissions(scene, agency_id)
    [item] = found["items"]
    assert (item["earned_on"], item["days_past_due"], item["kind"]) == (str(DAY), 20, "dialing")
    assert (item["base"], item["percent"], item["amount"]) == ("100.10", "12.5", "12.51")
    assert (item["contract_number"], item["entry"], item["because"]) == (contract.number, "earned", "payment")
    assert (item["dated_on"], item["ordinal"]) == (str(DAY), 1)
    assert found["totals"] == [
        {"currency": "MXN", "items": 1, "earned": "12.51", "reversed": "0.00", "amount": "12.51"}
    ]


@pytest.mark.parametrize(
    ("amount", "credit", "days", "earned"),
    [
        ("100.00", "0.00", 30, ["12.50"]),
        ("100.00", "0.00", 31, ["18.34"]),  # 18.335, half up
        ("300.00", "0.00", 31, ["55.01"]),  # 55.005
        ("0.04", "0.00", 0, ["0.01"]),  # 0.005
        ("0.03", "0.00", 0, ["0.00"]),
        ("100.00", "40.00", 0, ["7.50"]),
        ("100.00", "100.00", 0, []),
        ("100.00", "0.00", 91, []),
    ],
)
async def test_the_fee_for_the_debts_age_applies_to_the_amount_that_reduced_the_debt(
    scene: Scene, amount: str, credit: str, days: int, earned: list[str]
) -> None:
    contract, agency_id = await placed_for_dialing(scene)
    await scene.receives(contract.paid(amount, credit=credit, days=days))
    assert await amounts(scene, agency_id) == earned


async def test_one_payment_earns_for_one_kind_of_work(scene: Scene) -> None:
    """Collection comes before dialing. The visiting agency has no fee, so it neither earns nor stands in the way."""
    agency_id = await scene.agency("dialing", "collection", fees=FEES)
    other = await scene.agency("visits")
    for each, kind in ((agency_id, "dialing"), (agency_id, "collection"), (other, "visits")):
        await scene.rule(each, kind=kind)
    [contract] = await scene.contracts(1)
    await scene.receives(contract.paid("100.00", days=75))
    await scene.receives(contract.paid("100.00", days=40))
    assert await amounts(scene, other) == []
    earned = await published(scene.database, CommissionEarned)
    assert [str(event.amount) for event in earned] == ["30.00", "18.34"], "the fee of collection begins at 60 days"
    for each in (agency_id, other):
        assert (await scene.agency_event_types(each)).count("PaymentReceived") == 2, (
            "once per agency, not once per placement"
        )


async def test_a_reversed_payment_takes_its_commission_back(scene: Scene) -> None:
    contract, agency_id = await placed_for_dialing(scene)
    payment = contract.paid("200.00")
    await scene.receives(payment)
    kept = contract.paid("100.00")
    await scene.receives(kept)
    before = await commissions(scene, agency_id, to=str(DAY))
    later = DAY + timedelta(days=1)
    await scene.day(later)
    await scene.receives(contract.payment_reversed(payment))
    [taken_back] = await published(scene.database, CommissionReversed)
    assert (taken_back.payment_id, taken_back.base, taken_back.amount) == (
        payment.payment_id,
        Decimal("200.00"),
        Decimal("25.00"),
    )
    assert await commissions(scene, agency_id, to=str(DAY)) == before, "the report of the day before stays as it was"
    found = await commissions(scene, agency_id)
    [item] = [item for item in found["items"] if item["entry"] == "reversed"]
    assert (item["payment_id"], item["base"], item["amount"]) == (str(payment.payment_id), "-200.00", "-25.00")
    assert (item["dated_on"], item["earned_on"], item["because"]) == (str(later), str(DAY), "reversal")
    assert found["totals"] == [
        {"currency": "MXN", "items": 3, "earned": "37.50", "reversed": "25.00", "amount": "12.50"}
    ]
    assert (await scene.agency_event_types(agency_id))[-3:] == ["PaymentReceived", "PaymentReceived", "PaymentReversed"]


@pytest.mark.parametrize("first", ["reversal first", "payment twice", "reversal twice"])
async def test_a_reversed_payment_earns_nothing_in_any_order_of_events(scene: Scene, first: str) -> None:
    contract, agency_id = await placed_for_dialing(scene)
    payment = contract.paid("200.00")
    reversal = contract.payment_reversed(payment)
    order = {
        "reversal first": [reversal, payment],
        "payment twice": [payment, payment, reversal, payment],
        "reversal twice": [payment, reversal, reversal],
    }[first]
    for event in order:
        await scene.receives(event)
    totals = (await commissions(scene, agency_id))["totals"]
    assert [total["amount"] for total in totals] in ([], ["0.00"])
    earned, taken_back = [await published(scene.database, each) for each in (CommissionEarned, CommissionReversed)]
    assert len(earned) == len(taken_back) <= 1


async def test_a_payment_before_the_placement_earns_nothing(scene: Scene) -> None:
    """No agency had the contract at the payment, although the contract is placed on the same day."""
    [contract] = await scene.contracts(1)
    await scene.receives(contract.paid())
    agency_id = await scene.agency("dialing", fees=FEES[:2])
    await scene.rule(agency_id)
    await scene.post("/v1/placement-runs", {}, expect=200)
    assert len(await scene.placements()) == 1
    assert await amounts(scene, agency_id) == []
    assert await scene.agency_event_types(agency_id) == ["PlacementStarted"]


@pytest.mark.parametrize("by", ["registration", "stage"])
async def test_a_payment_that_arrives_before_the_event_that_places_its_contract_earns(scene: Scene, by: str) -> None:
    """Payments do not wait for bulk events, so an earlier event may arrive later."""
    agency_id = await scene.agency("dialing", fees=FEES[:2])
    await scene.rule(agency_id, stages=["early"])
    contract = scene.contract(stage=Stage.EARLY if by == "registration" else Stage.CURRENT)
    if by == "registration":
        earlier: Event = contract.registered()
    else:
        await scene.receives(contract.registered())
        earlier = contract.staged(Stage.EARLY)
    payment = contract.paid("100.10")
    await scene.receives(payment)
    await scene.receives(earlier)
    assert await amounts(scene, agency_id) == ["12.51"]
    [earned] = await published(scene.database, CommissionEarned)
    assert (earned.payment_id, earned.amount) == (payment.payment_id, Decimal("12.51"))


async def test_a_reversed_payment_that_arrived_before_its_placement_earns_nothing(scene: Scene) -> None:
    agency_id = await scene.agency("dialing", fees=FEES[:2])
    await scene.rule(agency_id)
    contract = scene.contract()
    registration, payment = contract.registered(), contract.paid()
    await scene.receives(payment, contract.payment_reversed(payment))
    await scene.receives(registration)
    assert len(await scene.placements()) == 1
    assert await amounts(scene, agency_id) == []


async def test_a_payment_of_an_earlier_business_date_earns_nothing(scene: Scene) -> None:
    contract, agency_id = await placed_for_dialing(scene)
    contract.as_of = DAY - timedelta(days=1)
    await scene.receives(contract.paid())
    assert await amounts(scene, agency_id) == []


@pytest.mark.parametrize("steps", [["recall"], ["recall", "objection"]])
async def test_while_a_recall_is_pending_or_objected_payments_still_earn(scene: Scene, steps: list[str]) -> None:
    contract, agency_id = await placed_for_dialing(scene)
    [placement] = await scene.placements()
    for step in steps:
        await scene.post(f"/v1/placements/{placement['placement_id']}/{step}", {"reason": "x"})
    await scene.receives(contract.paid("100.00"))
    assert await amounts(scene, agency_id) == ["12.50"]
    assert (await scene.agency_event_types(agency_id))[-1] == "PaymentReceived"


@pytest.mark.parametrize(
    ("attribution", "days_after", "earns"),
    [(0, 0, False), (0, 1, False), (5, 0, True), (5, 5, True), (5, 6, False)],
)
async def test_after_a_recall_payments_earn_during_the_attribution_days(
    scene: Scene, attribution: int, days_after: int, earns: bool
) -> None:
    contract, agency_id = await placed_for_dialing(scene, attribution_days=attribution)
    [placement] = await scene.placements()
    for step in ("recall", "acknowledgement"):
        await scene.post(f"/v1/placements/{placement['placement_id']}/{step}", {"reason": "x"})
    await scene.day(DAY + timedelta(days=days_after))
    contract.as_of = DAY + timedelta(days=days_after)
    await scene.receives(contract.paid("100.00"))
    assert await amounts(scene, agency_id) == (["12.50"] if earns else [])
    assert "PaymentReceived" not in await scene.agency_event_types(agency_id)


@pytest.mark.parametrize("ended", [True, False], ids=["ended", "not ended yet"])
@pytest.mark.parametrize(
    ("attribution", "after_term", "earns"), [(0, 0, True), (0, 1, False), (3, 3, True), (3, 4, False)]
)
async def test_payments_earn_by_the_dates_of_the_term_even_before_the_placement_is_ended(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, attribution: int, after_term: int, earns: bool, ended: bool
) -> None:
    if not ended:
        monkeypatch.setattr("assignment.handlers.DUE_AT_ONCE", 0)
    last = DAY + timedelta(days=2)
    contract, agency_id = await placed_for_dialing(scene, attribution_days=attribution, ends_on=str(last))
    await scene.day(last + timedelta(days=after_term))
    if ended and after_term == 0:
        await scene.day(last + timedelta(days=1))
    contract.as_of = last + timedelta(days=after_term)
    await scene.receives(contract.paid("100.00"))
    assert await amounts(scene, agency_id) == (["12.50"] if earns else [])


async def test_the_payment_that_settles_a_contract_earns_before_the_contract_is_recalled(scene: Scene) -> None:
    contract, agency_id = await placed_for_dialing(scene)
    await scene.receives(contract.paid("5000.00"), contract.closed(ContractState.SETTLED))
    assert await amounts(scene, agency_id) == ["625.00"]
    assert await scene.agency_event_types(agency_id) == [
        "PlacementStarted",
        "PaymentReceived",
        "PlacementRecallRequested",
    ]


async def test_a_period_lists_the_commissions_of_its_business_dates(scene: Scene) -> None:
    contract, agency_id = await placed_for_dialing(scene)
    for days in range(4):
        await scene.day(DAY + timedelta(days=days))
        contract.as_of = DAY + timedelta(days=days)
        await scene.receives(contract.paid(f"{days + 1}00.00"))
    second, third = str(DAY + timedelta(days=1)), str(DAY + timedelta(days=2))
    found = await commissions(scene, agency_id, **{"from": second, "to": third})
    assert [item["amount"] for item in found["items"]] == ["25.00", "37.50"]
    assert found["totals"][0]["amount"] == "62.50"
    first = await commissions(scene, agency_id, limit="3")
    rest = await commissions(scene, agency_id, cursor=first["next_cursor"])
    assert [item["amount"] for item in first["items"] + rest["items"]] == ["12.50", "25.00", "37.50", "50.00"]
    assert rest["next_cursor"] is None
    assert rest["totals"] == first["totals"], "the totals cover the period, not the page"
    answer = await scene.client.get(f"/v1/agencies/{agency_id}/commissions", params={"from": third, "to": second})
    assert answer.status_code == 422


async def test_an_agency_reads_only_its_own_commissions(scene: Scene) -> None:
    contract, agency_id = await placed_for_dialing(scene)
    other = await scene.agency()
    await scene.receives(contract.paid())
    path = f"/v1/agencies/{agency_id}/commissions"
    assert (await scene.client.get(path, headers=as_agency(agency_id))).json()["items"] != []
    assert (await scene.client.get(path, headers=as_agency(other))).status_code == 404


async def test_the_commission_of_each_payment_is_rounded_on_its_own(scene: Scene) -> None:
    contract, agency_id = await placed_for_dialing(scene)
    payments: list[PaymentReceived] = [contract.paid("0.04"), contract.paid("0.04"), contract.paid("0.04")]
    await scene.receives(*payments)
    assert await amounts(scene, agency_id) == ["0.01", "0.01", "0.01"], "each is rounded half up"
