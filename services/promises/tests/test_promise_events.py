"""Topics have no common order and events repeat: each payment counts once, and old events change nothing."""

import itertools
import uuid
from decimal import Decimal

from promise_scene import Scene, day
from promises.handlers import consumer
from promises.outcomes import deciding
from recobro_events.contracts.portfolio import ContractState, DebtorStatus, KnownPayment, Stage
from recobro_events.contracts.promises import PromiseKept
from recobro_events.testing import apply_records, record_of


async def ledger(scene: Scene) -> list[tuple[str, bool]]:
    rows = await scene.rows("SELECT amount, reversed FROM payment ORDER BY amount")
    return [(str(row["amount"]), row["reversed"]) for row in rows]


async def test_a_payment_received_several_times_is_in_the_ledger_once(scene: Scene) -> None:
    contract = await scene.registered()
    promise = await scene.promise(contract, "200.00")
    payment = contract.paid("100.00", paid_on=day(1))
    record = record_of(payment)
    await apply_records(scene.database, consumer, [record, record])
    await apply_records(scene.database, consumer, [record])
    await scene.receives(payment)
    assert await ledger(scene) == [("100.00", False)]
    assert await scene.state(promise) == ("open", "100.00")
    [row] = await scene.rows("SELECT contract_id, paid_on, business_date FROM payment")
    assert tuple(row) == (contract.contract_id, day(1), day(0))


async def test_a_payment_whose_reversal_arrived_first_never_counts(scene: Scene) -> None:
    contract = await scene.registered()
    promise = await scene.promise(contract)
    payment = contract.paid("100.00")
    reversal = contract.payment_reversed(payment)
    await scene.receives_each(reversal, payment, reversal)
    assert await ledger(scene) == [("100.00", True)]
    assert await scene.state(promise) == ("open", "0.00")
    assert await scene.event_names() == ["PromiseMade"]
    [row] = await scene.rows("SELECT paid_on, business_date FROM payment")
    assert tuple(row) == (day(0), day(0))


async def test_a_payment_received_again_after_its_reversal_stays_reversed(scene: Scene) -> None:
    contract = await scene.registered()
    promise = await scene.promise(contract)
    payment = contract.paid("100.00")
    await scene.receives_each(payment, contract.payment_reversed(payment), payment)
    assert await ledger(scene) == [("100.00", True)]
    assert await scene.state(promise) == ("open", "0.00")


async def test_a_payment_and_its_reversal_in_one_batch_leave_the_promise_open(scene: Scene) -> None:
    contract = await scene.registered()
    promise = await scene.promise(contract)
    payment = contract.paid("100.00")
    await scene.receives(payment, contract.payment_reversed(payment))
    assert await scene.state(promise) == ("open", "0.00")
    assert await scene.event_names() == ["PromiseMade", "PromiseKept", "PromiseReopened"]


async def test_a_payment_that_a_file_states_keeps_a_promise_once(scene: Scene) -> None:
    contract = await scene.registered()
    promise = await scene.promise(contract)
    stated = contract.paid_by_file("100.00", paid_on=day(2))
    await scene.receives_each(stated, stated)
    assert await ledger(scene) == [("100.00", False)]
    assert await scene.state(promise) == ("kept", "100.00")


async def test_a_file_s_payment_that_the_bank_s_word_replaces_counts_once_in_every_order(scene: Scene) -> None:
    """The file stated 100.00. The bank knows 60.00 of it; the other 40.00 are entered again."""
    for order in itertools.permutations(range(4)):
        contract = await scene.registered()
        promise = await scene.promise(contract, "120.00")
        stated = contract.paid_by_file("100.00", paid_on=day(2))
        replaced = contract.payment_reversed(stated.file_payments[0], reason="identified")
        bank, rest = contract.paid("60.00", paid_on=day(1)), contract.paid("40.00", paid_on=day(2))
        facts = [stated, replaced, bank, rest]
        await scene.receives_each(*(facts[n] for n in order))
        assert await scene.state(promise) == ("open", "100.00"), order


async def test_a_republished_contract_lists_a_file_s_payment_among_all_payments(scene: Scene) -> None:
    contract = await scene.registered()
    promise = await scene.promise(contract)
    revised = contract.paid_by_file("100.00", paid_on=day(2))
    [stated] = revised.file_payments
    known = KnownPayment(**stated.model_dump(include=set(KnownPayment.model_fields)), reversed=False)
    await scene.receives(revised.model_copy(update={"payments": (known,)}))
    assert await ledger(scene) == [("100.00", False)]
    gone = contract.revised().model_copy(update={"payments": (known.model_copy(update={"reversed": True}),)})
    await scene.receives(gone)
    assert await scene.state(promise) == ("open", "0.00")


async def test_a_payment_before_the_registration_is_kept_and_counts(scene: Scene) -> None:
    contract = scene.contract()
    registration = contract.registered()
    await scene.receives_each(contract.paid("300.00"), registration)
    [row] = await scene.rows("SELECT total_balance, portfolio_id FROM contract")
    assert tuple(row) == (Decimal("700.00"), scene.portfolio_id), "the older balance must not come back"
    assert (await scene.request_promise(contract, "700.01")).status_code == 422
    assert (await scene.promise(contract, "300.00"))["state"] == "kept"


async def test_an_older_position_and_older_details_do_not_replace_newer_ones(scene: Scene) -> None:
    contract = scene.contract()
    old = contract.registered()
    other = uuid.uuid4()
    await scene.receives_each(contract.revised(overdue=Decimal(50), portfolio_id=other), old)
    [row] = await scene.rows("SELECT total_balance, portfolio_id FROM contract")
    assert tuple(row) == (Decimal("50.00"), other)


async def test_a_closing_that_a_reopening_has_overtaken_cancels_nothing(scene: Scene) -> None:
    contract = await scene.registered()
    promise = await scene.promise(contract)
    closing = contract.closed(ContractState.WITHDRAWN)
    await scene.receives_each(contract.revised(state=ContractState.OPEN), closing)
    assert await scene.state(promise) == ("open", "0.00")


async def test_a_death_that_its_correction_has_overtaken_cancels_nothing(scene: Scene) -> None:
    contract = await scene.registered()
    promise = await scene.promise(contract)
    death = contract.reported(DebtorStatus.DECEASED)
    await scene.receives_each(contract.reported(DebtorStatus.ACTIVE), death)
    assert await scene.state(promise) == ("open", "0.00")


async def test_an_older_business_date_does_not_replace_a_newer_one(scene: Scene) -> None:
    contract = await scene.registered()
    old = scene.business_date(1)
    await scene.move_business_date(8)
    await scene.receives(old)
    promise = await scene.promise(contract, due=8)
    assert promise["made_on"] == str(day(8))


async def test_a_contract_without_a_known_portfolio_takes_the_day_from_its_position(scene: Scene) -> None:
    portfolio_id = uuid.uuid4()
    contract = await scene.registered(portfolio_id=portfolio_id, as_of=day(2))
    promise = await scene.promise(contract, due=3)
    assert promise["made_on"] == str(day(2))
    await scene.move_business_date(6, portfolio_id)
    assert await scene.state(promise) == ("broken", "0.00")


async def test_the_date_of_a_payments_position_decides_before_the_portfolios_date_arrives(scene: Scene) -> None:
    contract = await scene.registered()
    promise = await scene.promise(contract, due=5)
    contract.as_of = day(8)
    await scene.receives(contract.paid("10.00", paid_on=day(8)))
    assert await scene.state(promise) == ("broken", "0.00")


async def test_a_business_date_and_a_payment_in_one_batch_count_the_payment_first(scene: Scene) -> None:
    paid, unpaid = await scene.registered(), await scene.registered()
    kept, broken = await scene.promise(paid), await scene.promise(unpaid)
    await scene.receives(scene.business_date(8), paid.paid("100.00", paid_on=day(7)))
    await deciding.decide(scene.database)
    assert await scene.state(kept) == ("kept", "100.00")
    assert await scene.state(broken) == ("broken", "0.00")


async def test_one_business_date_decides_the_promises_of_many_contracts(scene: Scene) -> None:
    contracts = [await scene.registered() for _ in range(5)]
    promises = [await scene.promise(contract, due=n) for n, contract in enumerate(contracts)]
    await scene.receives(contracts[0].paid("100.00"))
    await scene.move_business_date(6)
    assert [(await scene.state(promise))[0] for promise in promises] == ["kept", "broken", "broken", "broken", "open"]
    assert (await scene.event_names()).count("PromiseBroken") == 3


async def test_a_stage_change_updates_only_the_position(scene: Scene) -> None:
    contract = await scene.registered()
    promise = await scene.promise(contract)
    contract.as_of = day(1)
    await scene.receives(contract.staged(Stage.LATE))
    assert await scene.state(promise) == ("open", "0.00")
    assert (await scene.promise(contract, due=6))["made_on"] == str(day(1))


async def test_a_batch_that_is_applied_again_publishes_the_same_event_ids(scene: Scene) -> None:
    """As after a restore, the rows are older and the event is applied again. Its effects keep their event ids."""
    contract = await scene.registered()
    promise = await scene.promise(contract)
    record = record_of(contract.paid("100.00", paid_on=day(1)))
    before = await scene.rows("SELECT * FROM promise")
    await apply_records(scene.database, consumer, [record])
    [first] = await scene.published(PromiseKept)
    async with scene.database.transaction() as tx:
        await tx.execute("DELETE FROM inbox; DELETE FROM payment; DELETE FROM outbox_events")
        await tx.execute("UPDATE promise SET state = 'open', paid = 0, version = $1", before[0]["version"])
    await apply_records(scene.database, consumer, [record])
    [again] = await scene.published(PromiseKept)
    assert (again.event_id, again.body()) == (first.event_id, first.body())
    assert await scene.state(promise) == ("kept", "100.00")
