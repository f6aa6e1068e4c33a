"""Attempts of the creditor's own people: recorded, published with their count, told in the history."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from chassis import clock
from chassis.testing import mint
from portfolio.debtors import attempts
from portfolio.republishing import republish
from portfolio_builders import TODAY, Given, days_ago
from recobro_events.contracts.portfolio import AttemptMade
from recobro_events.testing import published

CALL = {"channel": "call", "outcome": "no_answer"}


async def a_contract(given: Given) -> UUID:
    return await given.contract(await given.portfolio(), (days_ago(40), "100.00"))


async def enter(client: httpx.AsyncClient, contract_id: UUID, **changes: Any) -> httpx.Response:
    clerk = {"Authorization": f"Bearer {mint(subject='clara')}"}
    return await client.post(f"/v1/contracts/{contract_id}/attempts", json=CALL | changes, headers=clerk)


async def test_attempts_are_counted_in_their_episode_and_published(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await a_contract(given)
    assert (await enter(client, contract_id)).json()["right_party"] is False
    assert (await enter(client, contract_id, outcome="refused", note="que llamen a su abogado")).status_code == 201
    async with given.database.transaction() as tx:
        await tx.execute("UPDATE contract SET episode = episode + 1")
    assert (await enter(client, contract_id, channel="message", outcome="sent")).status_code == 201
    events = await published(given.database, AttemptMade)
    assert [(event.attempts, event.right_party, event.channel) for event in events] == [
        (1, False, "call"),
        (2, True, "call"),
        (1, False, "message"),
    ]
    # The portfolio's day lies behind the clock's, so the attempts count on that day.
    assert {event.business_date for event in events} == {TODAY}
    assert "abogado" not in str([event.body() for event in events])


async def test_the_history_tells_attempts_and_who_made_them_but_no_note(
    client: httpx.AsyncClient, given: Given
) -> None:
    contract_id = await a_contract(given)
    made = await enter(client, contract_id, outcome="right_party", note="secreto")
    history = await client.get(f"/v1/contracts/{contract_id}/history", headers={"Accept-Language": "es"})
    [line] = history.json()["items"]
    assert (line["kind"], line["summary"]) == ("attempt", "Intento de nuestra gente por llamada: con el deudor")
    assert line["actor"]["subject"] == "clara"
    assert datetime.fromisoformat(line["happened_at"]) == datetime.fromisoformat(made.json()["made_at"])
    assert "secreto" not in history.text
    [listed] = (await client.get(f"/v1/contracts/{contract_id}/attempts")).json()["items"]
    assert listed == made.json()
    assert listed["note"] == "secreto"


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"outcome": "sent"}, "/outcome"),
        ({"channel": "message", "outcome": "busy"}, "/outcome"),
        ({"made_at": str(datetime(2020, 1, 1, tzinfo=UTC).isoformat())}, "/made_at"),
        ({"made_at": "ahead"}, "/made_at"),
        ({"outcome": "promise"}, "/outcome"),
    ],
)
async def test_a_wrong_attempt_is_refused_and_changes_nothing(
    client: httpx.AsyncClient, given: Given, changes: dict[str, str], pointer: str
) -> None:
    contract_id = await a_contract(given)
    before = await given.everything()
    if changes.get("made_at") == "ahead":
        changes = {"made_at": (clock.now() + timedelta(hours=1)).isoformat()}
    refused = await enter(client, contract_id, **changes)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer)
    assert await given.everything() == before


async def test_an_attempt_that_is_entered_again_has_its_id_and_counts_once(
    client: httpx.AsyncClient, given: Given
) -> None:
    """After a restore. Services that kept its event know it by the id."""
    contract_id, attempt_id, first_id = await a_contract(given), str(uuid4()), str(uuid4())
    again = {"attempt_id": attempt_id, "same_as": first_id, "made_at": f"{days_ago(30)}T15:00:00Z"}
    assert (await enter(client, contract_id, **again)).json()["attempt_id"] == attempt_id
    known = await enter(client, contract_id, **again)
    assert (known.status_code, known.json()["type"].rpartition(":")[2]) == (409, "attempt-known")
    assert known.json()["attempt_id"] == attempt_id
    [event] = await published(given.database, AttemptMade)
    assert (str(event.attempt_id), str(event.same_as), event.attempts) == (attempt_id, first_id, 1)
    alone = await enter(client, contract_id, same_as=first_id)
    assert alone.status_code == 422


async def test_a_day_has_a_bound_and_an_unknown_contract_none(
    client: httpx.AsyncClient, given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "MOST_A_DAY", 1)
    contract_id = await a_contract(given)
    assert (await enter(client, contract_id)).status_code == 201
    refused = await enter(client, contract_id)
    assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (409, "too-many-attempts")
    assert (await enter(client, uuid4())).status_code == 404
    assert (await client.get(f"/v1/contracts/{uuid4()}/attempts")).status_code == 404
    agency = {"Authorization": f"Bearer {mint(agency_id=uuid4(), subject='agency')}"}
    answer = await client.post(f"/v1/contracts/{contract_id}/attempts", json=CALL, headers=agency)
    assert answer.status_code == 403


async def test_the_permit_of_a_call_goes_with_its_attempt(client: httpx.AsyncClient, given: Given) -> None:
    contract_id, permit_id = await a_contract(given), uuid4()
    made = await enter(client, contract_id, permit_id=str(permit_id))
    assert made.json()["permit_id"] == str(permit_id)
    [listed] = (await client.get(f"/v1/contracts/{contract_id}/attempts")).json()["items"]
    assert listed == made.json()
    [line] = (await client.get(f"/v1/contracts/{contract_id}/history")).json()["items"]
    assert line["data"]["permit_id"] == str(permit_id)
    async with given.database.transaction() as tx:
        tx.audience = "dialer-feed"
        await republish(tx, str(UUID(int=0)))
    assert [event.permit_id for event in await published(given.database, AttemptMade)] == [permit_id, permit_id]
    message = await enter(client, contract_id, channel="message", outcome="sent", permit_id=str(permit_id))
    assert (message.status_code, message.json()["errors"][0]["pointer"]) == (422, "/permit_id")


async def test_attempts_that_still_count_are_published_again(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await a_contract(given)
    for _ in range(2):
        await enter(client, contract_id)
    async with given.database.transaction() as tx:
        tx.audience = "dialer-feed"
        await republish(tx, str(UUID(int=0)))
    events = await published(given.database, AttemptMade)
    assert [event.attempts for event in events] == [1, 2, 1, 2]
    assert [event.attempt_id for event in events[:2]] == [event.attempt_id for event in events[2:]]
