"""Every promise is said again as it stands; payments that were missed come with the whole contract."""

import json

import pytest
from promise_scene import Contract, Json, Scene, day
from promises import republishing
from recobro_events.contracts.portfolio import ContractRevised, KnownPayment, PaymentReceived
from recobro_events.contracts.promises import (
    PromiseBroken,
    PromiseCancelled,
    PromiseKept,
    PromiseMade,
    PromisePartlyKept,
    PromiseReopened,
)
from test_promise_events import ledger

EPOCH = 1 << 40
_SAID_AGAIN = "SELECT type, body, audience FROM outbox_events WHERE audience IS NOT NULL ORDER BY id"


async def say_again(scene: Scene) -> list[str]:
    """Everything; how far each chunk has come."""
    chunks = [""]
    while True:
        async with scene.database.transaction(bulk=True) as tx:
            tx.audience = "dialer-feed"
            after = await republishing.republish(tx, chunks[-1])
        if after is None:
            return chunks[1:]
        chunks.append(after)


async def said(scene: Scene) -> dict[str, list[tuple[str, Json]]]:
    """What was said again of each promise, in order: type and body."""
    told: dict[str, list[tuple[str, Json]]] = {}
    for row in await scene.rows(_SAID_AGAIN):
        assert row["audience"] == "dialer-feed"
        body: Json = json.loads(row["body"])
        told.setdefault(body["promise_id"], []).append((row["type"], body))
    return told


async def promises_in_every_state(scene: Scene) -> dict[str, Json]:
    """One for each state, and a plan that was called off; by what they are when day 8 has come."""
    contracts = {name: await scene.registered() for name in ("kept", "partly kept", "broken")}
    made = {name: await scene.promise(contract, due=1) for name, contract in contracts.items()}
    contracts |= {name: await scene.registered() for name in ("open", "partly paid", "reopened", "cancelled")}
    for name in ("open", "partly paid", "reopened", "cancelled"):
        made[name] = await scene.promise(contracts[name], due=30)
    # One of them has two promises: a chunk is of contracts, whatever is promised on each.
    made["open too"] = await scene.promise(contracts["open"], due=31, made_in="visit")
    plan = await scene.plan(await scene.registered(), (20, "100.00"), (40, "200.00"))
    await scene.client.post(f"/v1/agreements/{plan['agreement_id']}/cancellation", json={"reason": "too much"})
    path = f"/v1/promises/{made['cancelled']['promise_id']}/cancellation"
    await scene.client.post(path, json={"reason": "misheard"})
    bounced = contracts["reopened"].paid("100.00")
    await scene.receives(contracts["kept"].paid("100.00"), contracts["partly kept"].paid("30.00"), bounced)
    await scene.receives(contracts["partly paid"].paid("40.00"), contracts["reopened"].payment_reversed(bounced))
    await scene.day_comes(8)
    return made | {f"instalment {n}": instalment for n, instalment in enumerate(plan["instalments"])}


STANDS: dict[str, list[tuple[str, int]]] = {
    "open": [(PromiseMade.type, 1)],
    "open too": [(PromiseMade.type, 1)],
    "partly paid": [(PromiseMade.type, 2)],
    "reopened": [(PromiseMade.type, 3)],
    "kept": [(PromiseKept.type, 2), (PromiseMade.type, 0)],
    "partly kept": [(PromisePartlyKept.type, 3), (PromiseMade.type, 0)],
    "broken": [(PromiseBroken.type, 2), (PromiseMade.type, 0)],
    "cancelled": [(PromiseCancelled.type, 2), (PromiseMade.type, 0)],
    "instalment 0": [(PromiseCancelled.type, 2), (PromiseMade.type, 0)],
    "instalment 1": [(PromiseCancelled.type, 2), (PromiseMade.type, 0)],
}


@pytest.mark.parametrize("chunk", [1, 3, 200])
async def test_promises_are_said_again_as_they_stand(scene: Scene, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(republishing, "CHUNK_CONTRACTS", chunk)
    promises = await promises_in_every_state(scene)
    names = {promise["promise_id"]: name for name, promise in promises.items()}

    chunks = await say_again(scene)

    assert len(chunks) == -(-8 // chunk)
    again = await said(scene)
    assert {
        names[promise_id]: [(event_type, body["version"]) for event_type, body in events]
        for promise_id, events in again.items()
    } == STANDS
    for became in (PromiseKept, PromisePartlyKept, PromiseBroken, PromiseCancelled):
        # Of what was kept and is open again only that is said.
        bodies = [e.body() for e in await scene.published(became) if names[str(e.promise_id)] != "reopened"]
        assert len(set(bodies)) * 2 == len(bodies), "the first word and the second are the same"
    for event in await scene.published(PromiseMade):
        if event.envelope.audience is None:
            *_, (event_type, body) = again[str(event.promise_id)]
            stands = await scene.now({"promise_id": str(event.promise_id)})
            changed = {"version": body["version"], "paid": stands["paid"]}
            assert (event_type, body) == (PromiseMade.type, json.loads(event.body()) | changed)


async def test_after_a_restore_its_making_has_the_lowest_version_of_the_new_epoch(scene: Scene) -> None:
    contract, other = await scene.registered(), await scene.registered()
    await scene.promise(contract)
    still_open = await scene.promise(other)
    await scene.receives(contract.paid("100.00"))
    async with scene.database.transaction() as tx:
        await tx.execute("UPDATE promise SET version = version | $1::bigint", EPOCH)
    await say_again(scene)
    versions = [[(kind, body["version"]) for kind, body in events] for events in (await said(scene)).values()]
    assert [(PromiseKept.type, EPOCH | 2), (PromiseMade.type, EPOCH)] in versions
    assert [(PromiseMade.type, EPOCH | 1)] in versions
    assert await scene.state(still_open) == ("open", "0.00")
    assert await scene.published(PromiseReopened) == []


async def test_where_nothing_was_promised_nothing_is_said(scene: Scene) -> None:
    await scene.registered()
    assert await say_again(scene) == []


# --- payments that were missed


def with_payments(contract: Contract, *payments: tuple[PaymentReceived, bool]) -> ContractRevised:
    """The whole contract, said again; of each payment whether it was reversed."""
    known = [
        KnownPayment(
            payment_id=payment.payment_id,
            amount=payment.amount,
            paid_on=payment.paid_on,
            business_date=payment.as_of,
            reversed=is_reversed,
        )
        for payment, is_reversed in payments
    ]
    return contract.revised().model_copy(update={"payments": tuple(known)})


async def test_a_payment_that_was_missed_stands_in_the_ledger_and_keeps_its_promise(scene: Scene) -> None:
    contract = await scene.registered()
    promise = await scene.promise(contract)
    heard, missed = contract.paid("30.00"), contract.paid("70.00", paid_on=day(1))
    await scene.receives(heard)
    await scene.receives(with_payments(contract, (heard, False), (missed, False)))
    assert await ledger(scene) == [("30.00", False), ("70.00", False)]
    assert await scene.state(promise) == ("kept", "100.00")
    [row] = await scene.rows("SELECT contract_id, paid_on, business_date FROM payment WHERE amount = 70")
    assert tuple(row) == (contract.contract_id, day(1), day(0))
    await scene.receives(missed)
    assert await ledger(scene) == [("30.00", False), ("70.00", False)], "it comes late after all, and counts once"


@pytest.mark.parametrize("payment_was_heard", [True, False])
async def test_a_reversal_that_was_missed_takes_the_payment_back(scene: Scene, payment_was_heard: bool) -> None:
    contract = await scene.registered()
    promise = await scene.promise(contract)
    payment = contract.paid("100.00")
    if payment_was_heard:
        await scene.receives(payment)
        assert await scene.state(promise) == ("kept", "100.00")
    contract.payment_reversed(payment)
    await scene.receives(with_payments(contract, (payment, True)))
    assert await ledger(scene) == [("100.00", True)]
    assert await scene.state(promise) == ("open", "0.00")
    assert len(await scene.published(PromiseReopened)) == payment_was_heard
