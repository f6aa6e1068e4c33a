"""Concurrent changes of one contract: one side waits in its open transaction while the other side runs."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from promise_scene import Contract, Placement, Scene, code_of, day
from promises.handlers import consumer
from promises.outcomes import deciding
from recobro_events import Event, Transaction
from recobro_events.contracts.portfolio import Stage
from recobro_events.testing import apply, handled, record_of, together

# A batch locks the rows of its contracts with the statement that inserts the missing ones.
BATCH_WAITS = "INSERT INTO contract"
LOCK_WAITS = "FROM contract WHERE contract_id = ANY ($1::uuid[]) ORDER BY contract_id FOR UPDATE"


@asynccontextmanager
async def applied(scene: Scene, *events: Event) -> AsyncIterator[Transaction]:
    """Apply these events in a transaction that commits when the block ends."""
    name = "promises.events"
    async with scene.database.transaction(name) as tx:
        wanted = await handled(consumer, name, [record_of(event) for event in events])
        await apply(tx, consumer, name, wanted, {delivery.event_id for delivery in wanted}, together)
        yield tx


@asynccontextmanager
async def written(scene: Scene, contract: Contract, due: int) -> AsyncIterator[None]:
    """Write a promise in a transaction that commits when the block ends."""
    async with scene.database.transaction() as tx:
        await tx.execute("SELECT FROM contract WHERE contract_id = $1 FOR UPDATE", contract.contract_id)
        await tx.execute(
            """
            INSERT INTO promise
                (contract_id, portfolio_id, amount, currency, made_on, made_in, due_on, silent_until)
            VALUES ($1, $2, 100, 'MXN', $3, 'call', $4, $5)
            """,
            contract.contract_id,
            contract.portfolio_id,
            day(0),
            day(due),
            day(due + 2),
        )
        yield


async def states(scene: Scene) -> list[str]:
    return [row["state"] for row in await scene.rows("SELECT state FROM promise ORDER BY promise_id")]


async def test_a_promise_waits_for_a_payment_that_is_being_applied_and_counts_it(scene: Scene) -> None:
    contract = await scene.registered()
    async with applied(scene, contract.paid("600.00")):
        request = asyncio.create_task(scene.request_promise(contract, "400.00"))
        too_much = asyncio.create_task(scene.request_promise(contract, "400.01", due=6))
        await scene.blocked(LOCK_WAITS)
        assert not request.done()
    assert (await request).json()["state"] == "kept"
    assert (await too_much).status_code == 422, "the balance after the payment decides"


async def test_a_payment_waits_for_a_promise_that_is_being_made_and_keeps_it(scene: Scene) -> None:
    contract = await scene.registered()
    async with written(scene, contract, due=5):
        payment = asyncio.create_task(scene.receives(contract.paid("100.00", paid_on=day(1))))
        await scene.blocked(BATCH_WAITS)
    await payment
    assert await states(scene) == ["kept"]
    assert await scene.event_names() == ["PromiseKept"]


async def test_a_promise_made_while_the_business_date_moves_is_decided_too(scene: Scene) -> None:
    contract = await scene.registered()
    async with written(scene, contract, due=5):
        await scene.move_business_date(8)
    assert await states(scene) == ["open"]
    await deciding.decide(scene.database)
    assert await states(scene) == ["broken"]


async def test_a_promise_requested_while_the_business_date_moves_is_checked_against_the_new_date(scene: Scene) -> None:
    contract = await scene.registered()
    async with applied(scene, scene.business_date(8), contract.staged(Stage.LATE)):
        request = asyncio.create_task(scene.request_promise(contract, due=5))
        await scene.blocked(LOCK_WAITS)
    assert (await request).status_code == 422


async def test_deciding_waits_for_a_payment_that_is_being_applied(scene: Scene) -> None:
    contract, other = await scene.registered(), await scene.registered()
    promise, missed = await scene.promise(contract), await scene.promise(other)
    async with applied(scene, contract.paid("100.00", paid_on=day(7))):
        moved = asyncio.create_task(scene.move_business_date(8))
        await scene.blocked(LOCK_WAITS)
        assert not moved.done()
    await moved
    assert await scene.state(promise) == ("kept", "100.00")
    assert await scene.state(missed) == ("broken", "0.00")
    assert sorted(await scene.event_names()) == ["PromiseBroken", "PromiseKept", "PromiseMade", "PromiseMade"]


async def test_a_reversal_is_judged_on_the_day_that_has_been_decided(scene: Scene) -> None:
    """The reversal waits for the deciding transaction, and is then judged on that day, not on an older one."""
    contract = await scene.registered()
    kept, lost = await scene.promise(contract), await scene.promise(contract, due=4)
    payment = contract.paid("200.00")
    await scene.receives(payment)
    async with applied(scene, scene.business_date(8), contract.disputed()):
        reversal = asyncio.create_task(scene.receives(contract.payment_reversed(payment)))
        await scene.blocked(BATCH_WAITS)
    await reversal
    assert [(await scene.state(promise))[0] for promise in (kept, lost)] == ["broken", "broken"]
    assert "PromiseReopened" not in await scene.event_names()


async def test_of_several_cancellations_at_once_one_succeeds(scene: Scene) -> None:
    contract = await scene.registered()
    promise = await scene.promise(contract)
    path = f"/v1/promises/{promise['promise_id']}/cancellation"
    answers = await asyncio.gather(*(scene.client.post(path, json={"reason": "x"}) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert (await scene.event_names()).count("PromiseCancelled") == 1


async def test_a_cancellation_that_waited_for_a_payment_in_full_is_refused(scene: Scene) -> None:
    contract = await scene.registered()
    promise = await scene.promise(contract)
    async with applied(scene, contract.paid("100.00")):
        path = f"/v1/promises/{promise['promise_id']}/cancellation"
        request = asyncio.create_task(scene.client.post(path, json={"reason": "x"}))
        await scene.blocked(LOCK_WAITS)
    answer = await request
    assert (answer.status_code, code_of(answer)) == (409, "promise-not-open")
    assert (await scene.state(promise))[0] == "kept"


async def test_of_several_promises_or_plans_at_once_one_is_made(scene: Scene) -> None:
    contract = await scene.registered()
    answers = await asyncio.gather(*(scene.request_promise(contract) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    plans = await asyncio.gather(*(scene.request_plan(contract, (6, "1.00"), (7, "1.00")) for _ in range(4)))
    assert sorted(answer.status_code for answer in plans) == [201, 409, 409, 409]


async def test_an_agency_whose_recall_is_being_applied_takes_no_promise(scene: Scene) -> None:
    contract, agency_id = await scene.registered(), uuid.uuid4()
    placement = Placement(contract.contract_id, agency_id)
    await scene.receives(placement.placed())
    async with applied(scene, placement.recall_requested()):
        request = asyncio.create_task(scene.request_promise(contract, headers=scene.agency(agency_id)))
        await scene.blocked(LOCK_WAITS)
    assert (await request).status_code == 404
    assert await scene.event_names() == []


async def test_concurrent_checks_and_payments_leave_the_promises_kept(scene: Scene) -> None:
    contracts = [await scene.registered() for _ in range(10)]
    for contract in contracts:
        await scene.promise(contract)
    await asyncio.gather(
        scene.run_check(8),
        scene.run_check(8),
        *(scene.receives(contract.paid("100.00", paid_on=day(5))) for contract in contracts),
    )
    assert await states(scene) == ["kept"] * 10


async def test_a_batch_that_fails_changes_nothing(scene: Scene) -> None:
    contract = await scene.registered()
    promise = await scene.promise(contract)
    try:
        async with applied(scene, contract.paid("100.00")):
            raise RuntimeError("the process is about to die")
    except RuntimeError:
        pass
    assert await scene.state(promise) == ("open", "0.00")
    assert await scene.rows("SELECT FROM payment") == []
    assert await scene.event_names() == ["PromiseMade"]
