"""A service that has missed something ends as if it had missed nothing, while facts go on flowing."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from fresh_databases import FreshDatabases
from recobro_events import Source, TopicPartition, rebuilding
from services_in_process import AS_OF, PROGRAMS, InProcessPlatform, all_services_in_process
from toy_services import until

pytestmark = pytest.mark.process

# What each keeps of other services' facts, without what only tells when it was heard, or what is over: of a phone
# that is gone or a dispute that has ended nobody says anything any more.
PROJECTIONS = {
    "dialer-feed": {
        "contract": "SELECT * FROM contract",
        "phone": "SELECT contract_id, contact_id, version, rank, kind, value, timezone, usable FROM contact_point"
        " WHERE present",
        "pause": "SELECT * FROM pause",
        "clarification": "SELECT contract_id, clarification_id FROM clarification WHERE silent",
        "payment": "SELECT * FROM payment",
        "placement": "SELECT * FROM placement",
        "promise": "SELECT * FROM promise",
        "visit": "SELECT * FROM visit WHERE made",
        "portfolio": "SELECT * FROM portfolio",
        "set aside": "SELECT * FROM set_aside",
    },
    "field-visits": {
        "contract": "SELECT * FROM contract",
        "address": "SELECT * FROM address WHERE present",
        "pause": "SELECT * FROM pause",
        "clarification": "SELECT contract_id, clarification_id FROM clarification WHERE silent",
        "placement": "SELECT * FROM placement",
        "promise": "SELECT * FROM promise",
        "portfolio": "SELECT * FROM portfolio",
    },
    "promises": {
        "contract": "SELECT * FROM contract",
        "payment": "SELECT * FROM payment",
        "placement": "SELECT * FROM placement",
        "portfolio": "SELECT * FROM portfolio",
    },
}


@pytest.fixture
async def platform(databases: FreshDatabases) -> AsyncIterator[InProcessPlatform]:
    async with all_services_in_process(databases) as platform:
        yield platform


async def agencies_at_work(platform: InProcessPlatform) -> None:
    agency = (await platform.post("assignment", "/v1/agencies", {"name": "Calls and visits"}))["agency_id"]
    contract = {
        "kinds": ["dialing", "visits"],
        "starts_on": "2026-01-01",
        "fees": [{"kind": "dialing", "from_days": 0, "percent": "10"}],
        "recall_grace_days": 5,
    }
    await platform.post("assignment", f"/v1/agencies/{agency}/service-contracts", contract)
    for kind in ("dialing", "visits"):
        when = {"stages": ["early", "late"], "min_overdue": "100.00"}
        shares = [{"agency_id": agency, "weight": 1}]
        rule = {"name": kind, "priority": 1, "kind": kind, "when": when, "shares": shares}
        await platform.post("assignment", "/v1/placement-rules", rule)


async def overdue(platform: InProcessPlatform) -> list[str]:
    """Contracts that are listed, visited and promised on, one of each debtor: what becomes of one is not for others."""
    rows = await platform.rows(
        "portfolio",
        "SELECT DISTINCT ON (debtor_id) contract_id FROM contract"
        " WHERE stage IN ('early', 'late') AND overdue_balance > 500"
        " AND EXISTS (SELECT FROM contact_point WHERE contact_point.contract_id = contract.contract_id AND usable)"
        " ORDER BY debtor_id, contract_id",
    )
    return [str(row["contract_id"]) for row in rows]


async def pay(
    platform: InProcessPlatform, contract_id: str, amount: str = "20.00", reference: str | None = None
) -> Any:
    payment = {"amount": amount, "paid_on": AS_OF.isoformat(), "channel": "bank", "reference": reference}
    return await platform.post("portfolio", f"/v1/contracts/{contract_id}/payments", payment)


async def a_day_at_work(platform: InProcessPlatform) -> list[str]:
    """Something of every kind happens; contracts to which nothing has happened are left over."""
    await agencies_at_work(platform)
    await platform.sample_portfolio()
    await platform.settled()
    paid, reversed_, disputed, settled, paused, promised, visited, recalled, refused, deceased, *rest = await overdue(
        platform
    )
    await pay(platform, paid)
    payment = await pay(platform, reversed_)
    await platform.post("portfolio", f"/v1/payments/{payment['payment_id']}/reversal", {"reason": "bounced"})
    await pay(platform, reversed_)
    dispute = {"reason": "amount", "opened_by": "debtor"}
    await platform.post("portfolio", f"/v1/contracts/{disputed}/clarifications", dispute)
    over = await platform.post("portfolio", f"/v1/contracts/{settled}/clarifications", dispute)
    await platform.post(
        "portfolio", f"/v1/clarifications/{over['clarification_id']}/resolution", {"outcome": "withdrawn"}
    )
    pause = {"reason": "flood", "starts_on": AS_OF.isoformat(), "ends_on": (AS_OF + timedelta(days=9)).isoformat()}
    await platform.post("portfolio", f"/v1/contracts/{paused}/pauses", pause)
    promise = {"amount": "50.00", "due_on": (AS_OF + timedelta(days=3)).isoformat(), "made_in": "call"}
    await platform.post("promises", "/v1/promises", promise | {"contract_id": promised})
    taken_back = await platform.post("promises", "/v1/promises", promise | {"contract_id": paid})
    await platform.post("promises", f"/v1/promises/{taken_back['promise_id']}/cancellation", {"reason": "by mistake"})
    await visit(platform, visited)
    await platform.settled()
    [placement] = (await platform.get("assignment", "/v1/placements", contract_id=recalled, kind="dialing"))["items"]
    await platform.post("assignment", f"/v1/placements/{placement['placement_id']}/recall", {"reason": "branch"})
    whole = await platform.get("portfolio", f"/v1/contracts/{refused}")
    phone = whole["contact_points"][0]["contact_id"]
    change = await platform.clients["portfolio"].patch(f"/v1/contact-points/{phone}", json={"change": "opted_out"})
    assert change.is_success
    status = {"status": "deceased", "reported_by": "family"}
    await platform.post("portfolio", f"/v1/contracts/{deceased}/debtor-status", status)
    await platform.settled()
    return rest


async def visit(platform: InProcessPlatform, contract_id: str) -> None:
    new = {"contract_id": contract_id, "visitor": "Ana", "visit_on": AS_OF.isoformat()}
    visit_id = (await platform.post("field-visits", "/v1/visits", new))["visit_id"]
    result = {"outcome": "visited", "attended_by": "debtor", "at": f"{AS_OF}T16:00:00Z"}
    await platform.post("field-visits", f"/v1/visits/{visit_id}/result", result)


async def projection(platform: InProcessPlatform, service: str) -> dict[str, list[str]]:
    return {
        name: sorted(json.dumps(dict(row), default=str, sort_keys=True) for row in await platform.rows(service, sql))
        for name, sql in PROJECTIONS[service].items()
    }


def forget_everything(platform: InProcessPlatform) -> None:
    """Retention has dropped all that the log held."""
    for place in list(platform.transport.logs):
        platform.transport.drop_before(place, platform.transport.bounds_of(place).end)


async def keeps_its_place(platform: InProcessPlatform, service: str) -> None:
    """Also behind what it had nothing to do for: that place it keeps once a second only."""
    for subscription in platform.runtimes[service].subscriptions:
        kept = "SELECT sum(next_offset) = $2 FROM consumer_position WHERE consumer = $1"
        await platform.until(service, kept, subscription.name, sum(subscription.progress.values()))


async def ask_to_rebuild(platform: InProcessPlatform, service: str) -> uuid.UUID:
    runtime = platform.runtimes[service]
    async with runtime.database.transaction() as tx:
        return await rebuilding.request(tx, PROGRAMS[service].consumer)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("service", list(PROJECTIONS))
async def test_an_empty_service_ends_equal_to_one_that_was_there_from_the_start(
    platform: InProcessPlatform, service: str
) -> None:
    rest = await a_day_at_work(platform)
    await keeps_its_place(platform, service)
    await platform.stop(service)
    forget_everything(platform)
    original = platform.dsns[service]
    await platform.create(service)
    await platform.start(service)
    await until(lambda: waits_for_a_person(platform, service))

    flowing = asyncio.create_task(go_on(platform, rest))
    rebuild_id = await ask_to_rebuild(platform, service)
    await platform.until(
        service, "SELECT ended_at IS NOT NULL FROM rebuild WHERE rebuild_id = $1", rebuild_id, seconds=60
    )
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
    for name, rows in expected.items():
        assert rebuilt[name] == rows, name


async def waits_for_a_person(platform: InProcessPlatform, service: str) -> bool:
    """Its consumer has stopped; where the log holds facts of its own it has not even begun."""
    problems = " ".join(platform.runtimes[service].problems())
    return "has stopped" in problems or "of which this empty database knows nothing" in problems


async def go_on(platform: InProcessPlatform, contracts: list[str]) -> None:
    """What happens while a service is being rebuilt."""
    for n, contract_id in enumerate(contracts[:20]):
        if n % 4 == 3:
            await platform.post(
                "portfolio", f"/v1/contracts/{contract_id}/clarifications", {"reason": "late", "opened_by": "agent"}
            )
        else:
            await pay(platform, contract_id, reference=f"flow-{n}")


@pytest.mark.timeout(240)
async def test_a_gap_is_made_good_and_history_tells_nothing_twice(platform: InProcessPlatform) -> None:
    """The portfolio has missed what others did: placements and promises are said again, and did not happen again."""
    rest = await a_day_at_work(platform)
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
    forget_everything(platform)
    await platform.start("portfolio")
    await until(lambda: waits_for_a_person(platform, "portfolio"))
    rebuild_id = await ask_to_rebuild(platform, "portfolio")
    ended = "SELECT ended_at IS NOT NULL FROM rebuild WHERE rebuild_id = $1"
    await platform.until("portfolio", ended, rebuild_id, seconds=60)
    for service, ids in (("promises", "promise_id"), ("assignment", "placement_id")):
        table = ids.removesuffix("_id")
        source = await platform.rows(service, f"SELECT {ids}, state, version FROM {table} ORDER BY 1")
        known = await platform.rows("portfolio", f"SELECT {ids}, state, version FROM {table} ORDER BY 1")
        assert [tuple(row) for row in known] == [tuple(row) for row in source]
    assert await platform.rows("portfolio", "SELECT count(*) FROM contract_history") == lines


@pytest.mark.timeout(240)
async def test_no_list_is_built_while_somebody_is_being_rebuilt(platform: InProcessPlatform) -> None:
    """Neither from what is missing here, nor from what is missing at a service in between."""
    await agencies_at_work(platform)
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
    own = await ask_to_rebuild(platform, "dialer-feed")
    between = await ask_to_rebuild(platform, "assignment")
    wanted = {"campaign_id": campaign_id, "business_date": AS_OF.isoformat()}
    refused = await platform.clients["dialer-feed"].post("/v1/lists", json=wanted)
    assert (refused.status_code, refused.json()["type"].rsplit(":", 1)[-1]) == (409, "rebuilding")
    await waits_for(platform, "dialer-feed", own, "promises")
    await waits_for(platform, "assignment", between, "promises")

    await platform.rows("dialer-feed", "UPDATE rebuild SET ended_at = now()")
    asked = asyncio.create_task(platform.post("dialer-feed", "/v1/lists", wanted))
    await until(lambda: is_building_until(platform, campaign_id, ["assignment"]))
    go_on.set()
    assert (await asked)["status"] == "published"
    [ended] = await platform.rows("assignment", "SELECT ended_at FROM rebuild WHERE rebuild_id = $1", between)
    assert ended["ended_at"] is not None


async def waits_for(platform: InProcessPlatform, service: str, rebuild_id: uuid.UUID, *expected: str) -> None:
    async def so_it_is() -> bool:
        async with platform.runtimes[service].database.connection() as connection:
            return (await rebuilding.progress(connection, rebuild_id)).waiting_for == expected

    await until(so_it_is)


async def is_building_until(platform: InProcessPlatform, campaign_id: str, waiting_for: list[str]) -> bool:
    lists = (await platform.get("dialer-feed", "/v1/lists", campaign_id=campaign_id))["items"]
    stands = [await platform.get("dialer-feed", f"/v1/lists/{one['list_id']}") for one in lists]
    return [(one["status"], one["waiting_for"]) for one in stands] == [("building", waiting_for)]


async def test_what_nobody_asked_for_is_for_nobody_else(platform: InProcessPlatform) -> None:
    """What is said again to one service costs the others nothing, and has no effect there."""
    await agencies_at_work(platform)
    await platform.sample_portfolio(60)
    await platform.settled()
    before = await platform.rows("assignment", "SELECT count(*) FROM inbox")
    rebuild_id = await ask_to_rebuild(platform, "promises")
    await platform.until("promises", "SELECT ended_at IS NOT NULL FROM rebuild WHERE rebuild_id = $1", rebuild_id)
    await platform.settled()
    # Its request, and the markers of those that answered: on three partitions, two topics of portfolio, one of itself.
    [(after,)] = await platform.rows("assignment", "SELECT count(*) FROM inbox")
    assert after - before[0][0] < 20
    again = [
        record
        for place, log in platform.transport.logs.items()
        if place == TopicPartition("portfolio.bulk", place.partition)
        for record in log
        if record.headers.get("ce_audience") == "promises"
    ]
    assert len(again) > 10
