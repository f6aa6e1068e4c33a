"""Whatever happens in which order: schedule, discount and what nobody asked for add up, to the cent."""

import asyncio
import json
import os
import random
import signal
import sys
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

import pytest
from agreement_scene import EVA, RECORDING, act, active, done, proposed, read, schedule
from promise_scene import DAY, Contract, Json, Scene, day
from promises.agreements.rules import Terms, discount_now
from promises.agreements.settling import settle_final
from promises.offers.schedules import Frequency, due_days, split
from promises.outcomes import deciding
from recobro_events.contracts.portfolio import PaymentReceived
from recobro_events.contracts.promises import AgreementKind, AgreementReached

SEQUENCES = int(os.environ.get("RECOBRO_MONEY_SEQUENCES", "500"))
"""Sequences of the tests without I/O. Of the one with a database there is one for each 250 of them, at least 3."""
SEED = os.environ.get("RECOBRO_MONEY_SEED", "20261130")
LAG_DAYS = 5
GRACE_DAYS = 2


def test_any_split_keeps_the_sum_and_its_last_part_takes_the_rest() -> None:
    chance = random.Random(f"{SEED}-split")
    for _ in range(SEQUENCES):
        total, count = Decimal(chance.randint(1, 10**9)) / 100, chance.randint(1, 60)
        first = Decimal(chance.randint(1, 10**9)) / 100 if chance.random() < 0.5 else None
        parts = split(total, count, first)
        if parts is None:
            enough = total - (first or 0) >= Decimal("0.01") * (count - (first is not None))
            assert not enough or (count == 1 and first is not None), (total, count, first)
            continue
        assert sum(parts) == total
        assert min(parts) > 0
        assert len(parts) == count
        assert parts[0] == (first or parts[0])
        equal = parts[1 if first else 0 : -1]
        assert len(set(equal)) <= 1
        assert not equal or parts[-1] - equal[0] < Decimal("0.01") * count


def test_due_days_are_computed_from_the_first_one() -> None:
    assert due_days(date(2027, 12, 31), 4, Frequency.MONTHLY) == [
        date(2027, 12, 31),
        date(2028, 1, 31),
        date(2028, 2, 29),
        date(2028, 3, 31),
    ]
    assert due_days(date(2026, 11, 30), 3, Frequency.FORTNIGHTLY)[-1] == date(2026, 12, 28)
    assert due_days(date(2026, 11, 30), 3, Frequency.WEEKLY)[-1] == date(2026, 12, 14)


def test_payments_and_discount_are_the_whole_debt_however_it_moves_before_it_is_agreed() -> None:
    chance = random.Random(f"{SEED}-discount")
    for _ in range(SEQUENCES):
        balance = Decimal(chance.randint(100, 10**8)) / 100
        total = (balance * chance.randint(1, 100) / 100).quantize(Decimal("0.01"))
        parts = split(total, chance.randint(1, 12)) or [total]
        kind = chance.choice([AgreementKind.SETTLEMENT, AgreementKind.RESTRUCTURE])
        discount = balance - sum(parts)
        terms = Terms(kind, tuple((DAY + timedelta(days=n), part) for n, part in enumerate(parts)), discount, balance)
        assert terms.settles_in_full
        now = balance + Decimal(chance.randint(-1000, 1000)) / 100
        given_up = discount_now(terms, now)
        if now < balance or (kind is AgreementKind.RESTRUCTURE and now != balance):
            assert given_up is None
        else:
            assert given_up is not None
            assert terms.total + given_up == now


class Paid(NamedTuple):
    paid_on: date
    amount: Decimal
    number: int


def plain(parts: Sequence[tuple[date, Decimal]], payments: Sequence[Paid], today: date) -> tuple[str, Decimal]:
    """A plain model: the agreement's state, and how much of the payments no instalment has taken."""
    left = {payment.number: payment.amount for payment in payments}
    lost, missing = False, False
    for due_on, amount in parts:
        paid = Decimal(0)
        for payment in sorted(payments):
            if payment.paid_on <= due_on + timedelta(days=GRACE_DAYS):
                taken = min(left[payment.number], amount - paid)
                left[payment.number] -= taken
                paid += taken
        missing = missing or paid < amount
        lost = lost or (paid < amount and today > due_on + timedelta(days=GRACE_DAYS))
    return "broken" if lost else "active" if missing else "fulfilled", sum(left.values(), Decimal(0))


@pytest.mark.parametrize("seed", range(max(3, SEQUENCES // 250)))
async def test_a_quarter_of_payments_reversals_and_dates_agrees_with_a_plain_model(scene: Scene, seed: int) -> None:
    chance = random.Random(f"{SEED}-{seed}")
    contract = await scene.registered(overdue=Decimal("1000.00"))
    count = chance.randint(1, 4)
    amounts = split(Decimal("700.00"), count)
    assert amounts is not None
    parts = [(day(5 + 14 * n), amount) for n, amount in enumerate(amounts)]
    body: Json = {"schedule": [{"due_on": str(due_on), "amount": str(amount)} for due_on, amount in parts]}
    agreement = await active(scene, contract, **body)
    today, payments = 0, dict[int, tuple[Paid, PaymentReceived]]()
    for number in range(24):
        match chance.choice(["pay", "pay", "reverse", "date"]):
            case "pay":
                paid_on = day(max(0, today - chance.randint(0, 3)))
                amount = Decimal(chance.randint(1, 30000)) / 100
                event = contract.paid(str(amount), paid_on=paid_on)
                payments[number] = (Paid(paid_on, amount, number), event)
                await scene.receives(event)
            case "reverse" if payments:
                await scene.receives(contract.payment_reversed(payments.pop(chance.choice(list(payments)))[1]))
            case _:
                today += chance.randint(1, 5)
                contract.change(as_of=day(today))
                await scene.receives(scene.business_date(today))
                await deciding.decide(scene.database)
        await settle_final(scene.database)
        now = await read(scene, agreement)
        known = [paid for paid, _ in payments.values()]
        state, left = plain(parts, known, day(today))
        assert now["state"] == state, (seed, number)
        assert now["total"] == "700.00"
        assert now["discount"] == "300.00"
        if state != "broken":
            counted = sum(Decimal(one["paid"]) for one in now["instalments"])
            assert counted + left == sum(paid.amount for paid in known)
        final = all(paid.paid_on + timedelta(days=LAG_DAYS) < day(today) for paid in known)
        assert (now["settled_on"] is not None) <= (state == "fulfilled")
        assert not (state == "fulfilled" and final) or now["settled_on"] is not None


async def test_what_was_paid_before_an_agreement_came_into_force_does_not_pay_it_too(scene: Scene) -> None:
    """The payment of the same day is off the balance already on which the settlement was agreed."""
    contract = await scene.registered()
    early = contract.paid("700.00", paid_on=day(0))
    await scene.receives(early)
    agreement = await active(scene, contract, schedule=schedule((5, "210.00")))
    assert (agreement["state"], agreement["discount"], agreement["instalments"][0]["paid"]) == (
        "active",
        "90.00",
        "0.00",
    )
    [reached] = await scene.published(AgreementReached)
    assert reached.paid_before == (early.payment_id,)
    await scene.receives(contract.paid("210.00", paid_on=day(0)))
    assert (await read(scene, agreement))["state"] == "fulfilled"


async def test_an_approval_and_a_payment_of_one_moment_are_one_after_the_other(scene: Scene) -> None:
    """The payment is being applied: the approval waits, and then finds another debt."""
    contract = await scene.registered()
    agreement = await proposed(scene, contract, schedule=schedule((5, "700.00")))
    async with scene.database.transaction() as tx:
        await tx.execute("SELECT FROM contract WHERE contract_id = $1 FOR UPDATE", contract.contract_id)
        approval = asyncio.create_task(act(scene, agreement, "approval"))
        await scene.blocked("FROM contract WHERE contract_id = ANY")
        await tx.execute(
            "UPDATE contract SET total_balance = 999, version = version + 1 WHERE contract_id = $1",
            contract.contract_id,
        )
    assert (await approval).status_code == 409
    assert (await read(scene, agreement))["state"] == "proposed"


async def test_two_approvals_of_one_moment_make_one_agreement(scene: Scene) -> None:
    contract = await scene.registered()
    agreement = await proposed(scene, contract, schedule=schedule((5, "700.00")))
    await done(scene, agreement, "acceptance", RECORDING)
    answers = await asyncio.gather(*(act(scene, agreement, "approval") for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
    assert len(await scene.rows("SELECT FROM agreement")) == 1
    assert len(await scene.rows("SELECT FROM promise")) == 1


_APPROVE = """
import asyncio, json, sys, uuid
from chassis.principals import Principal
from promises.agreements.deciding import approve
from recobro_events import Database

async def main(dsn, agreement_id):
    database = Database(dsn)
    await database.open()
    who = Principal("eva", frozenset({"role:supervisor"}), "t-1", role="operator")
    async with database.transaction() as tx:
        await approve(tx, who, uuid.UUID(agreement_id))

asyncio.run(main(*json.loads(sys.argv[1])))
"""


@pytest.mark.process
async def test_a_process_that_is_killed_while_it_approves_leaves_nothing_half_done(
    scene: Scene, migrated_dsn: str
) -> None:
    contract: Contract = await scene.registered()
    agreement = await proposed(scene, contract, schedule=schedule((5, "700.00")))
    waits = await done(scene, agreement, "acceptance", RECORDING)
    events = await scene.event_names()
    async with scene.database.transaction() as tx:
        # The agreement is written, and its promises are not.
        await tx.execute("LOCK TABLE promise IN SHARE MODE")
        arguments = json.dumps([migrated_dsn, agreement["agreement_id"]])
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", _APPROVE, arguments)
        await scene.blocked("INSERT INTO promise")
        process.send_signal(signal.SIGKILL)
        assert await process.wait() == -signal.SIGKILL
    assert await read(scene, agreement) == waits
    assert await scene.rows("SELECT FROM agreement") == []
    assert await scene.rows("SELECT FROM promise") == []
    assert await scene.event_names() == events
    assert (await done(scene, agreement, "approval", headers=EVA))["state"] == "active"
