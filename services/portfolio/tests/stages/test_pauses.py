"""Pauses over HTTP: they do not overlap, restage the contract at once, and can be ended or called off."""

import asyncio
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from portfolio_builders import TODAY, Given, days_ago
from recobro_events.contracts.portfolio import ContractPaused, ContractResumed, ContractStageChanged, Stage, StageCause
from recobro_events.testing import published


def span(first: int, last: int | None) -> dict[str, Any]:
    """A pause that starts and ends this number of days ago. A number below 0 is a day in the future."""
    ends = {} if last is None else {"ends_on": str(days_ago(last))}
    return {"reason": "moratorium", "starts_on": str(days_ago(first))} | ends


async def pause(client: httpx.AsyncClient, contract_id: UUID, first: int, last: int | None) -> dict[str, Any]:
    answer = await client.post(f"/v1/contracts/{contract_id}/pauses", json=span(first, last))
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


async def end(client: httpx.AsyncClient, pause_id: str, ends_on: date | None = None) -> httpx.Response:
    return await client.post(f"/v1/pauses/{pause_id}/end", json={} if ends_on is None else {"ends_on": str(ends_on)})


async def test_a_backdated_pause_restages_at_once(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(35), "100.00"))
    paused = await pause(client, contract_id, 10, 3)
    assert (paused["stage"], paused["days_past_due"]) == ("early", 27)
    [event] = await published(given.database, ContractPaused)
    row = await given.row(contract_id)
    assert (event.starts_on, event.ends_on, event.days_past_due) == (days_ago(10), days_ago(3), 27)
    assert (event.stage, event.overdue_balance) == (Stage.EARLY, Decimal("100.00"))
    assert event.version == event.pause_version == row["version"]
    [restaged] = await published(given.database, ContractStageChanged)
    assert (restaged.cause, restaged.to_stage, restaged.version) == (StageCause.PAUSE, Stage.EARLY, event.version - 1)


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (35, 34, 34),  # the due date itself is not a day past due, the day after it is
        (40, 36, 35),
        (0, None, 34),
        (-1, None, 35),
        (60, None, 0),
        (1, 0, 33),
        (10, -10, 24),
    ],
)
async def test_only_paused_days_after_the_oldest_due_date_up_to_today_do_not_count(
    client: httpx.AsyncClient, given: Given, first: int, last: int | None, expected: int
) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(35), "100.00"))
    assert (await pause(client, contract_id, first, last))["days_past_due"] == expected


@pytest.mark.parametrize(
    ("first", "last"),
    [(10, 5), (9, 6), (12, 3), (10, 3), (12, 5), (12, 10), (5, 3), (10, None), (5, None), (20, None), (10, 10), (5, 5)],
)
async def test_a_pause_that_overlaps_another_is_refused(
    client: httpx.AsyncClient, given: Given, first: int, last: int | None
) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(35), "100.00"))
    known = await pause(client, contract_id, 10, 5)
    before = await given.everything()
    answer = await client.post(f"/v1/contracts/{contract_id}/pauses", json=span(first, last))
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:recobro:problem:pause-overlap")
    assert answer.json()["pause_id"] == known["pause_id"]
    assert await given.everything() == before
    await pause(client, contract_id, 11, 11)
    await pause(client, contract_id, 4, None)
    assert (await client.post(f"/v1/contracts/{contract_id}/pauses", json=span(-400, -500))).status_code == 409


async def test_an_open_ended_pause_ends_on_the_business_date(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(35), "100.00"))
    paused = await pause(client, contract_id, 9, None)
    ended = await end(client, paused["pause_id"])
    assert (ended.status_code, ended.json()["ends_on"], ended.json()["days_past_due"]) == (200, str(TODAY), 25)
    [event] = await published(given.database, ContractResumed)
    assert (event.ends_on, event.starts_on, event.days_past_due) == (TODAY, days_ago(9), 25)
    assert event.pause_version == event.version == (await given.row(contract_id))["version"]
    assert (await given.rows("SELECT version FROM pause"))[0]["version"] == event.version


async def test_ending_a_pause_earlier_counts_the_days_after_its_end_again(
    client: httpx.AsyncClient, given: Given
) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(35), "100.00"))
    paused = await pause(client, contract_id, 9, None)
    assert (await end(client, paused["pause_id"], days_ago(9))).json()["days_past_due"] == 34
    assert [event.to_stage for event in await published(given.database, ContractStageChanged)] == [
        Stage.EARLY,
        Stage.LATE,
    ]
    assert (await end(client, paused["pause_id"])).status_code == 409
    await pause(client, contract_id, 8, None)


async def test_a_pause_can_be_ended_without_a_body(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(35), "100.00"))
    paused = await pause(client, contract_id, 9, None)
    assert (await client.post(f"/v1/pauses/{paused['pause_id']}/end")).status_code == 200


async def test_a_pause_that_has_not_begun_is_called_off(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(35), "100.00"))
    paused = await pause(client, contract_id, -5, -10)
    ended = (await end(client, paused["pause_id"])).json()
    assert ended["ends_on"] == str(days_ago(-4))
    assert (await end(client, paused["pause_id"])).json()["type"].endswith("pause-ended")
    await pause(client, contract_id, -5, None)


async def test_an_end_outside_the_pause_is_refused(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(35), "100.00"))
    paused = await pause(client, contract_id, 9, -9)
    before = await given.everything()
    for day in (days_ago(11), days_ago(-10)):
        assert (await end(client, paused["pause_id"], day)).status_code == 422
    assert await given.everything() == before
    assert (await end(client, paused["pause_id"], days_ago(10))).json()["days_past_due"] == 35


async def test_a_closed_contract_is_not_paused(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(35), "100.00"))
    async with given.database.transaction() as tx:
        await tx.execute("UPDATE contract SET state = 'returned'")
    answer = await client.post(f"/v1/contracts/{contract_id}/pauses", json=span(0, None))
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:recobro:problem:contract-closed")


async def test_of_equal_pauses_at_once_one_is_accepted(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(35), "100.00"))
    address = f"/v1/contracts/{contract_id}/pauses"
    answers = await asyncio.gather(*(client.post(address, json=span(9, 2)) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


async def test_a_payment_and_a_pause_at_once_both_count(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"), (days_ago(20), "50.00"))
    paid = {"amount": "100.00", "paid_on": str(TODAY), "channel": "spei"}
    answers = await asyncio.gather(
        client.post(f"/v1/contracts/{contract_id}/payments", json=paid),
        client.post(f"/v1/contracts/{contract_id}/pauses", json=span(9, 0)),
    )
    assert [answer.status_code for answer in answers] == [201, 201]
    row = await given.row(contract_id)
    assert (row["days_past_due"], row["overdue_balance"], row["stage"]) == (10, Decimal("50.00"), "early")


@pytest.mark.parametrize(
    "body",
    [
        {},
        span(5, 6),
        span(5, 4) | {"reason": ""},
        span(5, 4) | {"starts_on": "2026-02-30"},
        span(5, 4) | {"starts_on": "31/01/2026"},
        span(5, 4) | {"starts_on": "0000-01-01"},
        span(5, 4) | {"ends_on": "9999-01-01"},
        span(5, 4) | {"ends_on": 20260101},
        span(5, 4) | {"version": 3},
        span(5, 4) | {"reason": "\u2066"},
    ],
    ids=str,
)
async def test_a_bad_pause_is_refused_and_changes_nothing(client: httpx.AsyncClient, given: Given, body: Any) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(35), "100.00"))
    before = await given.everything()
    assert (await client.post(f"/v1/contracts/{contract_id}/pauses", json=body)).status_code == 422
    assert await given.everything() == before


async def test_an_unknown_contract_or_pause_is_404(client: httpx.AsyncClient) -> None:
    assert (await client.post(f"/v1/contracts/{uuid4()}/pauses", json=span(5, 4))).status_code == 404
    assert (await end(client, str(uuid4()))).status_code == 404


async def test_a_pause_ahead_delays_the_next_change_of_stage(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(20), "100.00"))
    await pause(client, contract_id, -5, -8)
    shown = (await client.get(f"/v1/contracts/{contract_id}")).json()
    assert shown["next_stage_on"] == str(TODAY + timedelta(days=15))
    assert shown["next_change_on"] == shown["next_stage_on"]
