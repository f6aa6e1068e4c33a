"""Pauses of people, portfolios and postal codes: every contract there is paused, also one that comes later."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4, uuid5

import asyncpg
import httpx
import pytest
from portfolio.republishing import republish
from portfolio.stages import daily_run, pausing, scopes
from portfolio_builders import TODAY, Given, days_ago
from prometheus_client import REGISTRY
from recobro_events.contracts.portfolio import (
    ContractPaused,
    ContractRegistered,
    ContractResumed,
    ContractRevised,
    ContractStageChanged,
    StageCause,
)
from recobro_events.testing import published
from service_client import ServiceClient, row

Json = dict[str, Any]


def body(scope: Json, first: int, last: int | None) -> Json:
    """A pause from ``first`` to ``last`` days ago."""
    ends = {} if last is None else {"ends_on": str(days_ago(last))}
    return {"scope": scope, "reason": "inundación", "starts_on": str(days_ago(first))} | ends


async def pause(client: httpx.AsyncClient, scope: Json, first: int, last: int | None = None) -> Json:
    answer = await client.post("/v1/scoped-pauses", json=body(scope, first, last))
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


async def days_past_due(client: httpx.AsyncClient, contract_id: UUID) -> int:
    return int((await client.get(f"/v1/contracts/{contract_id}")).json()["days_past_due"])


def code_of(answer: httpx.Response) -> str:
    return str(answer.json()["type"]).rpartition(":")[2]


async def scopes_of(given: Given, contract_id: UUID) -> dict[str, Json]:
    contract = await given.row(contract_id)
    return {
        "portfolio": {"portfolio_id": str(contract["portfolio_id"])},
        "person": {"person_id": str(contract["debtor_id"])},
        "postal_code": {"creditor_id": str(given.creditor_id), "country": "MX", "postal_code": "06 000"},
    }


@pytest.mark.parametrize("kind", ["portfolio", "person", "postal_code"])
async def test_a_scope_pauses_its_contracts_and_restages_them_at_once(
    client: httpx.AsyncClient, given: Given, kind: str
) -> None:
    portfolio_id = await given.portfolio()
    both = [await given.contract(portfolio_id, (days_ago(35), "100.00"), debtor_number="D") for _ in range(2)]
    elsewhere = await given.contract(await given.portfolio(), (days_ago(35), "100.00"))
    async with given.database.transaction() as tx:
        await tx.execute("UPDATE address SET postal_code = '97000' WHERE contract_id = $1", elsewhere)
    scope = (await scopes_of(given, both[0]))[kind]
    paused = await pause(client, scope, 10, 1)
    assert (paused["kind"], paused["contracts"], paused["applied"]) == (kind, 2, True)
    assert [await days_past_due(client, one) for one in (*both, elsewhere)] == [25, 25, 35]
    events = await published(given.database, ContractPaused)
    assert {event.contract_id for event in events} == set(both)
    assert all(event.version == event.pause_version for event in events)
    staged = await published(given.database, ContractStageChanged)
    assert {(event.contract_id, event.cause) for event in staged} == {(one, StageCause.PAUSE) for one in both}
    why = (await client.get(f"/v1/contracts/{both[0]}/stage")).json()
    [fact] = [each for each in why["because"] if each["kind"] == "pause"]
    assert (fact["days"], fact["scope"], why["differs"]) == (10, kind, False)
    assert (await client.get(f"/v1/scoped-pauses/{paused['pause_id']}")).json() == paused
    listed = (await client.get(f"/v1/scoped-pauses?portfolio_id={portfolio_id}")).json()["items"]
    assert listed == [paused]


async def test_scopes_overlap_and_a_day_counts_once(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    scopes = await scopes_of(given, contract_id)
    await pause(client, scopes["portfolio"], 20, 11)
    await pause(client, scopes["person"], 15, 6)
    await pause(client, scopes["postal_code"], 18, 9)
    own = {"reason": "hospital", "starts_on": str(days_ago(10)), "ends_on": str(days_ago(1))}
    assert (await client.post(f"/v1/contracts/{contract_id}/pauses", json=own)).status_code == 201
    assert await days_past_due(client, contract_id) == 20
    for name in scopes:
        refused = await client.post("/v1/scoped-pauses", json=body(scopes[name], 12, 11))
        assert (refused.status_code, code_of(refused)) == (409, "pause-overlap"), name
    beside = await client.post("/v1/scoped-pauses", json=body(scopes["person"], 5, 5))
    assert beside.status_code == 201


@pytest.mark.parametrize(("first", "last", "status"), [(25, 20, 409), (25, 21, 201), (11, 5, 409), (10, 5, 201)])
async def test_pauses_of_a_scope_share_no_day_and_may_stand_beside_each_other(
    client: httpx.AsyncClient, given: Given, first: int, last: int, status: int
) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    scope = (await scopes_of(given, contract_id))["person"]
    await pause(client, scope, 20, 11)
    assert (await client.post("/v1/scoped-pauses", json=body(scope, first, last))).status_code == status


@pytest.mark.parametrize("of", ["contract", "scope"])
async def test_the_database_itself_refuses_an_overlap_within_one_scope(
    service: ServiceClient, given: Given, of: str
) -> None:
    """Two transactions write at once, past the use case: the second waits for the scope's lock, and fails."""
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    scope = (await scopes_of(given, contract_id))["portfolio"]
    paused = await pause(service.client, scope, 30, 30)
    [known] = await given.rows("SELECT scope_id FROM scoped_pause WHERE pause_id = $1", UUID(paused["pause_id"]))
    if of == "contract":
        insert, key = (
            "pause (contract_id, reason, starts_on, ends_on, version) VALUES ($1, 'x', $2, $3, 0)",
            contract_id,
        )
    else:
        key = known["scope_id"]
        insert = "scoped_pause (scope_id, reason, starts_on, ends_on) VALUES ($1, 'x', $2, $3)"

    async def write() -> None:
        async with given.database.transaction() as tx:
            await tx.execute(f"INSERT INTO {insert}", key, days_ago(9), days_ago(5))

    async with given.database.transaction() as first:
        await first.execute(f"INSERT INTO {insert}", key, days_ago(6), days_ago(2))
        second = asyncio.create_task(write())
        await service.until_waiting(1)
    with pytest.raises(asyncpg.ExclusionViolationError):
        await second


async def test_an_end_gives_the_days_back_and_a_scopes_pause_is_not_ended_for_one_contract(
    client: httpx.AsyncClient, given: Given
) -> None:
    portfolio_id = await given.portfolio()
    contract_id = await given.contract(portfolio_id, (days_ago(35), "100.00"))
    paused = await pause(client, {"portfolio_id": str(portfolio_id)}, 10, -10)
    assert await days_past_due(client, contract_id) == 24
    [own] = (await client.get(f"/v1/contracts/{contract_id}")).json()["pauses"]
    refused = await client.post(f"/v1/pauses/{own['pause_id']}/end")
    assert (refused.status_code, code_of(refused)) == (409, "pause-of-scope")
    assert refused.json()["scoped_pause_id"] == paused["pause_id"]
    at = f"/v1/scoped-pauses/{paused['pause_id']}/end"
    assert (await client.post(at, json={"ends_on": str(days_ago(-11))})).status_code == 422
    ended = await client.post(at, json={"ends_on": str(days_ago(6))})
    assert ended.json()["ends_on"] == str(days_ago(6))
    assert await days_past_due(client, contract_id) == 30
    [event] = await published(given.database, ContractResumed)
    assert (event.contract_id, event.ends_on) == (contract_id, days_ago(6))
    assert code_of(await client.post(at)) == "pause-ended"
    assert code_of(await client.post(f"/v1/scoped-pauses/{uuid4()}/end")) == "pause-unknown"


async def test_a_large_scope_is_paused_chunk_by_chunk_and_goes_on_after_a_death(
    client: httpx.AsyncClient, given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pausing, "CHUNK_CONTRACTS", 2)
    portfolio_id = await given.portfolio()
    ids = [await given.contract(portfolio_id, (days_ago(35), "100.00")) for _ in range(5)]
    async with given.database.transaction() as tx:
        new = scopes.NewScopedPause.model_validate(body({"portfolio_id": str(portfolio_id)}, 10, 1))
        paused = await scopes.start(tx, new)
    assert (paused.contracts, paused.applied) == (2, False)

    async def killed() -> None:
        async with given.database.transaction() as tx:
            await pausing.apply_chunk(tx, paused.pause_id)
            raise RuntimeError("before the commit")

    with pytest.raises(RuntimeError):
        await killed()
    assert await pausing.work_on_one(given.database)
    assert REGISTRY.get_sample_value("portfolio_unapplied_pauses") == 1
    assert not await pausing.work_on_one(given.database)
    assert REGISTRY.get_sample_value("portfolio_unapplied_pauses") == 0
    shown = (await client.get(f"/v1/scoped-pauses/{paused.pause_id}")).json()
    assert (shown["contracts"], shown["applied"]) == (5, True)
    assert [await days_past_due(client, one) for one in ids] == [25] * 5
    assert len(await published(given.database, ContractPaused)) == 5


async def test_a_contract_that_a_file_brings_into_a_paused_scope_is_paused_too(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, row("C-1"))
    creditor_id = (await service.get(f"/v1/portfolios/{portfolio_id}"))["creditor_id"]
    code = {"creditor_id": creditor_id, "country": "MX", "postal_code": "27000"}
    for scope, starts_on in (({"portfolio_id": str(portfolio_id)}, "2026-09-05"), (code, "2026-09-01")):
        new = {"scope": scope, "reason": "inundación", "starts_on": starts_on}
        assert (await service.client.post("/v1/scoped-pauses", json=new)).status_code == 201
    await service.load(portfolio_id, row("C-2"), row("C-3", postal_code="27000", street="Calle 1"), as_of="2026-09-10")
    assert (await service.contract(portfolio_id, "C-1"))["days_past_due"] == 34
    found = {number: await service.contract(portfolio_id, number) for number in ("C-2", "C-3")}
    assert {number: len(one["pauses"]) for number, one in found.items()} == {"C-2": 1, "C-3": 2}
    assert (found["C-2"]["days_past_due"], found["C-3"]["days_past_due"]) == (34, 30)
    registered = await published(service.database, ContractRegistered)
    carried = {event.contract_number: len(event.pauses) for event in registered}
    assert carried == {"C-1": 0, "C-2": 1, "C-3": 2}
    lines = await service.history(portfolio_id, "C-2")
    assert [line["kind"] for line in lines if line["kind"] in ("paused", "registered")] == ["registered", "paused"]
    why = await service.get(f"/v1/contracts/{uuid5(portfolio_id, 'C-3')}/stage")
    assert sum(each["days"] for each in why["because"] if each["kind"] == "pause") == 10


@pytest.mark.parametrize(
    "scope",
    [
        {},
        {"portfolio_id": str(uuid4()), "person_id": str(uuid4())},
        {"creditor_id": str(uuid4()), "postal_code": "06000"},
        {"creditor_id": str(uuid4()), "country": "mx", "postal_code": "06000"},
        {"portfolio_id": str(uuid4()), "country": "MX"},
    ],
)
async def test_a_scope_is_one_thing(client: httpx.AsyncClient, given: Given, scope: Json) -> None:
    before = await given.everything()
    assert (await client.post("/v1/scoped-pauses", json=body(scope, 3, 1))).status_code == 422
    assert await given.everything() == before


async def test_unknown_scopes_are_not_found(client: httpx.AsyncClient) -> None:
    unknown = str(uuid4())
    postal = {"creditor_id": unknown, "country": "MX", "postal_code": "06000"}
    for scope, code in (
        ({"portfolio_id": unknown}, "portfolio-unknown"),
        ({"person_id": unknown}, "person-unknown"),
        (postal, "creditor-unknown"),
    ):
        answer = await client.post("/v1/scoped-pauses", json=body(scope, 3, 1))
        assert (answer.status_code, code_of(answer)) == (404, code)


async def test_interest_and_fees_stand_still_on_paused_days(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(35), "100.00"))
    scope = (await scopes_of(given, contract_id))["portfolio"]
    await pause(client, scope, 10, 5)
    at = f"/v1/contracts/{contract_id}/charges"
    for kind, day, status in (("fee", 6, 409), ("default_interest", 10, 409), ("chargeback", 6, 201), ("fee", 4, 201)):
        charge = {"kind": kind, "amount": "5.00", "charged_on": str(days_ago(day)), "reason": "mora"}
        answer = await client.post(at, json=charge)
        assert answer.status_code == status, (kind, day, answer.text)
        if status == 409:
            assert code_of(answer) == "contract-paused"


async def test_pauses_of_scopes_are_published_again_with_their_contracts(
    client: httpx.AsyncClient, given: Given
) -> None:
    portfolio_id = await given.portfolio()
    contract_id = await given.contract(portfolio_id, (days_ago(35), "100.00"))
    await pause(client, {"portfolio_id": str(portfolio_id)}, 10, 1)
    async with given.database.transaction() as tx:
        tx.audience = "dialer-feed"
        await republish(tx, str(UUID(int=0)))
    states = [*await published(given.database, ContractRegistered), *await published(given.database, ContractRevised)]
    event = max(states, key=lambda state: state.version)
    [paused] = await published(given.database, ContractPaused)
    assert [(one.pause_id, one.version) for one in event.pauses] == [(paused.pause_id, paused.pause_version)]
    assert event.contract_id == contract_id
    await daily_run.advance(given.database, portfolio_id, TODAY + timedelta(days=1))
    assert await days_past_due(client, contract_id) == 26
