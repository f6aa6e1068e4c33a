"""The facts kept of other services do not depend on the order in which the events arrive."""

import itertools
from datetime import date
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from projected import (
    CONTRACT,
    DEBTOR,
    DETAILS,
    DISPUTE,
    MONDAY,
    PAUSE,
    PHONE,
    PORTFOLIO,
    PORTFOLIOS,
    POSITIONS,
    WHOLES,
    payment,
    portfolio_state,
    position,
    whole,
)
from projections import (
    clarifications,
    contact_points,
    contracts,
    pauses,
    placements,
)
from recobro_events import Transaction
from recobro_events.contracts.assignment import ContractPlaced, PlacementEvent, PlacementKind, PlacementRecalled
from recobro_events.contracts.portfolio import (
    ClarificationOpened,
    ClarificationOutcome,
    ClarificationResolved,
    ContactKind,
    ContactPoint,
    ContractRegistered,
    ContractSegmentChanged,
    Debtor,
    DebtorStatus,
    DebtorStatusChanged,
    Pause,
)


async def test_a_payment_that_overtakes_its_contract_keeps_its_position_and_erases_no_details(tx: Transaction) -> None:
    await POSITIONS.keep(tx, [payment(2)])
    await POSITIONS.keep(tx, [whole(1)])
    await DETAILS.keep(tx, [whole(1)])
    row = await tx.fetchrow("SELECT * FROM contract")
    assert row is not None
    assert (row["version"], row["overdue_balance"], row["oldest_due_on"]) == (2, Decimal("0.00"), None)
    assert (row["contract_number"], row["upper_name"], row["portfolio_id"]) == ("A-1", "ANA", PORTFOLIO)


async def test_a_whole_contract_keeps_each_group_of_columns_where_it_is_newer(tx: Transaction) -> None:
    await contracts.lock_or_add(tx, [CONTRACT])
    await WHOLES.keep(tx, [whole(1, segment="chronic", step="reminder")])
    await POSITIONS.keep(tx, [payment(5)])
    changed = ContractSegmentChanged.model_validate(position(3) | {"to_segment": "insolvent", "rules_version": 1})
    await contracts.keep_segments(tx, [changed])
    await WHOLES.keep(tx, [whole(2, segment="slow_payer", step="direct_contact")])

    async def known() -> tuple[object, ...]:
        names = "version, overdue_balance, contract_number, segment, segment_version, step, step_version, status"
        return tuple(await tx.fetchrow(f"SELECT {names} FROM contract") or ())

    expected = (5, Decimal("0.00"), "A-2", "insolvent", 3, "direct_contact", 2, "active")
    assert await known() == expected
    await WHOLES.keep(tx, [whole(1, segment="chronic", step="reminder")])
    assert await known() == expected
    dead = Debtor(debtor_id=DEBTOR, name="Ana", status=DebtorStatus.DECEASED, status_version=2)
    await WHOLES.keep(tx, [whole(2, debtor=dead)])
    assert await known() == (*expected[:-1], "deceased"), "a status of the known version mends what was wrong"


async def test_the_newest_status_and_portfolio_are_kept(tx: Transaction) -> None:
    died = DebtorStatusChanged.model_validate(
        position(7)
        | {"debtor_id": DEBTOR, "status": DebtorStatus.DECEASED, "status_version": 5, "reported_by": "agency"}
    )
    await contracts.keep_statuses(tx, [died])
    await contracts.keep_statuses(tx, [whole(6)])
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
    await contracts.keep_statuses(tx, [moved])
    assert await status() == "active"
    await contracts.keep_statuses(tx, [died])
    assert await status() == "active"
    await contracts.keep_statuses(tx, [back])
    assert await status() == "deceased"
    await contracts.keep_statuses(tx, [moved])
    assert await status() == "deceased"


async def test_a_debtor_who_is_linked_to_nobody_is_a_person_alone(tx: Transaction) -> None:
    """So is one of an event of an earlier release, which names no person."""

    async def person() -> object:
        return await tx.fetchval(f"SELECT {contracts.person()} FROM contract")

    linked = uuid4()
    earlier = whole(1).model_dump(mode="json")
    del earlier["debtor"]["person_id"]
    await DETAILS.keep(tx, [ContractRegistered.model_validate(earlier)])
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
    await contracts.keep_statuses(tx, [whole(3, debtor=Debtor(debtor_id=DEBTOR, name="Ana"))])
    await contracts.keep_statuses(tx, [died])
    await contracts.keep_statuses(tx, [moved])
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


@pytest.mark.parametrize(
    ("statement", "arrays"),
    [
        (pauses._RETIRE, 4),
        (clarifications._END, 5),
        (contact_points._RETIRE, 6),
        (contact_points._RETIRE_OF_PARTIES, 6),
    ],
    ids=["pauses", "disputes", "contact points", "contact points of parties"],
)
async def test_what_whole_contracts_no_longer_list_is_found_by_a_hash(
    tx: Transaction, statement: str, arrays: int
) -> None:
    """Without it the work for a batch grows with the square of its size, whatever PostgreSQL knows of the tables."""
    plan = "\n".join(row[0] for row in await tx.fetch(f"EXPLAIN (GENERIC_PLAN) {statement}", *[()] * arrays))
    assert "hashed SubPlan" in plan
    assert "Anti Join" not in plan
