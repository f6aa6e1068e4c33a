"""List, permit and the judgement of calls never disagree: random situations, each judged by all three."""

import random
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from dialing_agencies import Placement, Promise, Visit, own_attempt
from dialing_requests import report_calls
from dialing_scene import DAY, Contract, Phone, Scene
from permit_requests import Clock, clock, question
from recobro_events import Event
from recobro_events.contracts.assignment import PlacementKind
from recobro_events.contracts.field_visits import AttendedBy
from recobro_events.contracts.portfolio import ContactChange, DebtorStatus
from unlisted_calls import by_id

__all__ = ["clock"]
SITUATIONS = 60
PLACES: list[dict[str, Any]] = [
    {"region": "CDMX"},
    {"region": "BC", "city": "Tijuana"},
    {"jurisdiction": "US", "region": "NY", "number": "+12127365000"},
    {"jurisdiction": "US", "region": "Massachusetts", "number": "+16172345678"},
    {"jurisdiction": "US", "region": "California", "number": "+12127365000"},
    {"jurisdiction": "BR", "region": "RJ", "number": "+552132345678"},
    {"jurisdiction": "BR", "region": "SP", "number": "+5511987654321"},
]
FACTS: list[Callable[[Contract], list[Event]]] = [
    lambda contract: [contract.paid()],
    lambda contract: [contract.disputed()],
    lambda contract: [Promise(contract.contract_id).made()],
    lambda contract: [contract.reported(DebtorStatus.DECEASED)],
    lambda contract: [contract.closed()],
    lambda contract: [contract.paused(DAY - timedelta(days=3), DAY - timedelta(days=1))],
    lambda contract: [contract.paused(DAY, None)],
    lambda contract: [contract.number_changed(contract.phones[0], ContactChange.OPTED_OUT)],
    lambda contract: [Placement(contract.contract_id, uuid.uuid4(), kind=PlacementKind.COLLECTION).placed()],
    lambda contract: _visit(contract, DAY, AttendedBy.DEBTOR),
    lambda contract: _visit(contract, DAY - timedelta(days=6), AttendedBy.DEBTOR),
    lambda contract: _visit(contract, DAY - timedelta(days=7), AttendedBy.DEBTOR),
    lambda contract: [event for n in range(2) for event in _visit(contract, DAY - timedelta(days=n))],
    lambda contract: [event for n in range(7) for event in _visit(contract, DAY - timedelta(days=n))],
    lambda contract: [event for n in range(7) for event in _visit(contract, DAY - timedelta(days=n + 1))],
    lambda contract: [own_attempt(contract, DAY - timedelta(days=6), right_party=True)],
    lambda contract: [own_attempt(contract, DAY - timedelta(days=n)) for n in range(7)],
    lambda contract: [own_attempt(contract, DAY - timedelta(days=n + 1)) for n in range(7)],
]


def _visit(contract: Contract, day: Any, attended_by: AttendedBy = AttendedBy.NOBODY) -> list[Event]:
    visit = Visit(contract, day)
    return [visit.ordered(), visit.completed(attended_by)]


def situation(scene: Scene, dice: random.Random, debtors: list[uuid.UUID]) -> tuple[Contract, list[Event]]:
    place = dict(dice.choice(PLACES))
    contract = scene.contract(
        phones=[Phone(place.pop("number", "+525512345601"))], debtor_id=dice.choice(debtors), **place
    )
    events: list[Event] = [contract.registered()]
    for fact in dice.sample(FACTS, dice.choice((0, 0, 1, 1, 2))):
        events += fact(contract)
    return contract, events


@pytest.mark.usefixtures("calls_of_any_age")
@pytest.mark.parametrize("seed", [1, 2])
async def test_a_list_a_permit_and_the_judgement_of_a_call_agree(
    scene: Scene, client: httpx.AsyncClient, clock: Clock, seed: int
) -> None:
    """The rules of silence and frequency decide the same on all three ways; hours on the two that know the moment.

    The list holds the contracts that a permit refuses for hours alone, or not at all.
    """
    dice = random.Random(seed)
    await scene.execute("UPDATE business_day SET began_at = '-infinity'")
    debtors = [uuid.uuid4() for _ in range(SITUATIONS // 2)]
    made = [situation(scene, dice, debtors) for _ in range(SITUATIONS)]
    for contract, events in made:
        for event in events:
            await scene.receives(event)
        assert contract.number
    await scene.execute("UPDATE silence SET began_at = began_at - interval '20 days'")
    await scene.hears()
    on_list = set(await scene.listed(await scene.built()))
    at = datetime(2026, 11, dice.choice((23, 28)), dice.choice((11, 13, 15, 18, 22, 23)), 30, tzinfo=UTC)
    clock.at = at
    counted = {"granted": 0, "hours": 0, "refused": 0}
    for n, (contract, _) in enumerate(made):
        asked = question(contract, campaign_id=scene.campaign_id) | {"contract_id": str(contract.contract_id)}
        del asked["contract_number"]
        answer = (await client.post("/v1/permits", json=asked)).json()
        reason = answer.get("reason")
        by_hours = reason in ("outside_hours", "holiday")
        assert (contract.number in on_list) == (reason is None or by_hours), (contract, reason)
        [call] = (await report_calls(client, by_id(contract, call_id=str(n), started_at=at.isoformat())))["items"]
        breaches = {*call["breaches"], *(["silence"] if call["wrongful"] else [])}
        if reason is None:
            assert breaches == set(), (contract, breaches)
            counted["granted"] += 1
        elif by_hours:
            assert breaches == {"outside_hours"}, (contract, breaches)
            counted["hours"] += 1
        else:
            assert breaches, (contract, reason)
            counted["refused"] += 1
        await scene.execute("DELETE FROM call_result")
        await scene.execute("DELETE FROM permit")
    assert min(counted["granted"] + counted["hours"], counted["refused"]) > SITUATIONS // 6, counted
