"""Deadlines of clarifications: published once when near, once when passed, by the business date."""

import asyncio
from datetime import date
from typing import Any
from uuid import UUID, uuid5

import pytest
from portfolio.stages import daily_run, deadlines
from recobro_events.contracts.portfolio import ClarificationDeadlineNear, ClarificationDeadlinePassed
from recobro_events.testing import published
from service_client import ServiceClient, row

OPENED, NEAR, LAST, AFTER = "2026-02-01", "2026-02-26", "2026-03-03", "2026-03-04"


async def a_dispute(service: ServiceClient, numbers: tuple[str, ...] = ("C-1",)) -> tuple[UUID, list[dict[str, Any]]]:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, *(row(number, due_date="2026-01-01") for number in numbers), as_of=OPENED)
    return portfolio_id, [await dispute(service, portfolio_id, number) for number in numbers]


async def dispute(service: ServiceClient, portfolio_id: UUID, number: str, reason: str = "amount") -> dict[str, Any]:
    answer = await service.client.post(
        f"/v1/contracts/{uuid5(portfolio_id, number)}/clarifications", json={"reason": reason, "opened_by": "debtor"}
    )
    assert (answer.status_code, answer.json()["deadline_on"]) == (201, LAST)
    return answer.json()  # type: ignore[no-any-return]


async def published_deadlines(
    service: ServiceClient,
) -> tuple[list[ClarificationDeadlineNear], list[ClarificationDeadlinePassed]]:
    return (
        await published(service.database, ClarificationDeadlineNear),
        await published(service.database, ClarificationDeadlinePassed),
    )


async def test_a_deadline_is_published_once_when_it_is_near_and_once_when_it_has_passed(service: ServiceClient) -> None:
    portfolio_id, [opened] = await a_dispute(service)
    await service.stage("2026-02-25", portfolio_id)
    assert await published_deadlines(service) == ([], [])
    for day in (NEAR, "2026-02-27", LAST):
        await service.stage(day, portfolio_id)
        near, passed = await published_deadlines(service)
        assert ([str(event.clarification_id) for event in near], passed) == ([opened["clarification_id"]], [])
    assert (near[0].as_of, near[0].deadline_on) == (date(2026, 2, 26), date(2026, 3, 3))
    for day in (AFTER, "2026-03-05", "2026-04-20"):
        await service.stage(day, portfolio_id)
        near, passed = await published_deadlines(service)
        assert (len(near), [str(event.clarification_id) for event in passed]) == (1, [opened["clarification_id"]])
    assert (passed[0].as_of, passed[0].version > near[0].version) == (date(2026, 3, 4), True)
    lines = [line["kind"] for line in await service.history(portfolio_id, "C-1")]
    assert [kind for kind in lines if "deadline" in kind] == [
        "clarification_deadline_near",
        "clarification_deadline_passed",
    ]


@pytest.mark.parametrize("by_file", [False, True])
async def test_a_run_over_many_days_tells_each_deadline_on_its_day(service: ServiceClient, by_file: bool) -> None:
    portfolio_id, _ = await a_dispute(service)
    if by_file:
        await service.load(portfolio_id, row(due_date="2026-01-01"), as_of="2026-04-20")
    else:
        await service.stage("2026-04-20", portfolio_id)
    near, passed = await published_deadlines(service)
    assert [event.as_of for event in (*near, *passed)] == [date(2026, 2, 26), date(2026, 3, 4)]


async def test_a_resolved_clarification_has_no_deadline_any_more(service: ServiceClient) -> None:
    portfolio_id, opened = await a_dispute(service, ("C-1", "C-2"))
    await service.stage(NEAR, portfolio_id)
    address = f"/v1/clarifications/{opened[0]['clarification_id']}/resolution"
    assert (await service.client.post(address, json={"outcome": "withdrawn"})).status_code == 201
    await service.stage(AFTER, portfolio_id)
    near, passed = await published_deadlines(service)
    assert (len(near), [str(event.clarification_id) for event in passed]) == (2, [opened[1]["clarification_id"]])


async def test_many_deadlines_of_one_day_are_told_in_chunks_and_by_two_runs_at_once_only_once(
    service: ServiceClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadlines, "CHUNK_CONTRACTS", 2)
    numbers = tuple(f"C-{n}" for n in range(5))
    portfolio_id, _ = await a_dispute(service, numbers)
    again = [await dispute(service, portfolio_id, number, "identity") for number in numbers[:2]]
    await asyncio.gather(*(daily_run.advance(service.database, portfolio_id, date(2026, 2, 26)) for _ in range(3)))
    near, _ = await published_deadlines(service)
    assert len(near) == len({event.clarification_id for event in near}) == len(numbers) + len(again)
    by_contract: dict[UUID, list[int]] = {}
    for event in near:
        by_contract.setdefault(event.contract_id, []).append(event.version)
    assert all(len(versions) == len(set(versions)) for versions in by_contract.values())


async def test_a_clarification_of_before_the_columns_is_told_on_its_last_day(service: ServiceClient) -> None:
    portfolio_id, _ = await a_dispute(service)
    await service.rows("UPDATE clarification SET near_on = NULL")
    await service.stage(LAST, portfolio_id)
    assert [len(events) for events in await published_deadlines(service)] == [1, 0]
