"""Acknowledgements of dialers, and the report on withdrawals."""

import asyncio

import httpx
from dialer_feed.withdrawals.acknowledging import acknowledge
from dialing_scene import Scene, blocked_on_a_lock
from recobro_events.contracts.dialer_feed import (
    WithdrawalAcknowledged,
)
from recobro_events.testing import published


async def test_each_withdrawal_is_acknowledged_once_per_dialer(scene: Scene, client: httpx.AsyncClient) -> None:
    contracts = await scene.contracts(3)
    list_id = await scene.built()
    for contract in contracts:
        await scene.receives(contract.paid())

    async def up_to(cursor: int) -> httpx.Response:
        return await client.post(f"/v1/lists/{list_id}/acknowledgements", json={"cursor": base + cursor})

    base = await scene.base(list_id)
    answer = await up_to(2)
    assert (answer.status_code, answer.json()["cursor"], answer.json()["newly_acknowledged"]) == (200, base + 2, 2)
    assert (await up_to(1)).json()["newly_acknowledged"] == 0
    assert (await up_to(3)).json()["newly_acknowledged"] == 1
    beyond = await up_to(4)
    assert (beyond.status_code, beyond.json()["type"]) == (422, "urn:recobro:problem:cursor-beyond-last")
    assert beyond.json()["last"] == base + 3
    for cursor, status in ((0, 200), (base, 200), (base - 1, 422), (3, 422)):
        answer = await client.post(f"/v1/lists/{list_id}/acknowledgements", json={"cursor": cursor})
        assert (answer.status_code, status == 422) == (status, answer.json().get("type", "").endswith("another-list"))
    events = await published(scene.database, WithdrawalAcknowledged)
    assert [(event.contract_id, event.dialer_id) for event in events] == [(c.contract_id, "test") for c in contracts]


async def test_two_concurrent_acknowledgements_are_published_once(scene: Scene) -> None:
    contracts = await scene.contracts(2)
    list_id = await scene.built()
    await scene.receives(*(contract.paid() for contract in contracts))

    last = await scene.base(list_id) + 2

    async def again() -> int:
        async with scene.database.transaction() as tx:
            return (await acknowledge(tx, list_id, "dialer", last)).newly_acknowledged

    async with scene.database.transaction() as tx:
        assert (await acknowledge(tx, list_id, "dialer", last)).newly_acknowledged == 2
        repeating = asyncio.create_task(again())
        await blocked_on_a_lock(scene, "FROM contract WHERE contract_id = ANY")
    assert await repeating == 0
    assert len(await published(scene.database, WithdrawalAcknowledged)) == 2


async def test_the_report_measures_the_time_to_the_list_and_to_each_dialer(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    contracts = await scene.contracts(4)
    list_id = await scene.built()
    path = f"/v1/withdrawal-report?list_id={list_id}"
    empty = {"p50": None, "p95": None, "p99": None, "max": None}
    none_yet = (await client.get(path)).json()
    assert (none_yet["withdrawn"], none_yet["seconds_to_list"]) == (0, empty)
    for contract in contracts:
        await scene.receives(contract.paid())
    await client.post(f"/v1/lists/{list_id}/acknowledgements", json={"cursor": await scene.base(list_id) + 3})
    await scene.execute(
        "UPDATE list_entry SET caused_at = '2026-01-01T00:00:00Z', withdrawn_at = '2026-01-01T00:00:00Z'::timestamptz"
        " + (cursor % 10000000) * interval '0.25 second'"
    )
    await scene.execute("UPDATE acknowledgement SET acknowledged_at = '2026-01-01T00:00:05Z'")
    report = (await client.get(path)).json()
    assert report["withdrawn"] == 4
    assert report["seconds_to_list"] == {"p50": 0.5, "p95": 1.0, "p99": 1.0, "max": 1.0}
    assert report["seconds_to_acknowledgement"] == {"p50": 5.0, "p95": 5.0, "p99": 5.0, "max": 5.0}
