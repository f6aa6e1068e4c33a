"""A rebuilt service ends equal to a service that missed nothing, although events keep arriving during the rebuild."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta

import pytest
from fresh_databases import FreshDatabases
from platform_scenarios import (
    charge_and_allocate,
    create_agency_with_rules,
    debts_in_parts,
    make_events_of_every_kind,
    pay,
)
from recobro_events import Source, TopicPartition, rebuilding
from services_in_process import AS_OF, PROGRAMS, InProcessPlatform, all_services_in_process
from toy_services import until

pytestmark = pytest.mark.process

# The facts that each service keeps of other services. Left out: columns that depend on the time of applying, and rows
# that are over, such as a removed phone or an ended dispute, because no source republishes those.
# Nobody knows when a republished placement ended: reports about it get no days of grace.
PLACEMENTS = "SELECT to_jsonb(placement) - 'ended_at' AS placement FROM placement"
PROJECTIONS = {
    "dialer-feed": {
        "contract": "SELECT * FROM contract",
        "phone": "SELECT contract_id, contact_id, version, rank, kind, value, timezone, usable, party_id,"
        " party_role, party_name FROM contact_point WHERE present",
        "pause": "SELECT * FROM pause",
        "clarification": "SELECT contract_id, clarification_id FROM clarification WHERE silent",
        "payment": "SELECT * FROM payment",
        "placement": PLACEMENTS,
        "promise": "SELECT * FROM promise",
        "visit": "SELECT * FROM visit WHERE made",
        "portfolio": "SELECT * FROM portfolio",
        "set aside": "SELECT * FROM set_aside",
        "own calls": "SELECT * FROM own_call",
    },
    "field-visits": {
        "contract": "SELECT * FROM contract",
        "address": "SELECT * FROM address WHERE present",
        "pause": "SELECT * FROM pause",
        "clarification": "SELECT contract_id, clarification_id FROM clarification WHERE silent",
        "placement": PLACEMENTS,
        "promise": "SELECT * FROM promise",
        "portfolio": "SELECT * FROM portfolio",
    },
    "promises": {
        # The newest version in which files had counted every payment. A republished contract has a newer one.
        "contract": "SELECT to_jsonb(contract) - 'absorbed_version' AS contract FROM contract",
        "party": "SELECT * FROM party WHERE NOT removed",
        "payment": "SELECT * FROM payment",
        "placement": "SELECT * FROM placement",
        "portfolio": "SELECT * FROM portfolio",
    },
}


@pytest.fixture
async def platform(databases: FreshDatabases) -> AsyncIterator[InProcessPlatform]:
    async with all_services_in_process(databases) as platform:
        yield platform


async def projection(platform: InProcessPlatform, service: str) -> dict[str, list[str]]:
    return {
        name: sorted(json.dumps(dict(row), default=str, sort_keys=True) for row in await platform.rows(service, sql))
        for name, sql in PROJECTIONS[service].items()
    }


def drop_log(platform: InProcessPlatform, kept: Mapping[TopicPartition, int] | None = None) -> None:
    """Drop every event from the log, as retention does.

    An event stays that a running service has not applied, and one from the offset in ``kept`` on. Markers arrive by
    the clock, so there may always be one.
    """
    running = [subscription.progress for runtime in platform.running for subscription in runtime.subscriptions]
    for place in list(platform.transport.logs):
        end = platform.transport.bounds_of(place).end
        platform.transport.drop_before(place, min(reader.get(place, end) for reader in (*running, kept or {})))


async def store_positions(platform: InProcessPlatform, service: str) -> None:
    """Wait until the service has stored its positions. After events without a handler it stores them once a second."""
    for subscription in platform.runtimes[service].subscriptions:
        kept = "SELECT sum(next_offset) >= $2 FROM consumer_position WHERE consumer = $1"
        await platform.until(service, kept, subscription.name, sum(subscription.progress.values()))


async def request_rebuild(platform: InProcessPlatform, service: str) -> uuid.UUID:
    runtime = platform.runtimes[service]
    async with runtime.database.transaction() as tx:
        return await rebuilding.request(tx, PROGRAMS[service].consumer)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("service", list(PROJECTIONS))
async def test_a_rebuilt_empty_service_equals_one_that_missed_nothing(
    platform: InProcessPlatform, service: str
) -> None:
    rest = await make_events_of_every_kind(platform)
    await charge_and_allocate(platform, await debts_in_parts(platform))
    await platform.settled()
    await store_positions(platform, service)
    await platform.stop(service)
    stored = await platform.rows(service, "SELECT topic, partition, next_offset FROM consumer_position")
    drop_log(platform, {TopicPartition(topic, partition): offset for topic, partition, offset in stored})
    original = platform.dsns[service]
    await platform.create(service)
    await platform.start(service)
    await until(lambda: waits_for_operator(platform, service))

    flowing = asyncio.create_task(cause_more_events(platform, rest))
    rebuild_id = await request_rebuild(platform, service)
    await platform.until(service, "SELECT ended_at IS NOT NULL FROM rebuild WHERE rebuild_id = $1", rebuild_id)
    await flowing
    await platform.settled()
    assert platform.runtimes[service].problems() == []
    rebuilt = await projection(platform, service)

    await platform.stop(service)
    platform.dsns[service] = original
    await platform.start(service)
    await platform.settled()
    expected = await projection(platform, service)
    assert expected["contract"]
    assert expected.get("own calls", True)
    for name, rows in expected.items():
        assert rebuilt[name] == rows, name


async def waits_for_operator(platform: InProcessPlatform, service: str) -> bool:
    """Whether the consumer has stopped, or has not started because the log has events of this service's own."""
    problems = " ".join(platform.runtimes[service].problems())
    return "has stopped" in problems or "this database is empty" in problems


async def cause_more_events(platform: InProcessPlatform, contracts: list[str]) -> None:
    """Cause events while a service is being rebuilt."""
    for n, contract_id in enumerate(contracts[:20]):
        if n % 4 == 3:
            await platform.post(
                "portfolio", f"/v1/contracts/{contract_id}/clarifications", {"reason": "late", "opened_by": "agent"}
            )
        else:
            await pay(platform, contract_id, reference=f"flow-{n}")


@pytest.mark.timeout(600)
async def test_a_rebuild_closes_a_gap_and_adds_nothing_to_the_history(platform: InProcessPlatform) -> None:
    """The portfolio has missed placements and promises. They are republished, and count as nothing new."""
    rest = await make_events_of_every_kind(platform)
    await platform.stop("portfolio")
    for contract_id in rest[:3]:
        promise = {"amount": "10.00", "due_on": (AS_OF + timedelta(days=2)).isoformat(), "made_in": "portal"}
        await platform.post("promises", "/v1/promises", promise | {"contract_id": contract_id})
    [recall] = (await platform.get("assignment", "/v1/placements", contract_id=rest[3], kind="visits"))["items"]
    await platform.post("assignment", f"/v1/placements/{recall['placement_id']}/recall", {"reason": "branch"})
    for lane in ("events", "bulk"):
        await platform.until("promises", f"SELECT NOT EXISTS (SELECT FROM outbox_{lane})")
        await platform.until("assignment", f"SELECT NOT EXISTS (SELECT FROM outbox_{lane})")
    lines = await platform.rows("portfolio", "SELECT count(*) FROM contract_history")
    await platform.settled()
    drop_log(platform)
    await platform.start("portfolio")
    await until(lambda: waits_for_operator(platform, "portfolio"))
    rebuild_id = await request_rebuild(platform, "portfolio")
    ended = "SELECT ended_at IS NOT NULL FROM rebuild WHERE rebuild_id = $1"
    await platform.until("portfolio", ended, rebuild_id)
    for service, ids in (("promises", "promise_id"), ("assignment", "placement_id")):
        table = ids.removesuffix("_id")
        source = await platform.rows(service, f"SELECT {ids}, state, version FROM {table} ORDER BY 1")
        known = await platform.rows("portfolio", f"SELECT {ids}, state, version FROM {table} ORDER BY 1")
        assert [tuple(row) for row in known] == [tuple(row) for row in source]
    assert await platform.rows("portfolio", "SELECT count(*) FROM contract_history") == lines


@pytest.mark.timeout(600)
async def test_no_list_is_built_while_a_service_is_being_rebuilt(platform: InProcessPlatform) -> None:
    """Neither while dialer-feed itself is rebuilt, nor while a service between it and the source is."""
    await create_agency_with_rules(platform)
    portfolio_id = await platform.sample_portfolio(100)
    await platform.settled()
    campaign = {"name": "c", "agency_id": None, "portfolio_ids": [portfolio_id]}
    campaign_id = (await platform.post("dialer-feed", "/v1/campaigns", campaign))["campaign_id"]
    go_on = asyncio.Event()
    await platform.stop("promises")

    async def held(_tx: object, _after: str) -> None:
        await go_on.wait()

    platform.sources["promises"] = Source(held)
    await platform.start("promises")
    own = await request_rebuild(platform, "dialer-feed")
    between = await request_rebuild(platform, "assignment")
    wanted = {"campaign_id": campaign_id, "business_date": AS_OF.isoformat()}
    refused = await platform.clients["dialer-feed"].post("/v1/lists", json=wanted)
    assert (refused.status_code, refused.json()["type"].rsplit(":", 1)[-1]) == (409, "rebuilding")
    await waits_for(platform, "dialer-feed", own, "promises")
    await waits_for(platform, "assignment", between, "promises")

    await platform.rows("dialer-feed", "UPDATE rebuild SET ended_at = now()")
    asked = asyncio.create_task(platform.post("dialer-feed", "/v1/lists", wanted))
    await until(lambda: is_building_until(platform, campaign_id, "assignment"))
    go_on.set()
    assert (await asked)["status"] == "published"
    [ended] = await platform.rows("assignment", "SELECT ended_at FROM rebuild WHERE rebuild_id = $1", between)
    assert ended["ended_at"] is not None


async def waits_for(platform: InProcessPlatform, service: str, rebuild_id: uuid.UUID, *expected: str) -> None:
    async def is_waiting() -> bool:
        async with platform.runtimes[service].database.connection() as connection:
            return (await rebuilding.progress(connection, rebuild_id)).waiting_for == expected

    await until(is_waiting)


async def is_building_until(platform: InProcessPlatform, campaign_id: str, waiting_for: str) -> bool:
    """Whether the campaign's list waits for this service alone, also where it waits behind another barrier."""
    lists = (await platform.get("dialer-feed", "/v1/lists", campaign_id=campaign_id))["items"]
    states = [await platform.get("dialer-feed", f"/v1/lists/{one['list_id']}") for one in lists]
    return [(one["status"], one["waiting_for"]) for one in states] == [("building", [waiting_for])]


async def test_events_republished_for_one_service_have_no_effect_on_others(platform: InProcessPlatform) -> None:
    """Other services skip these events, and do not even store their ids."""
    await create_agency_with_rules(platform)
    await platform.sample_portfolio(60)
    await platform.settled()
    before = await platform.rows("assignment", "SELECT count(*) FROM inbox")
    rebuild_id = await request_rebuild(platform, "promises")
    await platform.until("promises", "SELECT ended_at IS NOT NULL FROM rebuild WHERE rebuild_id = $1", rebuild_id)
    await platform.settled()
    # The request, and the markers of the sources: on three partitions, two topics of portfolio, one of promises itself.
    [(after,)] = await platform.rows("assignment", "SELECT count(*) FROM inbox")
    assert after - before[0][0] < 20
    republished = [
        record
        for place, log in platform.transport.logs.items()
        if place == TopicPartition("portfolio.bulk", place.partition)
        for record in log
        if record.headers.get("ce_audience") == "promises"
    ]
    assert len(republished) > 10
