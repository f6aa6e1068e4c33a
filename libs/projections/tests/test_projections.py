"""The facts kept of other services do not depend on the order in which the events arrive."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from projections import (
    clarifications,
    contact_points,
    contracts,
    pauses,
    payments,
    placements,
    portfolios,
    promises,
    set_aside,
    silence,
)
from projections.columns import Column
from recobro_events import Database, Transaction
from recobro_events.contracts.assignment import ContractPlaced, PlacementEvent, PlacementKind, PlacementRecalled
from recobro_events.contracts.portfolio import (
    ClarificationOpened,
    ClarificationOutcome,
    ClarificationResolved,
    ContactKind,
    ContactPoint,
    ContractRegistered,
    ContractState,
    CreditorKind,
    Debtor,
    DebtorStatus,
    DebtorStatusChanged,
    FilePayment,
    KnownPayment,
    LastPayment,
    Pause,
    PaymentReceived,
    PaymentReversed,
    PortfolioState,
    PortfolioStateChanged,
    Stage,
)
from recobro_events.contracts.promises import MadeIn, PromiseBroken, PromiseMade
from recobro_events.contracts.runtime import ContractReplayed, ContractSetAside

CONTRACT = UUID(int=1)
PORTFOLIO = UUID(int=2)
DEBTOR = UUID(int=3)
PHONE = UUID(int=4)
PAUSE = UUID(int=5)
DISPUTE = UUID(int=6)
MONDAY = date(2026, 11, 23)

POSITIONS = contracts.Positions("as_of", "state", "stage", "overdue_balance", "oldest_due_on")
DETAILS = contracts.Details(
    *("portfolio_id", "debtor_id", "person_id", "contract_number"),
    upper_name=Column("text", lambda event: event.debtor.name.upper()),
)
PORTFOLIOS = portfolios.Portfolios("state", "business_date", "company", "payment_holdoff_days")
TABLES = f"""
CREATE TABLE portfolio (
    portfolio_id uuid PRIMARY KEY, version bigint NOT NULL, state text, business_date date, company text);
CREATE TABLE contract (
    contract_id uuid PRIMARY KEY, version bigint NOT NULL DEFAULT -1, as_of date, state text, stage text,
    overdue_balance numeric, oldest_due_on date, details_version bigint NOT NULL DEFAULT -1, portfolio_id uuid,
    debtor_id uuid, contract_number text, upper_name text, status_version bigint NOT NULL DEFAULT -1,
    status text NOT NULL DEFAULT 'active');
{clarifications.TABLE} {contact_points.TABLE} {pauses.TABLE} {placements.TABLE} {promises.TABLE} {set_aside.TABLE}
{payments.TABLE} {payments.SILENCES} {contracts.STATUS_SEEN} {contracts.PEOPLE}
"""


@pytest.fixture
async def tx(database_dsn: str) -> AsyncIterator[Transaction]:
    database = Database(database_dsn)
    await database.open()
    async with database.transaction() as transaction:
        await transaction.execute(TABLES)
        await contracts.lock_or_add(transaction, [CONTRACT])
        yield transaction
    await database.close()


def position(version: int, **changes: object) -> dict[str, object]:
    return {
        "contract_id": CONTRACT,
        "version": version,
        "as_of": MONDAY,
        "state": ContractState.OPEN,
        "stage": Stage.EARLY,
        "days_past_due": 10,
        "overdue_balance": Decimal("100.00"),
        "total_balance": Decimal("900.00"),
        "oldest_due_on": date(2026, 11, 13),
    } | changes


def whole(version: int, **changes: object) -> ContractRegistered:
    return ContractRegistered.model_validate(
        position(version)
        | {
            "details_version": version,
            "creditor_id": uuid4(),
            "portfolio_id": PORTFOLIO,
            "contract_number": f"A-{version}",
            "incomplete": False,
            "jurisdiction": "MX",
            "currency": "MXN",
            "debtor": Debtor(debtor_id=DEBTOR, name="Ana", status_version=version),
            "episode": 1,
        }
        | changes
    )


def portfolio_state(version: int, day: date = MONDAY, **changes: object) -> PortfolioStateChanged:
    fields: dict[str, object] = {
        "portfolio_id": PORTFOLIO,
        "version": version,
        "state": PortfolioState.READY,
        "business_date": day,
        "name": "Autos",
        "creditor_id": uuid4(),
        "creditor_kind": CreditorKind.FINANCIAL,
        "jurisdiction": "MX",
        "timezone": "America/Mexico_City",
    }
    return PortfolioStateChanged.model_validate(fields | changes)


async def reason_on(tx: Transaction, day: date, *at_least_days: str) -> str | None:
    given = ("$1::date", *at_least_days)
    sql = f"SELECT coalesce({silence.always(*given)}, {silence.on_day(*given)}) FROM contract"
    found: str | None = await tx.fetchval(sql, day)
    return found


def reversal(version: int, of: PaymentReceived) -> PaymentReversed:
    fields = {"payment_id": of.payment_id, "amount": of.amount, "currency": "MXN", "reason": "bounced"}
    return PaymentReversed.model_validate(position(version) | fields)


def payment(version: int) -> PaymentReceived:
    return PaymentReceived.model_validate(
        position(version, overdue_balance=Decimal("0.00"), oldest_due_on=None)
        | {
            "payment_id": uuid4(),
            "amount": Decimal("100.00"),
            "currency": "MXN",
            "paid_on": MONDAY,
            "received_at": datetime(2026, 11, 23, 12, tzinfo=UTC),
            "channel": "bank",
            "credit": Decimal("0.00"),
            "settled": False,
            "days_past_due_before": 10,
        }
    )


async def test_a_payment_that_overtakes_its_contract_keeps_its_position_and_erases_no_details(tx: Transaction) -> None:
    await POSITIONS.keep(tx, [payment(2)])
    await POSITIONS.keep(tx, [whole(1)])
    await DETAILS.keep(tx, [whole(1)])
    row = await tx.fetchrow("SELECT * FROM contract")
    assert row is not None
    assert (row["version"], row["overdue_balance"], row["oldest_due_on"]) == (2, Decimal("0.00"), None)
    assert (row["contract_number"], row["upper_name"], row["portfolio_id"]) == ("A-1", "ANA", PORTFOLIO)


async def test_the_newest_status_and_portfolio_are_kept(tx: Transaction) -> None:
    died = DebtorStatusChanged.model_validate(
        position(7)
        | {"debtor_id": DEBTOR, "status": DebtorStatus.DECEASED, "status_version": 5, "reported_by": "agency"}
    )
    await contracts.keep_statuses(tx, [died])
    await contracts.keep_statuses_from_contracts(tx, [whole(6)])
    assert await tx.fetchval("SELECT status FROM contract") == "deceased"
    for version, day, creditor in ((2, MONDAY, "Banco"), (1, date(2026, 11, 22), None)):
        changed = portfolio_state(version, day, creditor_name=creditor)
        await PORTFOLIOS.keep(tx, [changed])
    assert tuple(await tx.fetchrow("SELECT business_date, company FROM portfolio") or ()) == (MONDAY, "Banco")


@pytest.mark.parametrize("status_version", [1, 9], ids=["fewer changes", "more changes"])
async def test_the_status_of_a_contract_is_that_of_the_person_to_whom_it_was_given(
    tx: Transaction, status_version: int
) -> None:
    """However often the statuses of the two people have changed."""

    def of(version: int, person: UUID, status: DebtorStatus, status_version: int) -> ContractRegistered:
        debtor = Debtor(debtor_id=person, name="Ana", status=status, status_version=status_version)
        return whole(version, debtor=debtor)

    async def status() -> object:
        return await tx.fetchval("SELECT status FROM contract")

    dead, living = uuid4(), uuid4()
    died = DebtorStatusChanged.model_validate(
        position(3) | {"debtor_id": dead, "status": "deceased", "status_version": 5, "reported_by": "operator"}
    )
    moved = of(4, living, DebtorStatus.ACTIVE, status_version)
    back = of(6, dead, DebtorStatus.DECEASED, 5)
    await contracts.keep_statuses(tx, [died])
    await contracts.keep_statuses_from_contracts(tx, [moved])
    assert await status() == "active"
    await contracts.keep_statuses(tx, [died])
    assert await status() == "active"
    await contracts.keep_statuses_from_contracts(tx, [back])
    assert await status() == "deceased"
    await contracts.keep_statuses_from_contracts(tx, [moved])
    assert await status() == "deceased"


async def test_a_debtor_who_is_linked_to_nobody_is_a_person_alone(tx: Transaction) -> None:
    """So is one whom a service of an earlier release told."""

    async def person() -> object:
        return await tx.fetchval(f"SELECT {contracts.person()} FROM contract")

    linked = uuid4()
    told = whole(1).model_dump(mode="json")
    del told["debtor"]["person_id"]
    await DETAILS.keep(tx, [ContractRegistered.model_validate(told)])
    assert await person() == DEBTOR
    await DETAILS.keep(tx, [whole(3, debtor=Debtor(debtor_id=DEBTOR, person_id=linked, name="Ana"))])
    assert await person() == linked
    await DETAILS.keep(tx, [whole(2)])
    assert await person() == linked
    await DETAILS.keep(tx, [whole(4)])
    assert await person() == DEBTOR


async def test_a_change_of_status_that_overtakes_the_move_to_its_person_holds(tx: Transaction) -> None:
    other = uuid4()
    moved = whole(4, debtor=Debtor(debtor_id=other, name="Ana", status_version=2))
    died = DebtorStatusChanged.model_validate(
        position(5) | {"debtor_id": other, "status": "deceased", "status_version": 3, "reported_by": "operator"}
    )
    await contracts.keep_statuses_from_contracts(tx, [whole(3, debtor=Debtor(debtor_id=DEBTOR, name="Ana"))])
    await contracts.keep_statuses(tx, [died])
    await contracts.keep_statuses_from_contracts(tx, [moved])
    assert await tx.fetchval("SELECT status FROM contract") == "deceased"


async def test_only_a_newer_whole_contract_ends_unlisted_rows(tx: Transaction) -> None:
    point = ContactPoint(
        contact_id=PHONE, version=1, kind=ContactKind.PHONE, value="+525512345678", provenance="creditor", usable=True
    )
    full = whole(
        3,
        contact_points=(point,),
        pauses=(Pause(pause_id=PAUSE, version=3, starts_on=MONDAY),),
        open_clarifications=(DISPUTE,),
    )

    async def keep(event: ContractRegistered) -> tuple[object, ...]:
        await DETAILS.keep(tx, [event])
        for keep_from_contracts in (
            contact_points.keep_from_contracts,
            pauses.keep_from_contracts,
            clarifications.keep_from_contracts,
        ):
            await keep_from_contracts(tx, [event])
        return (
            await tx.fetchval("SELECT present FROM contact_point"),
            await tx.fetchval("SELECT count(*) FROM pause"),
            await tx.fetchval("SELECT silent FROM clarification"),
        )

    assert await keep(full) == (True, 1, True)
    assert await keep(whole(2)) == (True, 1, True)
    assert await keep(whole(4)) == (False, 0, False)
    assert await keep(full) == (False, 1, False)


async def test_a_dispute_is_silent_until_contact_may_resume_in_any_order_of_events(tx: Transaction) -> None:
    opened = ClarificationOpened.model_validate(
        position(2)
        | {"clarification_id": DISPUTE, "reason": "paid", "opened_by": "debtor", "deadline_on": date(2026, 12, 23)}
    )
    resolved = ClarificationResolved.model_validate(
        position(3) | {"clarification_id": DISPUTE, "outcome": ClarificationOutcome.UPHELD, "contact_may_resume": True}
    )

    async def open_it() -> None:
        await clarifications.keep(tx, [opened])

    async def resolve_it() -> None:
        await clarifications.keep_resolutions(tx, [resolved])

    for order in itertools.permutations((open_it, resolve_it)):
        await tx.execute("DELETE FROM clarification")
        for keep in order:
            await keep()
        assert await tx.fetchval("SELECT silent FROM clarification") is False


async def test_a_recall_that_overtakes_its_placement_keeps_its_state_and_gets_the_dates(tx: Transaction) -> None:
    placement: dict[str, object] = {
        "contract_id": CONTRACT,
        "placement_id": uuid4(),
        "agency_id": uuid4(),
        "kind": PlacementKind.DIALING,
    }
    placed = ContractPlaced.model_validate(placement | {"version": 1, "starts_on": MONDAY})
    recalled = PlacementRecalled.model_validate(placement | {"version": 2, "reason": "paid"})
    orders: list[list[PlacementEvent]] = [[placed, recalled], [recalled, placed]]
    for events in orders:
        await tx.execute("DELETE FROM placement")
        for event in events:
            await placements.keep(tx, [event])
        row = await tx.fetchrow("SELECT state, starts_on, version FROM placement")
        assert tuple(row or ()) == ("recalled", MONDAY, 2)


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


def days_after(day: date, count: int) -> date:
    return day + timedelta(days=count)


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
            await payments.keep_from_contracts(tx, [event])
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
