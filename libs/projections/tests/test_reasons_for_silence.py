"""Which facts silence a contract, for how long, in any order of their events."""

import itertools
from collections.abc import Awaitable, Callable
from datetime import date
from decimal import Decimal
from uuid import uuid4

import pytest
from projected import (
    CONTRACT,
    DETAILS,
    MONDAY,
    PAUSE,
    PORTFOLIOS,
    POSITIONS,
    WHOLES,
    days_after,
    payment,
    portfolio_state,
    reversal,
    whole,
)
from projections import (
    pauses,
    payments,
    promises,
    set_aside,
    silence,
)
from recobro_events import Transaction
from recobro_events.contracts.portfolio import (
    ContractState,
    FilePayment,
    KnownPayment,
    LastPayment,
    Pause,
)
from recobro_events.contracts.promises import MadeIn, PromiseBroken, PromiseMade
from recobro_events.contracts.runtime import ContractReplayed, ContractSetAside


async def reason_on(tx: Transaction, day: date, *at_least_days: str) -> str | None:
    given = ("$1::date", *at_least_days)
    sql = f"SELECT coalesce({silence.always(*given)}, {silence.on_day(*given)}) FROM contract"
    found: str | None = await tx.fetchval(sql, day)
    return found


async def test_the_first_reason_for_silence_in_order_is_given_and_each_reason_ends(tx: Transaction) -> None:
    async def reason(day: date) -> str | None:
        return await reason_on(tx, day)

    await POSITIONS.keep(tx, [whole(1)])
    assert await reason(MONDAY) is None
    paused = whole(2, pauses=(Pause(pause_id=PAUSE, version=2, starts_on=MONDAY, ends_on=MONDAY),))
    await pauses.keep_from_contracts(tx, [paused])
    assert await reason(MONDAY) == "paused"
    assert await reason(date(2026, 11, 24)) is None
    promise = {
        "contract_id": CONTRACT,
        "promise_id": uuid4(),
        "due_on": MONDAY,
        "silent_until": date(2026, 11, 25),
        "promised": Decimal("1.00"),
        "paid": Decimal("0.00"),
        "currency": "MXN",
        "agreement_id": None,
    }
    made = PromiseMade.model_validate(promise | {"version": 1, "made_on": MONDAY, "made_in": MadeIn.CALL})
    await promises.keep(tx, [made])
    assert await reason(MONDAY) == "promise"
    assert await reason(date(2026, 11, 26)) is None
    await promises.keep(tx, [PromiseBroken.model_validate(promise | {"version": 2})])
    await promises.keep(tx, [made])
    assert await reason(MONDAY) == "paused"
    await tx.execute(
        "INSERT INTO clarification (contract_id, clarification_id, silent) VALUES ($1, $1, true)", CONTRACT
    )
    assert await reason(MONDAY) == "clarification"
    await tx.execute("UPDATE contract SET status = 'represented'")
    assert await reason(MONDAY) == "represented"
    await tx.execute("UPDATE contract SET state = 'settled'")
    assert await reason(MONDAY) == "closed"
    for service in ("promises", "assignment"):
        held = ContractSetAside(contract_id=CONTRACT, service=service, consumer=f"{service}.events")
        await set_aside.keep(tx, [held])
    assert await reason(MONDAY) == "unknown_state"
    for service, expected in (("promises", "unknown_state"), ("assignment", "closed")):
        replayed = ContractReplayed(contract_id=CONTRACT, service=service, consumer=f"{service}.events")
        await set_aside.keep_replayed(tx, [replayed])
        assert await reason(MONDAY) == expected


@pytest.mark.parametrize(
    ("starts_on", "ends_on", "days"),
    [
        (None, None, 10),
        (date(2026, 11, 20), date(2026, 11, 21), 8),
        (date(2026, 11, 1), date(2026, 11, 14), 9),
        (date(2026, 11, 21), None, 7),
        (date(2026, 11, 24), None, 10),
    ],
)
async def test_paused_days_do_not_count_as_days_past_due(
    tx: Transaction, starts_on: date | None, ends_on: date | None, days: int
) -> None:
    """The oldest unpaid due date is the 13th, the day the 23rd."""
    await POSITIONS.keep(tx, [whole(1)])
    if starts_on is not None:
        await pauses.keep_from_contracts(
            tx, [whole(2, pauses=(Pause(pause_id=PAUSE, version=2, starts_on=starts_on, ends_on=ends_on),))]
        )
    assert await tx.fetchval(f"SELECT {silence.days_past_due('$1::date')} FROM contract", MONDAY) == days


async def test_the_days_of_many_long_pauses_have_a_sum_that_is_wide_enough(tx: Transaction) -> None:
    """A thousand pauses of 7,000 years have more days than an integer holds, and the result is a number of days."""
    await POSITIONS.keep(tx, [whole(1)])
    await tx.execute("UPDATE contract SET oldest_due_on = '1000-01-01'")
    await tx.execute(
        "INSERT INTO pause (pause_id, contract_id, version, starts_on, ends_on)"
        " SELECT gen_random_uuid(), contract_id, 1, '1000-01-01', '8000-01-01' FROM contract, generate_series(1, 1000)"
    )
    day = date(8000, 1, 1)
    assert await tx.fetchval(f"SELECT {silence.days_past_due('$1::date')} FROM contract", day) == 0


@pytest.mark.parametrize(
    ("holdoff_from", "portfolio_days", "at_least_days", "silent_days", "counted_from"),
    [
        (None, None, "0", 3, MONDAY),
        (None, 5, "0", 5, MONDAY),
        (date(2026, 11, 27), 3, "0", 3, date(2026, 11, 27)),
        (None, 2, "4", 4, MONDAY),
        (None, 5, "1", 5, MONDAY),
    ],
)
async def test_the_days_without_contact_are_the_portfolios_and_may_be_lengthened_only(
    tx: Transaction,
    holdoff_from: date | None,
    portfolio_days: int | None,
    at_least_days: str,
    silent_days: int,
    counted_from: date,
) -> None:
    await PORTFOLIOS.keep(tx, [portfolio_state(1, payment_holdoff_days=portfolio_days)])
    await DETAILS.keep(tx, [whole(1)])
    await POSITIONS.keep(tx, [whole(1)])
    await payments.keep(tx, [payment(2).model_copy(update={"holdoff_from": holdoff_from})])
    last = days_after(counted_from, silent_days - 1)
    assert await reason_on(tx, last, at_least_days) == "payment"
    assert await reason_on(tx, days_after(last, 1), at_least_days) is None


async def test_a_reversed_payment_silences_no_more_in_any_order_of_events(tx: Transaction) -> None:
    paid = payment(2)
    known = KnownPayment(
        payment_id=paid.payment_id, amount=paid.amount, paid_on=MONDAY, business_date=MONDAY, reversed=True
    )
    keeps: list[Callable[[], Awaitable[None]]] = [
        lambda: payments.keep(tx, [paid]),
        lambda: payments.keep_reversals(tx, [reversal(3, paid)]),
        lambda: payments.keep_from_contracts(tx, [whole(4, payments=(known,))]),
    ]
    await POSITIONS.keep(tx, [whole(1)])
    for order in itertools.permutations(keeps):
        await tx.execute("DELETE FROM payment")
        for keep in order:
            await keep()
        assert await reason_on(tx, MONDAY) is None
        assert await tx.fetchval("SELECT count(*) FROM payment") == 1


async def test_a_whole_contract_brings_the_payments_of_files_and_the_first_day_without_contact(tx: Transaction) -> None:
    """A known payment without that day gets it, and a known day stays."""
    paid = payment(2)
    await POSITIONS.keep(tx, [whole(1)])
    await payments.keep(tx, [paid])
    last = LastPayment(payment_id=paid.payment_id, paid_on=MONDAY, business_date=MONDAY)
    of_file = FilePayment(
        payment_id=uuid4(),
        amount=Decimal("9.00"),
        credit=Decimal("0.00"),
        paid_on=MONDAY,
        business_date=MONDAY,
        holdoff_from=days_after(MONDAY, 9),
        reference="2026-11-23:0123456789ab:A-1",
        days_past_due_before=10,
    )
    for day in (days_after(MONDAY, 3), days_after(MONDAY, 5)):
        again = last.model_copy(update={"holdoff_from": day})
        await payments.keep_from_contracts(tx, [whole(3, last_payment=again, file_payments=(of_file,))])
    days = await tx.fetch("SELECT holdoff_from FROM payment ORDER BY 1")
    assert [row["holdoff_from"] for row in days] == [days_after(MONDAY, 3), days_after(MONDAY, 9)]
    assert await reason_on(tx, days_after(MONDAY, 11)) == "payment"
    assert await reason_on(tx, days_after(MONDAY, 12)) is None


async def test_figures_that_wait_for_a_decision_and_unknown_payments_silence_by_the_newest_whole(
    tx: Transaction,
) -> None:
    await POSITIONS.keep(tx, [whole(1)])
    asked = whole(2, undecided=True)
    decided = whole(3, payment_silent_until=days_after(MONDAY, 4))
    for events in ([asked], [decided, asked]):
        for event in events:
            await WHOLES.keep(tx, [event])
        expected = "unknown_state" if events == [asked] else "payment"
        assert await reason_on(tx, days_after(MONDAY, 4)) == expected
    assert await reason_on(tx, days_after(MONDAY, 5)) is None


async def test_a_contract_that_a_payment_has_settled_is_silent_as_payment_and_later_as_closed(tx: Transaction) -> None:
    paid = payment(2).model_copy(update={"state": ContractState.SETTLED})
    await POSITIONS.keep(tx, [paid])
    assert await reason_on(tx, MONDAY) == "closed"
    await payments.keep(tx, [paid])
    assert await reason_on(tx, MONDAY) == "payment"
    assert await reason_on(tx, days_after(MONDAY, 3)) == "closed"
