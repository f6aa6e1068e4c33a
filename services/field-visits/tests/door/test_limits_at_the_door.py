"""What visitors report is limited per visit, per contract and per day, so no event comes near the broker's limit."""

from datetime import timedelta
from typing import Any, get_args, get_origin

import httpx
import pytest
from field_visits.door.rules import MOST_ADDRESSES, MOST_ATTENDANCES, MOST_CONTACTS, MOST_CONTACTS_OF_CONTRACT
from recobro_events import Event
from recobro_events.contracts import field_visits
from recobro_events.contracts.field_visits import ContactDataCollected
from recobro_events.testing import published
from visits_scene import DAY, Scene

LARGEST_EVENT_BYTES = 10_000
WIDE = "\U0001f3e0"
"""A character that takes four bytes."""


def contacts(count: int) -> list[dict[str, str]]:
    return [{"kind": "email", "value": f"n{n}@ejemplo.mx", "provenance": "debtor"} for n in range(count)]


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("urn:recobro:problem:")


async def test_the_visits_of_a_contract_bring_a_limited_number_of_contacts_a_day(scene: Scene) -> None:
    contract = await scene.known_contract()
    first, second = await scene.ordered_days(contract, 2)
    assert (await scene.result(first, contacts=contacts(MOST_CONTACTS))).status_code == 201
    refused = await scene.result(second, contacts=contacts(1))
    assert problem(refused) == (409, "too-many-contacts")
    assert "24 hours" in refused.json()["detail"]
    assert await scene.state_and_reason(second) == ("ordered", None)
    elsewhere = await scene.ordered(await scene.known_contract())
    assert (await scene.result(elsewhere, contacts=contacts(1))).status_code == 201
    await _a_day_later(scene)
    assert (await scene.result(second, contacts=contacts(1))).status_code == 201


async def test_the_visits_of_a_contract_bring_a_limited_number_of_contacts_ever(scene: Scene) -> None:
    contract = await scene.known_contract()
    visits = await scene.ordered_days(contract, MOST_CONTACTS_OF_CONTRACT // MOST_CONTACTS + 1)
    for visit in visits[:-1]:
        assert (await scene.result(visit, contacts=contacts(MOST_CONTACTS))).status_code == 201
        await _a_day_later(scene)
    refused = await scene.result(visits[-1], contacts=contacts(1))
    assert problem(refused) == (409, "too-many-contacts")
    assert (await scene.result(visits[-1])).status_code == 201, "a result without contacts is never refused"
    assert len(await published(scene.database, ContactDataCollected)) == MOST_CONTACTS_OF_CONTRACT


async def _a_day_later(scene: Scene) -> None:
    async with scene.database.transaction() as tx:
        await tx.execute("UPDATE visit SET reported_at = reported_at - interval '1 day'")


async def test_a_visit_has_a_limited_number_of_attendances(scene: Scene) -> None:
    visit = await scene.ordered(await scene.known_contract())
    for _ in range(MOST_ATTENDANCES):
        assert (await scene.attend(visit, "third_party")).status_code == 201
    assert problem(await scene.attend(visit)) == (409, "too-many-attendances")
    assert len(await scene.rows("SELECT FROM attendance")) == MOST_ATTENDANCES
    assert (await scene.result(visit)).status_code == 201


async def test_a_report_cannot_be_of_long_before_the_visit(scene: Scene) -> None:
    visit = await scene.ordered(await scene.known_contract())
    early = f"{DAY - timedelta(days=32)}T23:59:59Z"
    for answer in (await scene.attend(visit, at=early), await scene.result(visit, at=early)):
        assert problem(answer) == (422, "too-early")
        assert answer.json()["errors"][0]["pointer"] == "/at"
    photo = {"permission": "true", "at": early}
    refused = await scene.client.post(f"/v1/visits/{visit}/photos", params=photo, content=b"none")
    assert refused.json()["errors"][0]["pointer"] == "/query/at"
    assert (await scene.result(visit, at=f"{DAY - timedelta(days=31)}T00:00:00Z")).status_code == 201


async def test_a_visit_may_be_made_long_before_its_day(scene: Scene) -> None:
    contract = await scene.known_contract()
    await scene.receives(scene.portfolio_state(business_date=DAY + timedelta(days=3650)))
    visit = await scene.ordered(contract, DAY + timedelta(days=3650))
    [row] = await scene.rows("SELECT ordered_at FROM visit")
    assert (await scene.result(visit, at=row["ordered_at"].isoformat())).status_code == 201


@pytest.mark.parametrize("longest", ["x" * 60, WIDE * 60])
async def test_a_provenance_is_a_short_text(scene: Scene, longest: str) -> None:
    visit = await scene.ordered(await scene.known_contract())
    contact = contacts(1)[0]
    refused = await scene.result(visit, contacts=[contact | {"provenance": longest + "x"}])
    assert refused.status_code == 422
    assert (await scene.result(visit, contacts=[contact | {"provenance": longest}])).status_code == 201


PLACE = ("street", "exterior", "interior", "neighbourhood", "postal_code", "city", "state")


async def test_a_result_has_a_limited_number_of_addresses(scene: Scene) -> None:
    visit = await scene.ordered(await scene.known_contract())
    address = {"street": "Calle 9", "provenance": "neighbour"}
    assert (await scene.result(visit, addresses=[address] * (MOST_ADDRESSES + 1))).status_code == 422
    assert (await scene.result(visit, addresses=[address | {"street": "x" * 101}])).status_code == 422
    assert (await scene.result(visit, addresses=[{"provenance": "neighbour"}])).status_code == 422
    assert (await scene.result(visit, addresses=[address] * MOST_ADDRESSES)).status_code == 201


async def test_the_largest_events_stay_far_below_the_brokers_limit(scene: Scene) -> None:
    """Every text that a visitor or operator can send is as long as its route admits."""
    contract = await scene.known_contract()
    longest = {"visitor": WIDE * 200}
    first, second, third, _ = [await scene.ordered(contract, DAY + timedelta(days=n), **longest) for n in range(4)]
    email = WIDE * (254 - len("0@ejemplo.mx") - 1) + "{:02}@ejemplo.mx"
    found = [{"kind": "email", "value": email.format(n)[:254], "provenance": WIDE * 60} for n in range(MOST_CONTACTS)]
    position = {"latitude": -19.432608123456789, "longitude": -99.133208123456789, "accuracy_metres": 999_999.123456789}
    await scene.result(
        first,
        "clarification",
        contacts=found,
        addresses=[dict.fromkeys(PLACE, WIDE * 100) | {"provenance": WIDE * 60}] * MOST_ADDRESSES,
        position=position,
        reason_for_non_payment=WIDE * 1000,
        address_verdict="confirmed",
    )
    await scene.result(second, "unlocatable", "nobody", position=position)
    await scene.post(f"/v1/visits/{third}/cancellation", {"reason": WIDE * 1000})
    payment = contract.paid()
    await scene.receives(payment)
    await scene.receives(contract.payment_reversed(payment))
    rows = await scene.rows("SELECT type, max(octet_length(body)) AS bytes FROM outbox_events GROUP BY type")
    assert {row["type"] for row in rows} == {event.type for event in _events()}, (
        "a new event needs its largest case here"
    )
    assert max(row["bytes"] for row in rows) > 4000, "the texts must arrive whole"
    assert [tuple(row) for row in rows if row["bytes"] > LARGEST_EVENT_BYTES] == []


def _events() -> list[type[Event]]:
    return [
        event
        for event in vars(field_visits).values()
        if isinstance(event, type)
        and issubclass(event, Event)
        and getattr(event, "type", "").startswith("field-visits.")
    ]


def test_no_event_of_field_visits_repeats_anything() -> None:
    """An event with a list needs a limit on its length, and its largest case in the test above."""
    repeated = [
        (event.__name__, name)
        for event in _events()
        for name, field in event.model_fields.items()
        if _is_repeated(field.annotation)
    ]
    assert repeated == []


def _is_repeated(annotation: Any) -> bool:
    return get_origin(annotation) in (tuple, list, dict, set, frozenset) or any(
        _is_repeated(argument) for argument in get_args(annotation)
    )
