"""Changes of a contract that the daily run has not reached yet: they restage it, with the cause ``catch_up``."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from uuid import UUID, uuid4

import httpx
import pytest
from events_of_other_services import PHONE_KIND, receive
from portfolio.stages import daily_run
from portfolio.strategy import judging
from portfolio_builders import TODAY, Given, days_ago
from recobro_events import Event
from recobro_events.contracts import dialer_feed, field_visits
from recobro_events.contracts.field_visits import AddressVerdict
from recobro_events.contracts.portfolio import ContractStageChanged, DebtorStatus, Stage, StageCause
from recobro_events.testing import published

PHONE, OTHER_PHONE = "+525555123456", "+525555123457"
TOMORROW = TODAY + timedelta(days=1)


async def not_reached(given: Given, contracts: int = 1) -> list[UUID]:
    """Contracts of one debtor that are late from tomorrow on. Tomorrow's run has begun and has not reached them."""
    portfolio_id = await given.portfolio()
    found = [
        await given.contract(portfolio_id, (days_ago(30), "100.00"), debtor_number="D", phones=[PHONE])
        for _ in range(contracts)
    ]
    while await judging.work(given.database):
        pass
    await given.business_date(portfolio_id, TOMORROW)
    return found


async def contact_of(given: Given, contract_id: UUID) -> UUID:
    [row] = await given.rows("SELECT contact_id FROM contact_point WHERE contract_id = $1", contract_id)
    return row["contact_id"]  # type: ignore[no-any-return]


async def expect_caught_up(given: Given, contract_ids: Sequence[UUID], caused: bool = False) -> None:
    """Check that each contract became late once, with the cause ``catch_up`` in its event and in its history."""
    changes = await published(given.database, ContractStageChanged)
    assert {event.contract_id for event in changes} == set(contract_ids)
    assert len(changes) == len(contract_ids)
    assert {(event.from_stage, event.to_stage, event.cause, event.as_of) for event in changes} == {
        (Stage.EARLY, Stage.LATE, StageCause.CATCH_UP, TOMORROW)
    }
    # An id that is computed from the causing event's id has version 8. Any other id has version 7.
    assert {event.event_id.version for event in changes} == {8 if caused else 7}
    lines = await given.rows("SELECT contract_id, data FROM contract_history WHERE kind = 'stage_changed'")
    assert {(row["contract_id"], row["data"]["cause"]) for row in lines} == {(one, "catch_up") for one in contract_ids}


async def _dispute(client: httpx.AsyncClient, _given: Given, contract_id: UUID) -> httpx.Response:
    body = {"reason": "not mine", "opened_by": "debtor"}
    return await client.post(f"/v1/contracts/{contract_id}/clarifications", json=body)


async def _status(client: httpx.AsyncClient, _given: Given, contract_id: UUID) -> httpx.Response:
    body = {"status": "deceased", "reported_by": "ana"}
    return await client.post(f"/v1/contracts/{contract_id}/debtor-status", json=body)


async def _opt_out(client: httpx.AsyncClient, given: Given, contract_id: UUID) -> httpx.Response:
    contact_id = await contact_of(given, contract_id)
    return await client.patch(f"/v1/contact-points/{contact_id}", json={"change": "opted_out"})


async def _new_phone(client: httpx.AsyncClient, _given: Given, contract_id: UUID) -> httpx.Response:
    body = {"kind": "phone", "value": OTHER_PHONE, "provenance": "debtor"}
    return await client.post(f"/v1/contracts/{contract_id}/contact-points", json=body)


@pytest.mark.parametrize("call", [_dispute, _status, _opt_out, _new_phone])
async def test_a_request_that_restages_a_contract_before_the_run_does_is_a_catch_up(
    client: httpx.AsyncClient, given: Given, call: Callable[[httpx.AsyncClient, Given, UUID], Awaitable[httpx.Response]]
) -> None:
    [contract_id] = await not_reached(given)
    answer = await call(client, given, contract_id)
    assert answer.is_success, answer.text
    await expect_caught_up(given, [contract_id])


@pytest.mark.parametrize("call", [_dispute, _status, _opt_out, _new_phone])
async def test_the_run_that_comes_later_publishes_nothing_again(
    client: httpx.AsyncClient, given: Given, call: Callable[[httpx.AsyncClient, Given, UUID], Awaitable[httpx.Response]]
) -> None:
    [contract_id] = await not_reached(given)
    assert (await call(client, given, contract_id)).is_success
    portfolio_id = (await given.row(contract_id))["portfolio_id"]
    before = (await given.row(contract_id))["version"]
    assert await daily_run.advance(given.database, portfolio_id, TOMORROW) == 0
    assert (await given.row(contract_id))["stage"] == Stage.LATE
    assert (await given.row(contract_id))["version"] == before
    await expect_caught_up(given, [contract_id])


@pytest.mark.parametrize("call", [_dispute, _status, _opt_out, _new_phone])
@pytest.mark.parametrize("paused", [False, True])
async def test_a_contract_that_stays_in_its_stage_publishes_no_change_of_stage(
    client: httpx.AsyncClient,
    given: Given,
    call: Callable[[httpx.AsyncClient, Given, UUID], Awaitable[httpx.Response]],
    paused: bool,
) -> None:
    """An instalment falls due tomorrow. The pause keeps a contract early that would be late tomorrow."""
    portfolio_id = await given.portfolio()
    oldest = days_ago(30 if paused else 5)
    contract_id = await given.contract(portfolio_id, (oldest, "100.00"), (TODAY, "40.00"), phones=[PHONE])
    if paused:
        body = {"reason": "flood", "starts_on": str(TOMORROW)}
        assert (await client.post(f"/v1/contracts/{contract_id}/pauses", json=body)).status_code == 201
    await given.business_date(portfolio_id, TOMORROW)
    assert (await call(client, given, contract_id)).is_success
    assert await published(given.database, ContractStageChanged) == []
    row = await given.row(contract_id)
    assert (row["stage"], str(row["overdue_balance"]), row["as_of"]) == ("early", "140.00", TOMORROW)


async def test_a_contract_that_the_run_never_reaches_is_caught_up_too(client: httpx.AsyncClient, given: Given) -> None:
    """The run skips a returned contract. The next report about the contract restages it."""
    [contract_id] = await not_reached(given)
    async with given.database.transaction() as tx:
        returned = "UPDATE contract SET state = 'returned', next_change_on = NULL WHERE contract_id = $1"
        await tx.execute(returned, contract_id)
    assert (await _status(client, given, contract_id)).status_code == 201
    await expect_caught_up(given, [contract_id])


async def test_a_status_catches_up_every_contract_of_the_debtor(client: httpx.AsyncClient, given: Given) -> None:
    contract_ids = await not_reached(given, contracts=3)
    assert (await _status(client, given, contract_ids[0])).status_code == 201
    await expect_caught_up(given, contract_ids)


@pytest.mark.parametrize(
    "report",
    [
        lambda one, _contact, _address: dialer_feed.ClarificationRequested(
            contract_id=one, reason="not mine", reported_by="d"
        ),
        lambda one, contact, _address: dialer_feed.OptOutRequested(contract_id=one, contact_id=contact),
        lambda one, contact, _address: dialer_feed.ContactInvalid(
            contract_id=one, contact_id=contact, why="wrong_number"
        ),
        lambda one, _contact, _address: field_visits.DebtorReported(
            contract_id=one, visit_id=uuid4(), status=DebtorStatus.DECEASED, reported_by="v"
        ),
        lambda one, _contact, _address: field_visits.ContactDataCollected(
            contract_id=one, visit_id=uuid4(), kind=PHONE_KIND, value=OTHER_PHONE, provenance="debtor"
        ),
        lambda one, _contact, address: field_visits.AddressChecked(
            contract_id=one, visit_id=uuid4(), address_id=address, verdict=AddressVerdict.WRONG
        ),
        lambda one, _contact, _address: field_visits.AddressCollected(
            contract_id=one, visit_id=uuid4(), street="Calle 9", provenance="neighbour"
        ),
    ],
    ids=["dispute", "opt-out", "wrong number", "status", "new phone", "wrong address", "new address"],
)
async def test_a_report_that_restages_a_contract_before_the_run_does_is_a_catch_up(
    given: Given, report: Callable[[UUID, UUID, UUID], Event]
) -> None:
    [contract_id] = await not_reached(given)
    [address] = await given.rows("SELECT address_id FROM address WHERE contract_id = $1", contract_id)
    await receive(given, report(contract_id, await contact_of(given, contract_id), address["address_id"]))
    await expect_caught_up(given, [contract_id], caused=True)


async def test_a_pause_is_published_after_the_change_of_the_run_that_it_precedes(
    client: httpx.AsyncClient, given: Given
) -> None:
    [contract_id] = await not_reached(given)
    body = {"reason": "flood", "starts_on": str(TOMORROW)}
    assert (await client.post(f"/v1/contracts/{contract_id}/pauses", json=body)).status_code == 201
    changes = await published(given.database, ContractStageChanged)
    assert [(event.to_stage, event.cause) for event in changes] == [
        (Stage.LATE, StageCause.DAILY_RUN),
        (Stage.EARLY, StageCause.PAUSE),
    ]
