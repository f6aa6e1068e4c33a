"""Random facts about a contract end the same in whichever order they arrive."""

import random
import uuid
from collections.abc import Sequence
from decimal import Decimal

import pytest
from promise_scene import Contract, Scene, day
from promises.outcomes import deciding
from recobro_events import Event

ORDERS = 3


def random_facts(chance: random.Random, contract: Contract) -> list[Event]:
    """Return payments of the bank and of files, reversals, and files' payments that the bank's word replaces."""
    facts: list[Event] = []
    for _ in range(chance.randint(2, 5)):
        amount, on = Decimal(chance.choice([40, 100, 150])), day(chance.randint(-1, 30))
        match chance.choice(["bank", "bounced", "file", "replaced"]):
            case "bank":
                facts.append(contract.paid(f"{amount}", paid_on=on))
            case "bounced":
                payment = contract.paid(f"{amount}", paid_on=on)
                facts += [payment, contract.payment_reversed(payment)]
            case "file":
                facts.append(contract.paid_by_file(f"{amount}", paid_on=on))
            case "replaced":
                stated = contract.paid_by_file(f"{amount}", paid_on=on)
                facts += [stated, contract.payment_reversed(stated.file_payments[0], reason="identified")]
                facts += [contract.paid("30.00", paid_on=on), contract.paid(f"{amount - 30}", paid_on=on)]
    return facts


async def outcome(scene: Scene, seed: int, order: int) -> Sequence[tuple[str, ...]]:
    """Return the states of two promises and a plan after the facts of this seed, in one of their orders."""
    portfolio_id = uuid.uuid4()
    await scene.receives(scene.business_date(0, portfolio_id))
    contract = await scene.registered(portfolio_id=portfolio_id, overdue=Decimal(5000))
    for due in (3, 12):
        await scene.promise(contract, "100.00", due)
    plan = await scene.plan(contract, (4, "100.00"), (14, "50.00"), (25, "100.00"))
    facts = random_facts(random.Random(seed), contract)
    facts += [scene.business_date(n, portfolio_id) for n in (7, 16, 22)]
    random.Random(order).shuffle(facts)
    for fact in facts:
        await scene.receives(fact)
        await deciding.decide(scene.database)
    rows = await scene.rows(
        "SELECT state, paid, coalesce(cancellation_reason, '') AS why FROM promise WHERE contract_id = $1"
        " ORDER BY due_on",
        contract.contract_id,
    )
    state, _ = await scene.plan_states(plan)
    return [(state,), *((row["state"], str(row["paid"]), row["why"]) for row in rows)]


@pytest.mark.parametrize("seed", range(15))
async def test_random_facts_end_the_same_in_every_order(scene: Scene, seed: int) -> None:
    first, *others = [await outcome(scene, seed, order) for order in range(ORDERS)]
    assert others == [first] * (ORDERS - 1)
