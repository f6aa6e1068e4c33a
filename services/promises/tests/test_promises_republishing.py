"""Every promise is republished in its current state. Revisions of contracts bring payments that were missed."""

import json

import pytest
from agreement_scene import active, done, proposed, schedule
from promise_scene import Contract, Json, Scene, day
from promises import republishing
from promises.agreements.settling import settle_final
from recobro_events.contracts.portfolio import ContractRevised, KnownPayment, PaymentReceived
from recobro_events.contracts.promises import (
    AgreementSettled,
    PromiseBroken,
    PromiseCancelled,
    PromiseKept,
    PromiseMade,
    PromisePartlyKept,
    PromiseReopened,
)
from test_promise_events import ledger

EPOCH = 1 << 40
_REPUBLISHED = "SELECT type, body, audience FROM outbox_events WHERE audience IS NOT NULL ORDER BY id"


async def republish_all(scene: Scene) -> list[str]:
    """Republish everything. Return the last contract of each chunk."""
    chunks = [""]
    while True:
        async with scene.database.transaction(bulk=True) as tx:
            tx.audience = "dialer-feed"
            after = await republishing.republish(tx, chunks[-1])
        if after is None:
            return chunks[1:]
        chunks.append(after)


async def republished(scene: Scene) -> dict[str, list[tuple[str, Json]]]:
    """Return the republished events of each promise, in order, by type and body."""
    events: dict[str, list[tuple[str, Json]]] = {}
    for row in await scene.rows(_REPUBLISHED):
        assert row["audience"] == "dialer-feed"
        body: Json = json.loads(row["body"])
        if "promise_id" not in body:
            continue
        events.setdefault(body["promise_id"], []).append((row["type"], body))
    return events


async def promises_in_every_state(scene: Scene) -> dict[str, Json]:
    """Make a promise for each state and a cancelled plan. Return the promises by their state on day 8."""
    contracts = {name: await scene.registered() for name in ("kept", "partly kept", "broken")}
    made = {name: await scene.promise(contract, due=1) for name, contract in contracts.items()}
    contracts |= {name: await scene.registered() for name in ("open", "partly paid", "reopened", "cancelled")}
    for name in ("open", "partly paid", "reopened", "cancelled"):
        made[name] = await scene.promise(contracts[name], due=30)
    # One contract has two promises, because a chunk counts contracts and not promises.
    made["open too"] = await scene.promise(contracts["open"], due=31, made_in="visit")
    plan = await scene.plan(await scene.registered(), (20, "100.00"), (40, "200.00"))
    await scene.client.post(f"/v1/agreements/{plan['agreement_id']}/cancellation", json={"reason": "too much"})
    path = f"/v1/promises/{made['cancelled']['promise_id']}/cancellation"
    await scene.client.post(path, json={"reason": "misheard"})
    bounced = contracts["reopened"].paid("100.00")
    await scene.receives(contracts["kept"].paid("100.00"), contracts["partly kept"].paid("30.00"), bounced)
    await scene.receives(contracts["partly paid"].paid("40.00"), contracts["reopened"].payment_reversed(bounced))
    await scene.move_business_date(8)
    return made | {f"instalment {n}": instalment for n, instalment in enumerate(plan["instalments"])}


EXPECTED: dict[str, list[tuple[str, int]]] = {
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
async def test_promises_are_republished_in_their_current_state(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(republishing, "CHUNK_CONTRACTS", chunk)
    promises = await promises_in_every_state(scene)
    names = {promise["promise_id"]: name for name, promise in promises.items()}

    chunks = await republish_all(scene)

    assert len(chunks) == -(-8 // chunk)
    by_promise = await republished(scene)
    assert {
        names[promise_id]: [(event_type, body["version"]) for event_type, body in events]
        for promise_id, events in by_promise.items()
    } == EXPECTED
    for became in (PromiseKept, PromisePartlyKept, PromiseBroken, PromiseCancelled):
        # A promise that was reopened is republished as open only.
        bodies = [e.body() for e in await scene.published(became) if names[str(e.promise_id)] != "reopened"]
        assert len(set(bodies)) * 2 == len(bodies), "the republished event equals the first"
    for event in await scene.published(PromiseMade):
        if event.envelope.audience is None:
            *_, (event_type, body) = by_promise[str(event.promise_id)]
            current = await scene.read_promise({"promise_id": str(event.promise_id)})
            changed = {"version": body["version"], "paid": current["paid"]}
            assert (event_type, body) == (PromiseMade.type, json.loads(event.body()) | changed)


async def test_after_a_restore_the_republished_making_has_the_lowest_version_of_the_epoch(scene: Scene) -> None:
    contract, other = await scene.registered(), await scene.registered()
    await scene.promise(contract)
    still_open = await scene.promise(other)
    await scene.receives(contract.paid("100.00"))
    async with scene.database.transaction() as tx:
        await tx.execute("UPDATE promise SET version = version | $1::bigint", EPOCH)
    await republish_all(scene)
    versions = [[(kind, body["version"]) for kind, body in events] for events in (await republished(scene)).values()]
    assert [(PromiseKept.type, EPOCH | 2), (PromiseMade.type, EPOCH)] in versions
    assert [(PromiseMade.type, EPOCH | 1)] in versions
    assert await scene.state(still_open) == ("open", "0.00")
    assert await scene.published(PromiseReopened) == []


async def test_agreements_and_proposals_are_republished_in_their_present_state(scene: Scene) -> None:
    """The state comes first and its making has the lowest version, so no reader takes an ended one to be in force."""
    settled = await active(scene, paid := await scene.registered(), schedule=schedule((5, "700.00")))
    await scene.receives(paid.paid("700.00"))
    await scene.move_business_date(20)
    await settle_final(scene.database)
    open_still = await active(scene, await scene.registered(), "restructure", schedule=schedule((30, "1000.00")))
    ended = await active(scene, await scene.registered(), schedule=schedule((30, "700.00")))
    await done(scene, ended, "cancellation", {"reason": "a mistake"})
    waiting = await proposed(scene, await scene.registered(), schedule=schedule((30, "700.00")))
    async with scene.database.transaction() as tx:
        await tx.execute("UPDATE agreement SET version = version | $1::bigint", EPOCH)
    await republish_all(scene)
    found: dict[str, list[tuple[str, int]]] = {}
    for row in await scene.rows(_REPUBLISHED):
        body = json.loads(row["body"])
        if "promise_id" not in body:
            found.setdefault(body["agreement_id"], []).append((row["type"].split(".")[1], body["version"]))
    assert found == {
        settled["agreement_id"]: [("agreement-settled", EPOCH | 3), ("agreement-reached", EPOCH)],
        open_still["agreement_id"]: [("agreement-reached", EPOCH | 1)],
        ended["agreement_id"]: [("agreement-cancelled", EPOCH | 2), ("agreement-reached", EPOCH)],
        waiting["agreement_id"]: [("proposal-changed", 1)],
    }
    [one] = [e for e in await scene.published(AgreementSettled) if e.envelope.audience is not None]
    assert (str(one.forgiven), str(one.settled_on)) == ("300.00", str(day(20)))


async def test_a_contract_without_promises_republishes_nothing(scene: Scene) -> None:
    await scene.registered()
    assert await republish_all(scene) == []


# --- missed payments


def with_payments(contract: Contract, *payments: tuple[PaymentReceived, bool]) -> ContractRevised:
    """Return a revision of the contract that lists these payments, each with whether it was reversed."""
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


async def test_a_missed_payment_enters_the_ledger_and_keeps_its_promise(scene: Scene) -> None:
    contract = await scene.registered()
    promise = await scene.promise(contract)
    received, missed = contract.paid("30.00"), contract.paid("70.00", paid_on=day(1))
    await scene.receives(received)
    await scene.receives(with_payments(contract, (received, False), (missed, False)))
    assert await ledger(scene) == [("30.00", False), ("70.00", False)]
    assert await scene.state(promise) == ("kept", "100.00")
    [row] = await scene.rows("SELECT contract_id, paid_on, business_date FROM payment WHERE amount = 70")
    assert tuple(row) == (contract.contract_id, day(1), day(0))
    await scene.receives(missed)
    assert await ledger(scene) == [("30.00", False), ("70.00", False)], (
        "a payment that arrives after the revision counts once"
    )


@pytest.mark.parametrize("payment_was_received", [True, False])
async def test_a_missed_reversal_takes_the_payment_back(scene: Scene, payment_was_received: bool) -> None:
    contract = await scene.registered()
    promise = await scene.promise(contract)
    payment = contract.paid("100.00")
    if payment_was_received:
        await scene.receives(payment)
        assert await scene.state(promise) == ("kept", "100.00")
    contract.payment_reversed(payment)
    await scene.receives(with_payments(contract, (payment, True)))
    assert await ledger(scene) == [("100.00", True)]
    assert await scene.state(promise) == ("open", "0.00")
    assert len(await scene.published(PromiseReopened)) == payment_was_received
