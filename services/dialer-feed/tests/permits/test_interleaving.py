"""Permits at the worst moment: beside another question, a payment, a withdrawal, and a process that dies."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from chassis import Principal
from dialer_feed.permits import asking
from dialer_feed.permits.asking import Question, Rules
from dialer_feed.withdrawals.silencing import silencing
from dialer_feed.withdrawals.withdrawing import Cause
from dialing_scene import Contract, Scene, blocked_on_a_lock
from permit_requests import clock, granted, listed, question, refused
from projections import payments
from recobro_events import Transaction
from recobro_events.contracts.dialer_feed import WithdrawalReason

__all__ = ["clock"]
pytestmark = pytest.mark.usefixtures("clock")
OPERATOR = Principal("test", frozenset(), "1", role="operator")
RULES = Rules(life=timedelta(seconds=15), most_age=timedelta(seconds=30), is_stopped=False)


@asynccontextmanager
async def held(scene: Scene, work: Callable[[Transaction], Awaitable[None]]) -> AsyncIterator[asyncio.Event]:
    """Do ``work`` in a transaction that stays open until the yielded event is set, or the block ends."""
    begun, release = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with scene.database.transaction() as tx:
            await work(tx)
            begun.set()
            await release.wait()

    task = asyncio.create_task(hold())
    try:
        async with asyncio.timeout(240):
            await asyncio.wait({task, asyncio.ensure_future(begun.wait())}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            await task
        yield release
    finally:
        release.set()
        await task


@pytest.mark.parametrize("asked_before", [0, 1])
async def test_two_who_ask_at_once_never_pass_the_cap_of_a_person(
    scene: Scene, client: httpx.AsyncClient, asked_before: int
) -> None:
    """Whoever asks first of a person writes the row that both lock; later it is there already."""
    campaign_id = await scene.campaign(max_attempts_per_7_days=1 + asked_before)
    one, two = await scene.contracts(2, debtor_id=uuid.uuid4())
    await scene.hears()
    for _ in range(asked_before):
        await granted(client, question(two, campaign_id=campaign_id))
    first = Question(**question(one, campaign_id=campaign_id))

    async def ask(tx: Transaction) -> None:
        await asking.ask(tx, [first], OPERATOR, RULES)

    async with held(scene, ask) as release:
        second = asyncio.create_task(client.post("/v1/permits", json=question(two, campaign_id=campaign_id)))
        await blocked_on_a_lock(scene, "person_turn")
        release.set()
        answer = await second
    assert (answer.status_code, answer.json()["reason"]) == (409, "frequency")


async def test_two_who_ask_first_of_a_person_wait_for_each_other_too(scene: Scene, client: httpx.AsyncClient) -> None:
    """Nobody has asked about the person before, so there is no row yet that both could lock."""
    campaign_id = await scene.campaign(max_attempts_per_7_days=1)
    [contract] = await scene.contracts(1)
    await scene.hears()
    asked = question(contract, campaign_id=campaign_id)
    answers = await asyncio.gather(*(client.post("/v1/permits", json=asked) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 5]


async def test_whoever_dies_while_asking_leaves_no_permit_and_no_lock(scene: Scene, client: httpx.AsyncClient) -> None:
    campaign_id = await scene.campaign(max_attempts_per_7_days=1)
    [contract] = await scene.contracts(1)
    await scene.hears()
    asked = question(contract, campaign_id=campaign_id)

    async def ask_and_die(tx: Transaction) -> None:
        await asking.ask(tx, [Question(**asked)], OPERATOR, RULES)
        pid = await tx.fetchval("SELECT pg_backend_pid()")
        await scene.rows("SELECT pg_terminate_backend($1, 5000)", pid)

    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, ConnectionError)):
        async with held(scene, ask_and_die):
            pass
    await granted(client, asked)
    assert len(await scene.rows("SELECT FROM permit")) == 1


def _paying(contract: Contract, _list_id: uuid.UUID) -> Callable[[Transaction], Awaitable[None]]:
    async def pay(tx: Transaction) -> None:
        async with silencing(tx, [contract.contract_id]) as lists:
            await payments.keep(tx, [contract.paid()])
            cause = Cause(contract.contract_id, WithdrawalReason.PAYMENT, None, datetime.now(UTC))
            await lists.withdraw([cause])

    return pay


def _withdrawing(contract: Contract, list_id: uuid.UUID) -> Callable[[Transaction], Awaitable[None]]:
    async def withdraw(tx: Transaction) -> None:
        async with silencing(tx, [contract.contract_id]) as lists:
            cause = Cause(contract.contract_id, WithdrawalReason.OTHER, None, datetime.now(UTC))
            await lists.withdraw_from(list_id, [cause], elsewhere=False)

    return withdraw


@pytest.mark.parametrize(("happens", "reason"), [(_paying, "payment"), (_withdrawing, "other")])
async def test_a_permit_waits_for_a_silence_in_flight_and_then_sees_it(
    scene: Scene, client: httpx.AsyncClient, happens: Any, reason: str
) -> None:
    list_id, contract = await listed(scene)
    await granted(client, question(contract, list_id=list_id))
    async with held(scene, happens(contract, list_id)) as release:
        asked = asyncio.create_task(client.post("/v1/permits", json=question(contract, list_id=list_id)))
        await blocked_on_a_lock(scene, "FOR SHARE OF contract")
        release.set()
        answer = await asked
    assert (answer.status_code, answer.json()["reason"]) == (409, reason)


async def test_a_payment_waits_for_a_question_and_the_next_one_is_refused(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    list_id, contract = await listed(scene)
    asked = question(contract, list_id=list_id)

    async def ask(tx: Transaction) -> None:
        [answer] = await asking.ask(tx, [Question(**asked)], OPERATOR, RULES)
        assert isinstance(answer, asking.Permit)

    async with held(scene, ask) as release:
        paying = asyncio.create_task(scene.receives(contract.paid()))
        await blocked_on_a_lock(scene, "INSERT INTO contract AS known")
        release.set()
        await paying
    assert await refused(client, asked) == "payment"


async def test_a_person_who_changes_while_the_question_waits_is_not_guessed(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    [contract] = await scene.contracts(1)
    await scene.hears()

    async def relink(tx: Transaction) -> None:
        await tx.execute(
            "UPDATE contract SET person_id = $2 WHERE contract_id = $1", contract.contract_id, uuid.uuid4()
        )

    asked = question(contract, campaign_id=scene.campaign_id)
    await granted(client, asked)
    async with held(scene, relink) as release:
        task = asyncio.create_task(client.post("/v1/permits", json=asked))
        await blocked_on_a_lock(scene, "FOR SHARE OF contract")
        release.set()
        answer = await task
    assert answer.json()["reason"] == "stale"
    await granted(client, asked)


async def test_questions_about_the_same_people_in_any_order_wait_and_never_deadlock(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    campaign_id = await scene.campaign(max_attempts_per_7_days=3)
    contracts = await scene.contracts(6)
    await scene.hears()
    asked = [question(contract, campaign_id=campaign_id) for contract in contracts]
    batches = [asked, asked[::-1], asked[3:] + asked[:3], asked[::-1]]
    answers = await asyncio.gather(*(client.post("/v1/permits/batch", json=batch) for batch in batches))
    assert [answer.status_code for answer in answers] == [200] * 4
    permits = [item["permit"] for answer in answers for item in answer.json()["items"]]
    assert sum(permit is not None for permit in permits) == 3 * len(contracts)
