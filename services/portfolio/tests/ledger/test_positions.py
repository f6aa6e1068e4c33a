"""Balances, delay, stages and the allocation of payments, compared with plain Python code."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from portfolio.ledger import rules
from portfolio.ledger.positions import reapply_payments, reposition
from portfolio.ledger.whole import publish_whole
from portfolio_builders import TODAY, Given, days_ago
from recobro_events import Row
from recobro_events.contracts.portfolio import (
    ContractRegistered,
    ContractRevised,
    ContractStageChanged,
    ContractState,
    Stage,
    StageCause,
)
from recobro_events.testing import published

DAYS = st.integers(-60, 130).map(days_ago)
AMOUNTS = st.integers(1, 30_000).map(lambda cents: f"{Decimal(cents) / 100:.2f}")
INSTALMENTS = st.lists(st.tuples(DAYS, AMOUNTS), min_size=1, max_size=6)
SPANS = st.lists(st.tuples(st.integers(-40, 140), st.integers(0, 40)), max_size=3)
FEW = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def without_overlaps(spans: Sequence[tuple[int, int]]) -> list[tuple[date, date | None]]:
    """Pauses that do not overlap: a span is kept if it starts after all spans kept before it have ended."""
    pauses: list[tuple[date, date | None]] = []
    for start, length in sorted(spans, reverse=True):
        first = days_ago(start)
        if not pauses or first > (pauses[-1][1] or date.max):
            pauses.append((first, first + timedelta(days=length)))
    return pauses


def counted_days_past_due(oldest: date | None, pauses: Sequence[tuple[date, date | None]], as_of: date) -> int:
    """Days past due, counted day by day."""
    if oldest is None:
        return 0
    late = (oldest + timedelta(days=n) for n in range(1, (as_of - oldest).days + 1))
    return sum(1 for day in late if not any(start <= day <= (end or date.max) for start, end in pauses))


def stage_named(days: int) -> str:
    return "current" if days <= 0 else "early" if days <= 30 else "late" if days <= 90 else "legal"


async def stage(given: Given, contract_id: UUID, as_of: date, cause: StageCause | None = StageCause.DAILY_RUN) -> Row:
    async with given.database.transaction() as tx:
        [row] = await reposition(tx, [contract_id], as_of, cause=cause)
    return row


async def add_pauses(given: Given, contract_id: UUID, pauses: Sequence[tuple[date, date | None]]) -> None:
    async with given.database.transaction() as tx:
        for start, end in pauses:
            await tx.execute(
                "INSERT INTO pause (contract_id, reason, starts_on, ends_on, version) VALUES ($1, 'x', $2, $3, 1)",
                contract_id,
                start,
                end,
            )


async def add_payments(given: Given, contract_id: UUID, amounts: Sequence[str]) -> None:
    async with given.database.transaction() as tx:
        for amount in amounts:
            await tx.execute(
                """
                INSERT INTO payment (contract_id, portfolio_id, amount, paid_on, business_date, channel,
                    days_past_due_before, episode_before)
                SELECT contract_id, portfolio_id, $2::text::numeric, as_of, as_of, 'bank', 0, 0
                FROM contract WHERE contract_id = $1
                """,
                contract_id,
                amount,
            )


@FEW
@given(instalments=INSTALMENTS, spans=SPANS, later=st.integers(0, 50))
async def test_balance_delay_and_stage_follow_from_instalments_pauses_and_the_day(
    given: Given, instalments: list[tuple[date, str]], spans: list[tuple[int, int]], later: int
) -> None:
    as_of, pauses = TODAY + timedelta(days=later), without_overlaps(spans)
    contract_id = await given.contract(await given.portfolio(), *instalments)
    await add_pauses(given, contract_id, pauses)
    row = await stage(given, contract_id, as_of)
    oldest = min(due_on for due_on, _ in instalments)
    days = counted_days_past_due(oldest, pauses, as_of)
    assert row["days_past_due"] == days == rules.days_past_due(oldest, pauses, as_of)
    assert row["stage"] == stage_named(days)
    assert row["overdue_balance"] == sum(Decimal(amount) for due_on, amount in instalments if due_on < as_of)
    assert row["total_balance"] == sum(Decimal(amount) for _, amount in instalments)
    assert (row["oldest_due_on"], row["as_of"], row["state"]) == (oldest, as_of, "open")


@FEW
@given(instalments=INSTALMENTS, spans=SPANS)
async def test_stage_or_overdue_balance_change_on_next_change_on_and_not_before(
    given: Given, instalments: list[tuple[date, str]], spans: list[tuple[int, int]]
) -> None:
    contract_id = await given.contract(await given.portfolio(), *instalments)
    await add_pauses(given, contract_id, without_overlaps(spans))
    row = await stage(given, contract_id, TODAY)
    until = row["next_change_on"] or TODAY + timedelta(days=400)
    assert until > TODAY
    later = await stage(given, contract_id, until - timedelta(days=1))
    assert (later["stage"], later["overdue_balance"]) == (row["stage"], row["overdue_balance"])
    if row["next_change_on"] is not None:
        on_the_day = await stage(given, contract_id, until)
        assert (on_the_day["stage"], on_the_day["overdue_balance"]) != (row["stage"], row["overdue_balance"])


@FEW
@given(instalments=INSTALMENTS, spans=SPANS)
def test_next_stage_on_is_the_first_day_of_another_stage(
    instalments: list[tuple[date, str]], spans: list[tuple[int, int]]
) -> None:
    oldest, pauses = min(due_on for due_on, _ in instalments), without_overlaps(spans)
    now = stage_named(counted_days_past_due(oldest, pauses, TODAY))
    following = (TODAY + timedelta(days=n) for n in range(1, 260))
    first = next((day for day in following if stage_named(counted_days_past_due(oldest, pauses, day)) != now), None)
    assert rules.next_stage_on(oldest, pauses, TODAY) == first


def test_an_open_ended_pause_keeps_the_stage_for_ever() -> None:
    assert rules.next_stage_on(days_ago(10), [(days_ago(2), None)], TODAY) is None


@pytest.mark.parametrize(
    ("days", "expected"),
    [(0, "current"), (1, "early"), (30, "early"), (31, "late"), (90, "late"), (91, "legal"), (4000, "legal")],
)
async def test_the_bounds_of_the_stages(given: Given, days: int, expected: str) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(days), "10.00"))
    row = await given.row(contract_id)
    assert (row["stage"], row["days_past_due"]) == (expected, days)


def allocated_cent_by_cent(
    instalments: Sequence[tuple[date, str]], payments: Sequence[str]
) -> tuple[list[Decimal], list[dict[int, Decimal]], list[Decimal]]:
    """The unpaid rest of each instalment, the amounts that each payment paid, and the credit of each payment."""
    order = sorted(range(len(instalments)), key=lambda n: (instalments[n][0], n))
    left = [Decimal(amount) for _, amount in instalments]
    shares: list[dict[int, Decimal]] = []
    credits_: list[Decimal] = []
    for payment in payments:
        money, share = Decimal(payment), {}
        for n in order:
            if (part := min(money, left[n])) > 0:
                share[n + 1], money, left[n] = part, money - part, left[n] - part
        shares.append(share)
        credits_.append(money)
    return left, shares, credits_


@FEW
@given(instalments=INSTALMENTS, payments=st.lists(AMOUNTS, max_size=5))
async def test_payments_pay_the_oldest_instalment_first_and_keep_the_rest_as_credit(
    given: Given, instalments: list[tuple[date, str]], payments: list[str]
) -> None:
    contract_id = await given.contract(await given.portfolio(), *instalments)
    await add_payments(given, contract_id, payments)
    async with given.database.transaction() as tx:
        await reapply_payments(tx, [contract_id])
        await reapply_payments(tx, [contract_id])
    left, shares, credit = allocated_cent_by_cent(instalments, payments)
    stored = await given.rows("SELECT unpaid FROM instalment WHERE contract_id = $1 ORDER BY number", contract_id)
    assert [row["unpaid"] for row in stored] == left
    rows = await given.rows(
        "SELECT payment_id, credit FROM payment WHERE contract_id = $1 ORDER BY sequence", contract_id
    )
    assert [row["credit"] for row in rows] == credit
    for row, share in zip(rows, shares, strict=True):
        allocated = await given.rows("SELECT * FROM payment_allocation WHERE payment_id = $1", row["payment_id"])
        assert {line["number"]: line["amount"] for line in allocated} == share
        assert all(line["due_on"] == instalments[line["number"] - 1][0] for line in allocated)


async def test_absorbed_and_reversed_payments_pay_nothing(given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    await add_payments(given, contract_id, ["10.00", "20.00", "30.00"])
    async with given.database.transaction() as tx:
        await tx.execute("UPDATE payment SET absorbed_by = contract_id WHERE amount = 10")
        await tx.execute("UPDATE payment SET reversed_at = now() WHERE amount = 20")
        await reapply_payments(tx, [contract_id])
    assert await given.unpaid(contract_id) == ["70.00"]


async def test_many_contracts_are_staged_at_once_and_only_those_that_move_are_published(given: Given) -> None:
    portfolio_id = await given.portfolio()
    moving = [await given.contract(portfolio_id, (days_ago(30), "10.00")) for _ in range(3)]
    staying = await given.contract(portfolio_id, (days_ago(29), "10.00"))
    async with given.database.transaction() as tx:
        rows = await reposition(tx, [*moving, staying], TODAY + timedelta(days=1), cause=StageCause.DAILY_RUN)
    assert {row["contract_id"] for row in rows if row["stage"] != row["was_stage"]} == set(moving)
    events = await published(given.database, ContractStageChanged)
    assert [event.contract_id for event in events] == sorted(moving)
    event, stored = events[0], await given.row(events[0].contract_id)
    assert (event.from_stage, event.to_stage, event.cause) == (Stage.EARLY, Stage.LATE, StageCause.DAILY_RUN)
    assert (event.version, event.as_of, event.days_past_due) == (2, TODAY + timedelta(days=1), 31)
    assert (event.overdue_balance, event.oldest_due_on) == (Decimal("10.00"), days_ago(30))
    assert stored["version"] == 2
    assert (await given.row(staying))["version"] == 1
    history = await given.rows("SELECT contract_id, kind, data FROM contract_history")
    assert {row["contract_id"] for row in history} == set(moving)
    assert history[0]["data"]["cause"] == "daily_run"


async def test_versions_leave_room_for_the_events_that_follow(given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(30), "10.00"))
    async with given.database.transaction() as tx:
        [row] = await reposition(
            tx, [contract_id], TODAY + timedelta(days=1), cause=StageCause.DAILY_RUN, events_to_follow=2
        )
    [event] = await published(given.database, ContractStageChanged)
    assert (event.version, row["version"]) == (2, 4)


async def test_an_episode_starts_whenever_something_becomes_overdue_again(given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(0), "10.00"), (days_ago(-5), "20.00"))
    assert (await given.row(contract_id))["episode"] == 0
    assert (await stage(given, contract_id, TODAY + timedelta(days=1)))["episode"] == 1
    await add_payments(given, contract_id, ["10.00"])
    async with given.database.transaction() as tx:
        await reapply_payments(tx, [contract_id])
        [row] = await reposition(tx, [contract_id], cause=StageCause.PAYMENT)
    assert (row["episode"], row["overdue_balance"], row["state"]) == (1, 0, "open")
    assert (await stage(given, contract_id, TODAY + timedelta(days=6)))["episode"] == 2


async def test_a_contract_is_settled_when_nothing_is_owed_and_open_again_when_something_is(given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "10.00"))
    await add_payments(given, contract_id, ["10.00"])
    async with given.database.transaction() as tx:
        await reapply_payments(tx, [contract_id])
        [settled] = await reposition(tx, [contract_id], cause=StageCause.PAYMENT)
        await tx.execute("UPDATE payment SET reversed_at = now()")
        await reapply_payments(tx, [contract_id])
        [reopened] = await reposition(tx, [contract_id], cause=StageCause.REVERSAL)
    assert (settled["state"], settled["stage"], settled["oldest_due_on"]) == ("settled", "current", None)
    assert settled["next_change_on"] is None
    assert (reopened["was_state"], reopened["state"], reopened["stage"]) == ("settled", "open", "late")


async def test_a_withdrawn_contract_stays_withdrawn_and_is_not_due_for_staging(given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(10), "10.00"))
    async with given.database.transaction() as tx:
        await tx.execute("UPDATE contract SET state = 'withdrawn'")
    row = await stage(given, contract_id, TODAY)
    assert (row["state"], row["next_change_on"]) == ("withdrawn", None)


@pytest.mark.parametrize("event_type", [ContractRegistered, ContractRevised])
async def test_the_published_whole_contract_has_the_stored_values(
    given: Given, event_type: type[ContractRegistered] | type[ContractRevised]
) -> None:
    portfolio_id = await given.portfolio()
    contract_id = await given.contract(
        portfolio_id,
        (days_ago(40), "100.00"),
        (days_ago(10), "50.50"),
        debtor_number="D-1",
        name='Ñandú "Ltd" \\',
        phones=["+525512345678", "+525512345679"],
        tax_id="XAXX010101000",
    )
    await add_payments(given, contract_id, ["30.00"])
    await add_pauses(given, contract_id, [(days_ago(3), None)])
    async with given.database.transaction() as tx:
        await tx.execute(
            """
            INSERT INTO clarification (contract_id, reason, opened_by, opened_on, deadline_on, state,
                contact_may_resume)
            VALUES ($1, 'a', 'debtor', $2, $2, 'open', NULL), ($1, 'b', 'debtor', $2, $2, 'rejected', false),
                ($1, 'c', 'debtor', $2, $2, 'rejected', true)
            """,
            contract_id,
            TODAY,
        )
        await tx.execute("UPDATE contact_point SET media = '{call}' WHERE rank = 1")
        await reapply_payments(tx, [contract_id])
        await reposition(tx, [contract_id], cause=StageCause.REVISION)
        await publish_whole(tx, [contract_id], event_type)
    whole = (await published(given.database, event_type))[-1]
    stored = await given.row(contract_id)
    assert (whole.version, whole.details_version) == (stored["version"], stored["details_version"])
    assert (whole.state, whole.stage, whole.days_past_due) == (ContractState.OPEN, Stage.LATE, 36)
    assert (whole.overdue_balance, whole.total_balance) == (Decimal("120.50"), Decimal("120.50"))
    assert (whole.debtor.name, whole.debtor.tax_id, whole.debtor.kind) == ('Ñandú "Ltd" \\', "XAXX010101000", "person")
    assert [(point.value, point.usable) for point in whole.contact_points] == [
        ("+525512345678", True),
        ("+525512345679", False),
    ]
    assert [(line.number, line.amount, line.unpaid) for line in whole.instalments] == [
        (1, Decimal("100.00"), Decimal("70.00")),
        (2, Decimal("50.50"), Decimal("50.50")),
    ]
    assert whole.addresses[0].street == 'Calle "5" de Mayo'
    assert (whole.currency, whole.jurisdiction, whole.product) == ("MXN", "MX", "card")
    assert len(whole.open_clarifications) == 2
    assert [(pause.starts_on, pause.ends_on) for pause in whole.pauses] == [(days_ago(3), None)]
    assert whole.last_payment is not None
    assert (whole.last_payment.paid_on, whole.last_payment.business_date) == (TODAY, TODAY)
    # Only a republished contract lists all payments.
    assert set(type(whole).model_fields) - {"payments"} == set(whole.model_fields_set)
