"""A reversed payment is as if it had never been: a recall that it brought about is taken back."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from placing_scene import DAY, Contract, Scene, as_agency, code_of
from placing_states import republish_all
from recobro_events.contracts import assignment
from recobro_events.contracts.portfolio import ContractState, Stage
from recobro_events.testing import published


async def paid_in_full(scene: Scene, **terms: Any) -> tuple[Contract, str, str, Any]:
    """Place a contract and pay it. Returns the contract, the agency, the placement's path and the payment."""
    contract, agency_id, placement = await scene.placed(**terms)
    payment = contract.paid("5000.00")
    await scene.receives(payment)
    path = f"/v1/placements/{placement['placement_id']}"
    assert (await scene.get(path))["reason"] == "paid_in_full"
    return contract, agency_id, path, payment


async def test_a_reversal_withdraws_the_pending_recall_of_a_contract_paid_in_full(scene: Scene) -> None:
    contract, agency_id, path, payment = await paid_in_full(scene)
    await scene.receives(contract.payment_reversed(payment))
    active = await scene.get(path)
    assert (active["state"], active["version"], active["final_on"], active["reason"]) == ("active", 3, None, None)
    [event] = await published(scene.database, assignment.PlacementReinstated)
    assert (event.version, event.reason, event.starts_on) == (3, "payment_reversed", DAY)
    assert await scene.agency_event_types(agency_id) == [
        "PlacementStarted",
        "PaymentReceived",
        "PlacementRecallRequested",
        "PaymentReversed",
        "PlacementReinstated",
    ]
    await scene.receives(contract.paid("5000.00"))
    assert (await scene.get(path))["state"] == "recall_pending", "the next payment in full recalls again"


async def test_a_reversal_withdraws_a_recall_to_which_the_agency_has_objected(scene: Scene) -> None:
    contract, agency_id, path, payment = await paid_in_full(scene)
    await scene.post(f"{path}/objection", {"reason": "the cheque will bounce"}, headers=as_agency(agency_id))
    await scene.receives(contract.payment_reversed(payment))
    assert (await scene.get(path))["state"] == "active"
    body = {"accepted": True, "reason": "it did"}
    answer = await scene.client.post(f"{path}/objection-decision", json=body)
    assert (answer.status_code, code_of(answer)) == (409, "placement-not-objected")


@pytest.mark.parametrize("by", ["acknowledgement", "grace"])
async def test_after_the_final_recall_a_reversal_places_the_contract_anew(scene: Scene, by: str) -> None:
    contract, agency_id, path, payment = await paid_in_full(scene)
    if by == "acknowledgement":
        await scene.post(f"{path}/acknowledgement", headers=as_agency(agency_id))
    else:
        await scene.day(DAY + timedelta(days=3))
    await scene.receives(contract.payment_reversed(payment))
    assert (await scene.get(path))["state"] == "recalled"
    [placement] = await scene.placements(state="active")
    assert path != f"/v1/placements/{placement['placement_id']}"
    assert (await scene.agency_event_types(agency_id))[-2:] == ["PlacementRecalled", "PlacementStarted"]


async def test_a_partial_payment_that_ended_the_rules_is_undone_as_well(scene: Scene) -> None:
    contract, _, placement = await scene.placed()
    payment = contract.paid("1450.00")
    await scene.receives(payment)
    path = f"/v1/placements/{placement['placement_id']}"
    assert (await scene.get(path))["reason"] == "no_longer_eligible"
    await scene.receives(contract.payment_reversed(payment))
    assert (await scene.get(path))["state"] == "active"


async def test_a_recall_stays_when_another_payment_has_paid_in_full(scene: Scene) -> None:
    contract, _, placement = await scene.placed()
    first, second = contract.paid("1500.00"), contract.paid("3500.00")
    await scene.receives(first, second)
    contract.change(state=ContractState.OPEN)
    reversal = contract.payment_reversed(first).model_copy(update={"overdue_balance": Decimal("0.00")})
    await scene.receives(reversal)
    assert (await scene.get(f"/v1/placements/{placement['placement_id']}"))["state"] == "recall_pending"


async def test_a_recall_by_an_operator_or_of_another_cause_stays(scene: Scene) -> None:
    contract, _, first = await scene.placed()
    payment = contract.paid("10.00")
    await scene.receives(payment)
    path = f"/v1/placements/{first['placement_id']}"
    await scene.post(f"{path}/recall", {"reason": "the creditor wants it back"})
    await scene.receives(contract.payment_reversed(payment))
    assert (await scene.get(path))["state"] == "recall_pending"
    [other] = await scene.contracts(1)
    paid = other.paid("10.00")
    await scene.receives(paid, other.staged(Stage.LEGAL))
    await scene.receives(other.payment_reversed(paid))
    [placement] = await scene.placements(contract_id=str(other.contract_id))
    assert (placement["state"], placement["reason"]) == ("recall_pending", "no_longer_eligible")


async def test_a_reversal_that_was_overtaken_withdraws_the_recall_when_it_arrives(scene: Scene) -> None:
    contract, _, path, payment = await paid_in_full(scene)
    reversal = contract.payment_reversed(payment)
    await scene.receives(contract.revised())
    await scene.receives(reversal)
    assert (await scene.get(path))["state"] == "active"


async def test_the_banks_payment_in_place_of_a_files_neither_withdraws_nor_places(scene: Scene) -> None:
    """Between the two events the balance is up, but nobody is to work on a contract that has been paid all the time."""
    contract, agency_id, placement = await scene.placed()
    stated = contract.file_payment("5000.00")
    await scene.receives(contract.stated_by_file(stated))
    before = await scene.agency_event_types(agency_id)
    await scene.receives(contract.payment_reversed(stated, reason="identified"))
    assert (await scene.get(f"/v1/placements/{placement['placement_id']}"))["state"] == "recall_pending"
    await scene.receives(contract.paid("5000.00"))
    assert await scene.agency_event_types(agency_id) == [*before, "PaymentReversed", "PaymentReceived"]
    await scene.day(DAY + timedelta(days=3))
    assert (await scene.the_placement())["state"] == "recalled"


async def test_an_acknowledgement_and_a_reversal_at_once_leave_one_live_placement(scene: Scene) -> None:
    """The recall is withdrawn and the acknowledgement refused, or the contract is placed anew."""
    agency_id = await scene.agency("dialing")
    await scene.rule(agency_id)
    for contract in await scene.contracts(4):
        payment = contract.paid("5000.00")
        await scene.receives(payment)
        [placement] = await scene.placements(contract_id=str(contract.contract_id))
        path = f"/v1/placements/{placement['placement_id']}"
        answer, _ = await asyncio.gather(
            scene.client.post(f"{path}/acknowledgement", headers=as_agency(agency_id)),
            scene.receives(contract.payment_reversed(payment)),
        )
        placements = await scene.placements(contract_id=str(contract.contract_id))
        states = sorted(placement["state"] for placement in placements)
        assert (answer.status_code, states) in ((201, ["active", "recalled"]), (409, ["active"]))


async def test_a_withdrawn_recall_is_republished_as_it_stands(scene: Scene) -> None:
    contract, _, _, payment = await paid_in_full(scene)
    await scene.receives(contract.payment_reversed(payment))
    await scene.rows("DELETE FROM outbox_bulk RETURNING id")
    await republish_all(scene)
    [placed] = await published(scene.database, assignment.ContractPlaced)
    assert placed.version == 3
