"""Placements and promises in the whole contract, in its history and in its holds, in any order of arrival."""

from datetime import timedelta
from itertools import permutations
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from events_of_other_services import later, placed, promised, receive, then, visited
from portfolio_builders import TODAY, Given, days_ago
from recobro_events import Event, UnappliableEvent
from recobro_events.contracts.assignment import (
    PlacementEnded,
    PlacementRecalled,
    PlacementRecallRequested,
    PlacementReinstated,
)
from recobro_events.contracts.field_visits import VisitCancelled, VisitOrdered
from recobro_events.contracts.promises import (
    AgreementBroken,
    AgreementCancelled,
    AgreementFulfilled,
    AgreementKind,
    AgreementReached,
    AgreementReopened,
    AgreementSettled,
    PromiseBroken,
    PromiseCancelled,
    PromiseKept,
    PromisePartlyKept,
    PromiseReopened,
    ProposalChanged,
    ProposalState,
)

AGENCY = uuid4()


async def a_contract(given: Given, **changes: Any) -> UUID:
    return await given.contract(await given.portfolio(), (days_ago(40), "100.00"), **changes)


async def shown(client: httpx.AsyncClient, contract_id: UUID) -> dict[str, Any]:
    answer = await client.get(f"/v1/contracts/{contract_id}")
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


async def lines(client: httpx.AsyncClient, contract_id: UUID) -> list[tuple[str, str]]:
    items = (await client.get(f"/v1/contracts/{contract_id}/history")).json()["items"]
    return [(item["kind"], item["summary"]) for item in items]


async def test_a_contract_shows_its_placements_and_records_them_in_its_history(
    client: httpx.AsyncClient, given: Given
) -> None:
    contract_id = await a_contract(given)
    first = placed(contract_id, AGENCY, ends_on=TODAY + timedelta(days=30))
    recall = then(PlacementRecallRequested, first, final_on=TODAY)
    back = then(PlacementReinstated, recall, starts_on=TODAY)
    await receive(given, first, recall)
    [placement] = (await shown(client, contract_id))["placements"]
    assert placement == {
        "placement_id": str(first.placement_id),
        "agency_id": str(AGENCY),
        "kind": "dialing",
        "state": "recall_pending",
        "starts_on": str(TODAY),
        "ends_on": str(TODAY + timedelta(days=30)),
    }
    await receive(given, back, then(PlacementEnded, back, reason="term_over"))
    [placement] = (await shown(client, contract_id))["placements"]
    assert (placement["state"], placement["ends_on"]) == ("ended", None)
    assert await lines(client, contract_id) == [
        ("placed", f"Placed with an agency for dialing, from {TODAY} to {TODAY + timedelta(days=30)}"),
        ("recall_requested", f"Recall from the agency requested (dialing): paid in full, final on {TODAY}"),
        ("reinstated", "Stays with the agency (dialing): paid in full"),
        ("placement_ended", "The agency's work has ended (dialing): term over"),
    ]


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_the_newest_state_of_a_placement_counts_in_any_order_of_arrival(
    client: httpx.AsyncClient, given: Given, order: tuple[int, ...]
) -> None:
    """Placements are published on the bulk lane, recalls on the events lane."""
    contract_id = await a_contract(given)
    first = placed(contract_id, AGENCY)
    recall = then(PlacementRecallRequested, first, final_on=TODAY)
    events = [first, recall, then(PlacementRecalled, recall)]
    for n in order:
        await receive(given, events[n])
    [placement] = (await shown(client, contract_id))["placements"]
    assert (placement["state"], placement["starts_on"]) == ("recalled", str(TODAY))


async def test_many_contracts_are_placed_in_one_batch(given: Given) -> None:
    contract_ids = [await a_contract(given) for _ in range(5)]
    await receive(given, *(placed(contract_id, AGENCY) for contract_id in contract_ids))
    assert len(await given.rows("SELECT FROM placement WHERE state = 'active'")) == 5


async def test_a_contract_shows_its_promises_and_is_silent_for_the_open_ones(
    client: httpx.AsyncClient, given: Given
) -> None:
    contract_id = await a_contract(given, phones=["+525555123456"])
    until = TODAY + timedelta(days=2)
    made = promised(contract_id, silent_until=until, agency_id=AGENCY)
    over = promised(contract_id, due_on=days_ago(9), silent_until=days_ago(7))
    await receive(given, made, over)
    whole = await shown(client, contract_id)
    assert whole["promises"][1] == {
        "promise_id": str(made.promise_id),
        "agreement_id": None,
        "state": "open",
        "due_on": str(TODAY),
        "silent_until": str(until),
        "promised": "80.00",
        "paid": "0.00",
        "made_on": str(TODAY),
        "made_in": "call",
        "agency_id": str(AGENCY),
    }
    assert whole["holds"] == [{"reason": "promise", "clarification_id": None, "until": str(until)}]

    kept = later(PromiseKept, made, paid="80.00")
    await receive(given, kept, later(PromiseBroken, over))
    whole = await shown(client, contract_id)
    assert [(promise["state"], promise["paid"]) for promise in whole["promises"]] == [
        ("broken", "0.00"),
        ("kept", "80.00"),
    ]
    assert whole["holds"] == []
    await receive(given, later(PromiseReopened, kept, paid="0.00"))
    assert [hold["reason"] for hold in (await shown(client, contract_id))["holds"]] == ["promise"]


async def test_a_promise_made_that_arrives_late_adds_the_origin_and_keeps_the_newer_state(
    client: httpx.AsyncClient, given: Given
) -> None:
    contract_id = await a_contract(given)
    made = promised(contract_id, agency_id=AGENCY)
    await receive(given, later(PromisePartlyKept, made, paid="10.00"))
    await receive(given, made)
    [promise] = (await shown(client, contract_id))["promises"]
    assert (promise["state"], promise["paid"], promise["made_in"]) == ("partly_kept", "10.00", "call")
    assert promise["agency_id"] == str(AGENCY)


async def test_history_records_promises_agreements_and_visits(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await a_contract(given)
    made = promised(contract_id)
    visit_id, agreement = uuid4(), {"contract_id": contract_id, "agreement_id": uuid4(), "version": 1}
    events: list[Event] = [
        made,
        later(PromiseCancelled, made, reason="plan_broken"),
        AgreementReached(
            **agreement,
            kind=AgreementKind.PLAN,
            schedule=(),
            discount="0.00",
            currency="MXN",
            settles_in_full=False,
        ),
        AgreementFulfilled(**agreement),
        AgreementBroken(**agreement),
        AgreementReopened(**agreement),
        ProposalChanged(
            **agreement,
            kind=AgreementKind.SETTLEMENT,
            state=ProposalState.AWAITING_APPROVAL,
            total="1700.00",
            discount="300.00",
            currency="MXN",
            valid_until=TODAY,
        ),
        AgreementSettled(
            **agreement,
            kind=AgreementKind.SETTLEMENT,
            discount="300.00",
            currency="MXN",
            settles_in_full=True,
            made_on=TODAY,
            settled_on=TODAY,
        ),
        AgreementCancelled(**agreement, reason="offer_expired"),
        VisitOrdered(contract_id=contract_id, visit_id=visit_id, visitor="luis", address_id=uuid4(), visit_on=TODAY),
        VisitCancelled(contract_id=contract_id, visit_id=visit_id, reason="payment"),
        visited(contract_id, position={"latitude": 20.967, "longitude": -89.623}),
    ]
    for event in events:
        await receive(given, event)
    assert await lines(client, contract_id) == [
        ("promise_made", f"Promise of 80.00 MXN until {TODAY}"),
        ("promise_cancelled", "Promise cancelled: plan broken"),
        ("agreement_reached", "Agreement in force: plan of payments"),
        ("agreement_fulfilled", "Agreement fulfilled: every instalment was paid"),
        ("agreement_broken", "Agreement broken: an instalment was not paid"),
        ("agreement_reopened", "Agreement open again: a payment was reversed, or became known late"),
        (
            "agreement_proposed",
            "Proposed (settlement): 1,700.00 MXN to pay, discount 300.00 MXN. It is now: waiting for approval",
        ),
        ("agreement_settled", "Agreement settled (settlement): the payments are final, and 300.00 MXN is given up"),
        ("agreement_cancelled", "Agreement cancelled: the proposal has expired"),
        ("visit_ordered", f"Visit ordered for {TODAY}, visitor luis"),
        ("visit_cancelled", "Visit cancelled: payment"),
        ("visit", "Visit, attended by the debtor: visited"),
    ]
    assert "20.967" not in (await client.get(f"/v1/contracts/{contract_id}/history")).text


@pytest.mark.parametrize("event", [placed(uuid4(), AGENCY), promised(uuid4()), visited(uuid4())], ids=lambda e: e.type)
async def test_an_event_about_an_unknown_contract_is_not_applied(given: Given, event: Any) -> None:
    known = await a_contract(given)
    with pytest.raises(UnappliableEvent, match=str(event.contract_id)):
        await receive(given, placed(known, AGENCY), event)
    assert await given.rows("SELECT FROM placement") == []
