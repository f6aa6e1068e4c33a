"""The facts kept of other services do not depend on the order in which the events arrive."""

import itertools
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from projections import (
    clarifications,
    contact_points,
    contracts,
    pauses,
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
    Pause,
    PaymentReceived,
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
    "portfolio_id", "contract_number", upper_name=Column("text", lambda event: event.debtor.name.upper())
)
PORTFOLIOS = portfolios.Portfolios("state", "business_date", "company")
TABLES = f"""
CREATE TABLE portfolio (
    portfolio_id uuid PRIMARY KEY, version bigint NOT NULL, state text, business_date date, company text);
CREATE TABLE contract (
    contract_id uuid PRIMARY KEY, version bigint NOT NULL DEFAULT -1, as_of date, state text, stage text,
    overdue_balance numeric, oldest_due_on date, details_version bigint NOT NULL DEFAULT -1, portfolio_id uuid,
    contract_number text, upper_name text, status_version bigint NOT NULL DEFAULT -1,
    status text NOT NULL DEFAULT 'active');
{clarifications.TABLE} {contact_points.TABLE} {pauses.TABLE} {placements.TABLE} {promises.TABLE} {set_aside.TABLE}
"""


@pytest.fixture
async def tx(database_dsn: str) -> AsyncIterator[Transaction]:
    database = Database(database_dsn)
    await database.open()
    async with database.transaction() as transaction:
        await transaction.execute(TABLES)
        await contracts.add_missing(transaction, [CONTRACT])
        await contracts.lock(transaction, [CONTRACT])
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
    await contracts.keep_statuses_from_contracts(tx, [whole(4)])
    assert await tx.fetchval("SELECT status FROM contract") == "deceased"
    for version, day, creditor in ((2, MONDAY, "Banco"), (1, date(2026, 11, 22), None)):
        changed = PortfolioStateChanged(
            portfolio_id=PORTFOLIO,
            version=version,
            state=PortfolioState.READY,
            business_date=day,
            name="Autos",
            creditor_id=uuid4(),
            creditor_name=creditor,
            creditor_kind=CreditorKind.FINANCIAL,
            jurisdiction="MX",
            timezone="America/Mexico_City",
        )
        await PORTFOLIOS.keep(tx, [changed])
    assert tuple(await tx.fetchrow("SELECT business_date, company FROM portfolio") or ()) == (MONDAY, "Banco")


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
        sql = f"SELECT coalesce({silence.ALWAYS}, {silence.on_day('$1::date')}) FROM contract"
        return await tx.fetchval(sql, day)  # type: ignore[no-any-return]

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
