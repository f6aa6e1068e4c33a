"""Concurrent transactions: capacities hold, no contract is placed twice, and conflicting transactions wait."""

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

import pytest
from assignment import handlers
from assignment.agencies import queries as agency_queries
from assignment.handlers import consumer
from assignment.placing import running
from placing_scene import DAY, Contract, Scene, blocked_on_a_lock, code_of
from projections.contracts import lock
from recobro_events import Event, Lane, Transaction, envelope_of
from recobro_events.contracts.assignment import ContractPlaced
from recobro_events.contracts.portfolio import ContractRegistered, Stage
from recobro_events.testing import apply_events, published, record_of


def received(contract: Contract) -> ContractRegistered:
    record = record_of(contract.registered())
    return ContractRegistered.received(record.value, envelope_of(record.headers))


@asynccontextmanager
async def registering(scene: Scene, *contracts: Contract) -> AsyncIterator[Transaction]:
    """Run a batch that has placed these contracts and has not committed yet."""
    events = [received(contract) for contract in contracts]
    async with scene.database.transaction("assignment.bulk") as tx:
        await handlers.lock_contracts(tx, events)
        await handlers.place_or_recall_whole(events, tx)
        yield tx


async def test_two_batches_that_place_at_once_do_not_overfill_an_agency(scene: Scene) -> None:
    """The second batch counts only after the first has committed, so it sees the first batch's placement."""
    small, large = await scene.agency("dialing", capacity=1), await scene.agency("dialing")
    rule_id = await scene.rule(small, kind="dialing", priority=1)
    await scene.rule(large, kind="dialing", priority=2)
    first, second = scene.contract(), scene.contract()
    async with registering(scene, first):
        other = asyncio.create_task(scene.receives(second.registered()))
        await blocked_on_a_lock(scene, "pg_advisory_xact_lock")
        assert not other.done()
    await other
    assert [(p["agency_id"], p["rule_id"]) for p in await scene.placements()] == [(small, rule_id)]


async def test_a_batch_that_rolls_back_leaves_its_place_free(scene: Scene) -> None:
    await scene.rule(await scene.agency("dialing", capacity=1))
    first, second = scene.contract(), scene.contract()
    waiting: list[asyncio.Task[None]] = []

    async def lost() -> None:
        async with registering(scene, first):
            waiting.append(asyncio.create_task(scene.receives(second.registered())))
            await blocked_on_a_lock(scene, "pg_advisory_xact_lock")
            raise LookupError

    with pytest.raises(LookupError):
        await lost()
    await waiting[0]
    assert [p["contract_id"] for p in await scene.placements()] == [str(second.contract_id)]


async def test_batches_do_not_wait_for_each_other_where_no_agency_has_a_capacity(scene: Scene) -> None:
    await scene.rule(await scene.agency("dialing"))
    async with registering(scene, scene.contract()):
        await asyncio.wait_for(scene.receives(scene.contract().registered()), 240)
    assert len(await scene.placements()) == 2


async def test_capacities_hold_under_many_batches_and_runs(scene: Scene) -> None:
    agencies = [await scene.agency("dialing", "visits", capacity=capacity) for capacity in (7, 11, 23)]
    await scene.rule(*agencies)
    await scene.rule(*reversed(agencies), kind="visits", stages=["late"])
    batches = [[scene.contract(stage=Stage.LATE) for _ in range(6)] for _ in range(10)]

    async def batch(contracts: list[Contract]) -> None:
        await apply_events(scene.database, consumer, *(contract.registered() for contract in contracts))

    await asyncio.gather(*(batch(contracts) for contracts in batches), scene.run(), scene.run())
    placements = await scene.placements()
    assert Counter(p["agency_id"] for p in placements) == dict(zip(agencies, (7, 11, 23), strict=True))
    assert len({(p["contract_id"], p["kind"]) for p in placements}) == len(placements)
    assert (await scene.run())["unplaced"] == 2 * 60 - 41


async def test_a_pending_recall_frees_a_place_of_the_agency(scene: Scene) -> None:
    """Only active placements count. An operator who reinstates a placement may exceed the capacity."""
    agency_id = await scene.agency("dialing", capacity=1)
    await scene.rule(agency_id)
    first, second = await scene.contracts(2)
    [placement] = await scene.placements()
    assert placement["contract_id"] == str(first.contract_id)
    path = f"/v1/placements/{placement['placement_id']}"
    await scene.post(f"{path}/recall", {"reason": "x"})
    assert (await scene.run())["placed"] == 1
    await scene.post(f"{path}/objection", {"reason": "x"})
    await scene.post(f"{path}/objection-decision", {"accepted": True, "reason": "x"})
    assert {p["contract_id"]: p["state"] for p in await scene.placements()} == {
        str(first.contract_id): "active",
        str(second.contract_id): "active",
    }


async def test_a_run_goes_through_all_contracts_in_chunks(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "CHUNK_CONTRACTS", 4)
    await scene.contracts(10)
    await scene.contracts(2, stage=Stage.LEGAL)
    await scene.rule(await scene.agency("dialing"), stages=["early"])
    first = await scene.run()
    assert (first["placed"], first["unplaced"]) == (10, 0)
    second = await scene.run()
    assert (second["placed"], second["recalled"], second["unplaced"]) == (0, 0, 0)
    assert len(await published(scene.database, ContractPlaced)) == 10


async def test_a_run_locks_only_the_contracts_that_it_changes(scene: Scene) -> None:
    """The run and the payment of a placed contract do not wait for each other."""
    await scene.rule(await scene.agency("dialing"))
    [settled] = await scene.contracts(1)
    await scene.rule(await scene.agency("visits"), kind="visits", stages=["late"])
    async with registering(scene, settled):
        outcome = await asyncio.wait_for(scene.run(), 240)
    assert outcome["placed"] == 0


async def test_concurrent_runs_share_the_work(scene: Scene) -> None:
    await scene.contracts(30)
    await scene.rule(await scene.agency("dialing"))
    outcomes = await asyncio.gather(*(scene.run() for _ in range(4)))
    assert sum(outcome["placed"] for outcome in outcomes) == 30
    assert len(await scene.placements()) == 30


async def test_a_run_waits_for_a_payment_of_the_same_contract(scene: Scene) -> None:
    """The run waits for the payment's lock, reads the contract again, and does not place a paid contract."""
    agency_id = await scene.agency("dialing")
    contract, other = await scene.contracts(2)
    await scene.rule(agency_id, min_overdue="100.00")
    record = record_of(contract.paid("1500.00"))
    payment = type(contract.paid("0.01")).received(record.value, envelope_of(record.headers))
    async with scene.database.transaction("assignment.events") as tx:
        await handlers.lock_contracts(tx, [payment])
        await handlers.earn_commissions([payment], tx)
        running = asyncio.create_task(scene.run())
        await blocked_on_a_lock(scene, "ORDER BY contract_id FOR UPDATE")
    assert (await running)["placed"] == 1
    assert [p["contract_id"] for p in await scene.placements()] == [str(other.contract_id)]


async def test_of_a_concurrent_acknowledgement_and_objection_one_is_refused(scene: Scene) -> None:
    _, _, placement = await scene.placed()
    path = f"/v1/placements/{placement['placement_id']}"
    await scene.post(f"{path}/recall", {"reason": "x"})
    answers = await asyncio.gather(
        scene.client.post(f"{path}/acknowledgement", json={}),
        scene.client.post(f"{path}/objection", json={"reason": "x"}),
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert (await scene.the_placement())["version"] == 3


async def test_concurrent_service_contracts_do_not_overlap(scene: Scene) -> None:
    agency_id = await scene.agency()
    body = {"kinds": ["dialing"], "starts_on": "2026-01-01", "recall_grace_days": 0}
    values = (UUID(agency_id), ["dialing"], DAY, None, None, 0, 0)
    async with scene.database.transaction() as tx:
        await tx.execute(agency_queries.LOCK_AGENCY, UUID(agency_id))
        await tx.execute(agency_queries.CREATE_SERVICE_CONTRACT, *values)
        asking = asyncio.create_task(scene.client.post(f"/v1/agencies/{agency_id}/service-contracts", json=body))
        await blocked_on_a_lock(scene, "agency_id = $1 FOR UPDATE")
    answer = await asking
    assert (answer.status_code, code_of(answer)) == (409, "service-contracts-overlap")


async def test_a_portfolios_new_day_and_a_batch_of_its_contracts_lock_in_the_same_order(scene: Scene) -> None:
    """Both lock contracts in the order of their ids, so no deadlock occurs."""
    agency_id = await scene.agency("dialing", ends_on=str(DAY))
    await scene.rule(agency_id)
    contracts = await scene.contracts(12)
    for round_ in range(1, 6):
        moved = scene.portfolio_state(scene.portfolio_id, business_date=DAY + timedelta(days=round_))
        facts: list[Event] = [contract.revised() for contract in reversed(contracts)]
        await asyncio.gather(scene.receives(moved, facts[round_]), scene.receives(*facts[6:]), scene.run())
    assert {p["state"] for p in await scene.placements()} == {"ended"}
    assert len(await scene.placements()) == 12


async def test_a_portfolios_new_day_waits_for_the_lock_of_a_due_contract(scene: Scene) -> None:
    contract, _, _ = await scene.placed(ends_on=str(DAY))
    async with scene.database.transaction() as tx:
        await lock(tx, [contract.contract_id])
        moving = asyncio.create_task(scene.day(DAY + timedelta(days=1)))
        await blocked_on_a_lock(scene, "INSERT INTO contract")
    await moving
    assert (await scene.the_placement())["state"] == "ended"


async def test_a_commit_wakes_the_relay_of_every_lane_that_it_wrote(scene: Scene) -> None:
    """A relay sleeps until a commit reports that it wrote to the relay's lane. A commission may wait, a recall not."""
    fees = [{"kind": "dialing", "from_days": 0, "percent": "10"}]
    await scene.rule(await scene.agency("dialing", fees=fees), min_overdue="100.00")
    written: list[Mapping[Lane, bool]] = []
    scene.database.on_outbox(written.append)
    contract = scene.contract()
    await scene.receives(contract.registered())
    await scene.receives(contract.paid("10.00"))
    await scene.receives(contract.paid("1490.00"))
    assert written == [
        {Lane.BULK: True, Lane.AGENCIES: True},
        {Lane.EVENTS: False, Lane.AGENCIES: True},
        {Lane.EVENTS: True, Lane.AGENCIES: True},
    ]


async def test_a_contract_of_an_unknown_portfolio_is_placed_on_the_day_of_its_position(scene: Scene) -> None:
    await scene.rule(await scene.agency("dialing"))
    await scene.contracts(1, portfolio_id=uuid.uuid4(), as_of=DAY + timedelta(days=4))
    assert (await scene.the_placement())["starts_on"] == str(DAY + timedelta(days=4))
