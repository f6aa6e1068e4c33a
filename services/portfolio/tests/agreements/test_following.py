"""The portfolio takes the consequences of agreements: it rewrites when the debt falls due, and waives what is left."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
import pytest
from agreement_deals import Deal
from asyncpg import LockNotAvailableError
from events_of_other_services import receive
from portfolio.agreements import following
from portfolio.charges import taking
from portfolio.ledger import limits
from portfolio.ledger.positions import reposition
from portfolio_builders import TODAY, Given, days_ago, pay, reverse, until_waiting
from recobro_events import Event, Transaction
from recobro_events.contracts.portfolio import (
    ChargeReversed,
    ChargeTaken,
    ContractClosed,
    ContractRevised,
    ContractStageChanged,
    StageCause,
)
from recobro_events.contracts.promises import AgreementKind
from recobro_events.testing import published

Json = dict[str, Any]


async def hear(given: Given, *events: Event) -> None:
    """Apply these events, each in a batch of its own, and take their consequences."""
    for event in events:
        await receive(given, event)
    await following.follow_all(given.database)


async def shown(client: httpx.AsyncClient, contract_id: UUID) -> Json:
    answer = await client.get(f"/v1/contracts/{contract_id}")
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def standing(contract: Json) -> tuple[str, ...]:
    names = ("state", "stage", "days_past_due", "overdue_balance", "total_balance")
    return tuple(str(contract[name]) for name in names)


async def late(given: Given) -> UUID:
    """A contract that owes 1000.00, of which 900.00 is 40 and 10 days late."""
    parts = ((days_ago(40), "500.00"), (days_ago(10), "400.00"), (days_ago(-20), "100.00"))
    return await given.contract(await given.portfolio(), *parts)


LATE = ("open", "late", "40", "900.00", "1000.00")


async def test_a_settlement_waives_what_is_left_and_closes_the_contract_only_when_it_is_settled(
    client: httpx.AsyncClient, given: Given
) -> None:
    contract_id = await late(given)
    deal = Deal(contract_id, AgreementKind.SETTLEMENT, "400.00", (3, "600.00"))
    await hear(given, deal.reached())
    assert standing(await shown(client, contract_id)) == LATE
    await pay(client, contract_id, "600.00")
    await hear(given, deal.fulfilled())
    assert (await shown(client, contract_id))["total_balance"] == "400.00"
    assert await published(given.database, ChargeTaken) == []
    await hear(given, deal.settled())
    assert standing(await shown(client, contract_id)) == ("settled", "current", "0", "0.00", "0.00")
    [charge] = await published(given.database, ChargeTaken)
    assert (charge.kind, str(charge.amount), charge.charged_on) == ("waiver", "400.00", TODAY)
    [closed] = await published(given.database, ContractClosed)
    assert closed.reason == "settled"


async def test_a_waiver_is_booked_once_and_taken_back_once(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await late(given)
    deal = Deal(contract_id, AgreementKind.SETTLEMENT, "400.00", (3, "600.00"))
    receipt = await pay(client, contract_id, "600.00")
    await hear(given, deal.reached(), deal.fulfilled())
    settled, broken = deal.settled(), deal.broken()
    await hear(given, settled, settled)
    await hear(given, settled)
    await reverse(client, receipt["payment_id"])
    assert (await shown(client, contract_id))["total_balance"] == "600.00"
    await hear(given, broken, settled, broken)
    assert standing(await shown(client, contract_id)) == LATE
    assert len(await published(given.database, ChargeTaken)) == 1
    [undone] = await published(given.database, ChargeReversed)
    assert undone.reason == following.NOT_SETTLED
    await pay(client, contract_id, "600.00")
    await hear(given, deal.fulfilled(), deal.settled())
    assert (await shown(client, contract_id))["state"] == "settled"


async def test_a_newer_settlement_books_no_second_waiver_and_none_is_of_a_day_to_come(given: Given) -> None:
    """Between two settlements that the portfolio hears of there may be a reopening of which it does not."""
    contract_id = await late(given)
    deal = Deal(contract_id, AgreementKind.FORGIVENESS, "100.00")
    ahead = TODAY + timedelta(days=3)
    await hear(given, deal.reached(), deal.fulfilled(), deal.settled(on=ahead))
    await hear(given, deal.settled(on=ahead))
    [waiver] = await published(given.database, ChargeTaken)
    assert (str(waiver.amount), waiver.charged_on) == ("100.00", TODAY)
    assert await given.rows("SELECT FROM agreement WHERE followed IS DISTINCT FROM version") == [], "nothing waits"


async def test_events_in_any_order_come_to_the_newest_state(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await late(given)
    deal = Deal(contract_id, AgreementKind.RESTRUCTURE, "100.00", (10, "450.00"), (40, "450.00"))
    reached, fulfilled, settled, reopened = deal.reached(), deal.fulfilled(), deal.settled(), deal.reopened()
    await hear(given, settled, reopened, fulfilled)
    assert standing(await shown(client, contract_id)) == LATE
    await hear(given, reached)
    assert standing(await shown(client, contract_id)) == ("open", "current", "0", "0.00", "1000.00")


async def test_a_restructure_says_when_the_debt_falls_due_until_it_ends(
    client: httpx.AsyncClient, given: Given
) -> None:
    contract_id = await late(given)
    before = await shown(client, contract_id)
    deal = Deal(contract_id, AgreementKind.RESTRUCTURE, "100.00", (10, "450.00"), (40, "450.00"))
    await hear(given, deal.reached())
    contract = await shown(client, contract_id)
    assert standing(contract) == ("open", "current", "0", "0.00", "1000.00")
    assert contract["rescheduled_by"] == str(deal.ids["agreement_id"])
    parts = [(part["due_on"], part["amount"], part["unpaid"]) for part in contract["instalments"]]
    assert parts == [
        (str(TODAY + timedelta(days=10)), "450.00", "450.00"),
        (str(TODAY + timedelta(days=40)), "450.00", "450.00"),
    ]
    [changed] = await published(given.database, ContractStageChanged)
    assert (changed.from_stage, changed.to_stage, changed.cause) == ("late", "current", "revision")
    [*_, whole] = await published(given.database, ContractRevised)
    assert [str(part.unpaid) for part in whole.instalments] == ["450.00", "450.00"]

    await pay(client, contract_id, "450.00")
    contract = await shown(client, contract_id)
    assert [part["unpaid"] for part in contract["instalments"]] == ["0.00", "450.00"]
    assert contract["oldest_due_on"] == str(TODAY + timedelta(days=40))

    await hear(given, deal.broken())
    contract = await shown(client, contract_id)
    assert standing(contract) == ("open", "late", "40", "450.00", "550.00")
    assert [part["unpaid"] for part in contract["instalments"]] == ["50.00", "400.00", "100.00"]
    assert (contract["rescheduled_by"], contract["episode"]) == (None, before["episode"])
    kinds = [line["kind"] for line in (await client.get(f"/v1/contracts/{contract_id}/history")).json()["items"]]
    assert ("rescheduled" in kinds, "original_schedule" in kinds) == (True, True)


async def test_what_was_paid_before_a_restructure_does_not_pay_its_first_part(
    client: httpx.AsyncClient, given: Given
) -> None:
    contract_id = await late(given)
    receipt = await pay(client, contract_id, "200.00")
    deal = Deal(contract_id, AgreementKind.RESTRUCTURE, "0.00", (10, "400.00"), (40, "400.00"))
    reached = deal.reached().model_copy(update={"paid_before": (UUID(receipt["payment_id"]),)})
    await hear(given, reached)
    await pay(client, contract_id, "100.00")
    contract = await shown(client, contract_id)
    assert [part["unpaid"] for part in contract["instalments"]] == ["300.00", "400.00"]


async def test_a_missed_part_of_a_restructure_is_late_by_its_own_day(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await late(given)
    await hear(given, Deal(contract_id, AgreementKind.RESTRUCTURE, "100.00", (10, "450.00"), (40, "450.00")).reached())
    row = await given.row(contract_id)
    await given.business_date(row["portfolio_id"], TODAY + timedelta(days=15))
    async with given.database.transaction() as tx:
        await reposition(tx, [contract_id], cause=StageCause.DAILY_RUN)
    assert standing(await shown(client, contract_id)) == ("open", "early", "5", "450.00", "1000.00")


async def test_what_comes_on_top_of_a_restructure_falls_due_with_its_last_part(
    client: httpx.AsyncClient, given: Given
) -> None:
    contract_id = await late(given)
    await hear(given, Deal(contract_id, AgreementKind.RESTRUCTURE, "100.00", (10, "450.00"), (40, "450.00")).reached())
    fee = {"kind": "fee", "amount": "30.00", "charged_on": str(TODAY), "reason": "visit"}
    answer = await client.post(f"/v1/contracts/{contract_id}/charges", json=fee)
    assert (answer.status_code, answer.json()["overdue_balance"]) == (201, "0.00")
    contract = await shown(client, contract_id)
    assert [part["unpaid"] for part in contract["instalments"]] == ["450.00", "480.00"]
    undone = await client.post(f"/v1/charges/{answer.json()['charge_id']}/reversal", json={"reason": "mistaken"})
    assert undone.status_code == 201
    contract = await shown(client, contract_id)
    assert [part["unpaid"] for part in contract["instalments"]] == ["450.00", "450.00"]


async def test_what_was_added_after_the_agreement_is_still_owed(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await late(given)
    deal = Deal(contract_id, AgreementKind.SETTLEMENT, "400.00", (3, "600.00"))
    await hear(given, deal.reached())
    fee = {"kind": "fee", "amount": "30.00", "charged_on": str(TODAY), "reason": "visit"}
    await client.post(f"/v1/contracts/{contract_id}/charges", json=fee)
    # The tolerance of the portfolio let 5.00 be missing.
    await pay(client, contract_id, "595.00")
    await hear(given, deal.fulfilled(), deal.settled(forgiven="405.00"))
    contract = await shown(client, contract_id)
    assert (contract["state"], contract["total_balance"]) == ("open", "30.00")


async def test_a_forgiveness_without_payments_leaves_the_rest_open(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await late(given)
    deal = Deal(contract_id, AgreementKind.FORGIVENESS, "250.00")
    await hear(given, deal.reached(), deal.fulfilled(), deal.settled())
    assert standing(await shown(client, contract_id)) == ("open", "late", "40", "650.00", "750.00")


async def test_the_debtor_who_paid_more_gets_no_more_than_is_owed_waived(
    client: httpx.AsyncClient, given: Given
) -> None:
    contract_id = await late(given)
    deal = Deal(contract_id, AgreementKind.SETTLEMENT, "400.00", (3, "600.00"))
    await pay(client, contract_id, "1200.00")
    await hear(given, deal.reached(), deal.fulfilled(), deal.settled())
    contract = await shown(client, contract_id)
    assert (contract["state"], contract["payments"][0]["credit"]) == ("settled", "200.00")
    assert await published(given.database, ChargeTaken) == []


async def test_the_death_of_the_debtor_brings_the_original_debt_back(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await late(given)
    deal = Deal(contract_id, AgreementKind.RESTRUCTURE, "100.00", (10, "900.00"))
    await hear(given, deal.reached())
    await hear(given, deal.cancelled())
    assert standing(await shown(client, contract_id)) == LATE


async def test_a_dispute_between_agreement_and_settlement_changes_no_money(
    client: httpx.AsyncClient, given: Given
) -> None:
    contract_id = await late(given)
    deal = Deal(contract_id, AgreementKind.SETTLEMENT, "400.00", (3, "600.00"))
    await hear(given, deal.reached())
    dispute = {"reason": "amount", "opened_by": "debtor"}
    answer = await client.post(f"/v1/contracts/{contract_id}/clarifications", json=dispute)
    assert answer.status_code == 201, answer.text
    await pay(client, contract_id, "600.00")
    await hear(given, deal.fulfilled(), deal.settled())
    assert (await shown(client, contract_id))["state"] == "settled"


async def test_the_agreement_of_a_closed_contract_waits_until_a_file_opens_it(
    client: httpx.AsyncClient, given: Given
) -> None:
    contract_id = await late(given)
    deal = Deal(contract_id, AgreementKind.SETTLEMENT, "400.00", (3, "600.00"))
    await pay(client, contract_id, "600.00")
    await given.rows("UPDATE contract SET state = 'withdrawn' WHERE contract_id = $1 RETURNING 1", contract_id)
    await hear(given, deal.reached(), deal.fulfilled(), deal.settled())
    assert (await given.row(contract_id))["total_balance"] == 400
    await given.rows("UPDATE contract SET state = 'open' WHERE contract_id = $1 RETURNING 1", contract_id)
    assert await following.follow_all(given.database) == 1
    assert (await shown(client, contract_id))["state"] == "settled"


async def test_a_contract_that_cannot_take_its_waiver_keeps_no_other_one_waiting(
    client: httpx.AsyncClient, given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "CHARGES", 1)
    full, free = await late(given), await late(given)
    fee = {"kind": "fee", "amount": "30.00", "charged_on": str(TODAY), "reason": "visit"}
    assert (await client.post(f"/v1/contracts/{full}/charges", json=fee)).status_code == 201
    for contract_id in (full, free):
        deal = Deal(contract_id, AgreementKind.FORGIVENESS, "250.00")
        await receive(given, deal.reached())
        await receive(given, deal.settled())
    assert await following.follow_all(given.database) == 1
    balances = {one: (await shown(client, one))["total_balance"] for one in (full, free)}
    assert balances == {full: "1030.00", free: "750.00"}
    monkeypatch.setattr(limits, "CHARGES", 500)
    assert await following.follow_all(given.database) == 0
    await given.rows("UPDATE agreement SET try_again_at = now() WHERE contract_id = $1 RETURNING 1", full)
    assert await following.follow_all(given.database) == 1
    assert (await shown(client, full))["total_balance"] == "780.00"


@pytest.mark.parametrize("error", [ZeroDivisionError(), LockNotAvailableError()])
async def test_a_contract_that_fails_keeps_no_other_one_waiting(
    client: httpx.AsyncClient, given: Given, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    contracts = sorted([await late(given), await late(given)])
    for contract_id in contracts:
        deal = Deal(contract_id, AgreementKind.FORGIVENESS, "250.00")
        await receive(given, deal.reached())
        await receive(given, deal.settled())
    take = taking.take

    async def failing(tx: Transaction, contract_id: UUID, *given: Any) -> Any:
        if contract_id == contracts[0]:
            raise error
        return await take(tx, contract_id, *given)

    monkeypatch.setattr(taking, "take", failing)
    assert await following.follow_all(given.database) == 1
    assert [(await shown(client, one))["total_balance"] for one in contracts] == ["1000.00", "750.00"]
    monkeypatch.undo()
    await given.rows("UPDATE agreement SET try_again_at = now() WHERE contract_id = $1 RETURNING 1", contracts[0])
    assert await following.follow_all(given.database) == 1
    assert (await shown(client, contracts[0]))["total_balance"] == "750.00"


@asynccontextmanager
async def held(given: Given, contract_id: UUID) -> AsyncIterator[Transaction]:
    """Hold the contract's row, as a payment or a file's chunk does, until the block ends."""
    async with given.database.transaction() as tx:
        await tx.fetch("SELECT FROM contract WHERE contract_id = $1 FOR UPDATE", contract_id)
        yield tx


async def test_two_followers_and_a_payment_that_meet_book_one_waiver(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await late(given)
    deal = Deal(contract_id, AgreementKind.SETTLEMENT, "400.00", (3, "600.00"))
    await pay(client, contract_id, "600.00")
    for event in (deal.reached(), deal.fulfilled(), deal.settled()):
        await receive(given, event)
    async with held(given, contract_id):
        followers = [asyncio.create_task(following.follow_all(given.database)) for _ in range(2)]
        payment = asyncio.create_task(pay(client, contract_id, "50.00"))
        await until_waiting(given.database, 3)
    await asyncio.gather(*followers, payment)
    contract = await shown(client, contract_id)
    [charge] = await published(given.database, ChargeTaken)
    credit = sum(Decimal(one["credit"]) for one in contract["payments"])
    assert contract["state"] == "settled"
    assert Decimal(650) + charge.amount - credit == 1000


async def test_a_follower_that_dies_halfway_leaves_nothing_half_done(
    client: httpx.AsyncClient, given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    contract_id = await late(given)
    deal = Deal(contract_id, AgreementKind.RESTRUCTURE, "100.00", (10, "900.00"))
    await receive(given, deal.reached())
    before = await given.everything()

    async def dies(*_: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patched:
        patched.setattr(following, "_waiver", dies)
        with pytest.raises(asyncio.CancelledError):
            await following.follow_all(given.database)
    assert await given.everything() == before
    await following.follow_all(given.database)
    assert standing(await shown(client, contract_id)) == ("open", "current", "0", "0.00", "1000.00")
