"""A service restored from a backup: data from events return by themselves, and its new events have higher versions."""

import uuid
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from typing import Any

import pytest
from fresh_databases import FreshDatabases
from platform_scenarios import link, make_events_of_every_kind, pay
from recobro_events import dead_letters, restoring
from services_in_process import AS_OF, PROGRAMS, InProcessPlatform, all_services_in_process

pytestmark = pytest.mark.process

PLACED = "SELECT placement_id, contract_id, agency_id, kind, state, starts_on, ends_on FROM placement ORDER BY 1"
EARNED = "SELECT placement_id, payment_id, base, percent, amount FROM commission ORDER BY 1, 2"


@pytest.fixture
async def platform(databases: FreshDatabases) -> AsyncIterator[InProcessPlatform]:
    async with all_services_in_process(databases) as platform:
        yield platform


async def back_up(platform: InProcessPlatform, service: str) -> str:
    await platform.stop(service)
    copy = await platform.copy(service)
    await platform.start(service)
    await platform.settled()
    return copy


async def restore(platform: InProcessPlatform, service: str, backup: str) -> None:
    """Replace the service's database with the backup and mark it as restored, as ``recobro restore`` does."""
    await platform.stop(service)
    [(epoch,)] = await platform.rows(service, "SELECT epoch FROM epoch")
    platform.dsns[service] = backup
    await platform.rows(service, restoring.MARK_RESTORED, epoch)
    await platform.start(service)
    await platform.until(service, "SELECT NOT EXISTS (SELECT FROM republication WHERE ended_at IS NULL)")
    await platform.settled()


def ids_published(platform: InProcessPlatform, topics: Iterable[str], but: set[str]) -> set[str]:
    """Return the ids of all events in these topics, except republished ones and those of the contracts ``but``.

    Whether a promise's silence ends by its date or by the event of its end depends on which topic is read first, the
    portfolio's days or the promises. So the end of a silence, which an agency may hear twice, does not count.
    """
    return {
        record.headers["ce_id"]
        for place, log in platform.transport.logs.items()
        if place.topic in topics
        for record in log
        if "ce_audience" not in record.headers and not record.headers["ce_type"].startswith("runtime.")
        if record.headers["ce_subject"] not in but and record.headers["ce_type"] != "agency.contact-resumed.v1"
    }


def comparable(rows: Iterable[Any]) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in rows]


@pytest.mark.timeout(600)
async def test_data_from_events_return_unchanged_and_with_the_same_event_ids(platform: InProcessPlatform) -> None:
    """Assignment: placements and commissions that were made since the backup, and the events to its agencies."""
    rest = await make_events_of_every_kind(platform)
    backup = await back_up(platform, "assignment")
    fresh = await contracts_of(platform, await platform.sample_portfolio(700))
    await platform.settled()
    await pay(platform, fresh[0], reference="fresh")
    await pay(platform, fresh[1], amount="900000.00", reference="fresh-all")
    for n, contract_id in enumerate(rest[:10]):
        await pay(platform, contract_id, reference=f"since-{n}")
    # This contract's recall has two possible causes, the payment and the change of stage: the first to be read.
    await pay(platform, rest[10], amount="900000.00", reference="all")
    # The recall's days of grace end. The days come one at a time: among several at once, a placement could start later
    # than the change of stage that causes it, if the portfolio's new day is read first.
    for day in range(1, 7):
        run = {"as_of": (AS_OF + timedelta(days=day)).isoformat(), "confirm_future": True}
        await platform.post("portfolio", "/v1/staging-runs", run)
        await platform.settled()
    placed, earned = await platform.rows("assignment", PLACED), await platform.rows("assignment", EARNED)
    topics = {place.topic for place in platform.transport.logs if place.topic.startswith(("agency.", "assignment."))}
    published = ids_published(platform, topics, but={rest[10], fresh[1]})
    assert len(topics) == 3
    assert len(earned) >= 12

    await restore(platform, "assignment", backup)

    assert comparable(await platform.rows("assignment", PLACED)) == comparable(placed)
    assert comparable(await platform.rows("assignment", EARNED)) == comparable(earned)
    assert ids_published(platform, topics, but={rest[10], fresh[1]}) == published
    [(lowest,)] = await platform.rows("assignment", "SELECT min(version) FROM placement WHERE version > 1 << 20")
    assert lowest > 1 << 40
    assert await placement_states(platform, "dialer-feed") == await placement_states(platform, "assignment")


async def contracts_of(platform: InProcessPlatform, portfolio_id: str) -> list[str]:
    """Contracts of a portfolio that agencies have for dialing."""
    rows = await platform.rows(
        "portfolio",
        "SELECT contract_id FROM contract WHERE portfolio_id = $1 AND stage = 'late' AND overdue_balance > 500"
        " ORDER BY contract_id",
        uuid.UUID(portfolio_id),
    )
    return [str(row["contract_id"]) for row in rows]


async def placement_states(platform: InProcessPlatform, service: str) -> list[tuple[Any, ...]]:
    return comparable(await platform.rows(service, "SELECT placement_id, state, version FROM placement ORDER BY 1"))


@pytest.mark.timeout(600)
async def test_a_restored_source_prevails_and_lost_entries_can_be_made_again(
    platform: InProcessPlatform,
) -> None:
    """The database has lost a recall, a payment and a dispute, which the other services know."""
    rest = await make_events_of_every_kind(platform)
    backups = {service: await back_up(platform, service) for service in ("portfolio", "assignment")}
    [placement] = (await platform.get("assignment", "/v1/placements", contract_id=rest[0], kind="dialing"))["items"]
    await platform.post("assignment", f"/v1/placements/{placement['placement_id']}/recall", {"reason": "branch"})
    lost = await pay(platform, rest[1], reference="R-1")
    await disputed_at_the_door(platform, rest[2])
    await platform.settled()
    disputes = "SELECT clarification_id, contract_id, state FROM clarification ORDER BY 1"
    disputed = await platform.rows("portfolio", disputes)

    for service, backup in backups.items():
        await restore(platform, service, backup)

    assert await placement_states(platform, "dialer-feed") == await placement_states(platform, "assignment")
    [recalled] = await platform.rows(
        "dialer-feed", "SELECT state FROM placement WHERE placement_id = $1", uuid.UUID(placement["placement_id"])
    )
    assert recalled["state"] == "active", "assignment has lost the recall, and its state prevails"
    positions = "SELECT contract_id, version, overdue_balance FROM contract ORDER BY 1"
    for service in ("dialer-feed", "assignment", "field-visits", "promises"):
        about = comparable(await platform.rows(service, positions))
        assert about == comparable(await platform.rows("portfolio", positions)), service
    assert comparable(await platform.rows("portfolio", disputes)) == comparable(disputed)

    again = await pay(platform, rest[1], reference="R-1")
    assert again["payment_id"] == lost["payment_id"]
    await platform.settled()
    [(times,)] = await platform.rows(
        "promises", "SELECT count(*) FROM payment WHERE contract_id = $1", uuid.UUID(rest[1])
    )
    assert times == 1
    [(balance,)] = await platform.rows(
        "dialer-feed", "SELECT overdue_balance FROM contract WHERE contract_id = $1", uuid.UUID(rest[1])
    )
    assert f"{balance}" == again["overdue_balance"]


@pytest.mark.timeout(600)
async def test_linked_people_are_what_the_restored_portfolio_says_and_get_their_ids_again(
    platform: InProcessPlatform,
) -> None:
    """The database has lost a link and the death of a customer, which reached the other two by their links."""
    one, two, three, *_ = await make_events_of_every_kind(platform)
    person_id = await link(platform, one, two)
    await platform.settled()
    before = await people(platform, "portfolio")
    backup = await back_up(platform, "portfolio")
    died = {"status": "deceased", "reported_by": "family"}
    assert await link(platform, one, three) == person_id
    await platform.post("portfolio", f"/v1/contracts/{three}/debtor-status", died)
    await platform.settled()
    since = await people(platform, "dialer-feed")
    dead = [(uuid.UUID(contract_id), uuid.UUID(person_id), "deceased") for contract_id in (one, two, three)]
    assert set(dead) <= set(since)

    await restore(platform, "portfolio", backup)

    assert await people(platform, "portfolio") == before
    await know_the_people(platform, before)
    assert await link(platform, one, three) == person_id
    await platform.post("portfolio", f"/v1/contracts/{three}/debtor-status", died)
    await platform.settled()
    assert await people(platform, "portfolio") == since
    await know_the_people(platform, since)


async def people(platform: InProcessPlatform, service: str) -> list[tuple[Any, ...]]:
    """Every contract with the person to whom its debtor is linked, and the debtor's status."""
    debtor = "JOIN debtor USING (debtor_id)" if service == "portfolio" else ""
    sql = f"SELECT contract_id, person_id, status FROM contract {debtor} ORDER BY contract_id"
    return comparable(await platform.rows(service, sql))


async def know_the_people(platform: InProcessPlatform, expected: list[tuple[Any, ...]]) -> None:
    """The other services know these people. Only dialer-feed keeps who is linked to whom."""
    assert await people(platform, "dialer-feed") == expected
    for service in ("assignment", "field-visits", "promises"):
        known = await platform.rows(service, "SELECT contract_id, status FROM contract ORDER BY contract_id")
        assert comparable(known) == [(contract_id, status) for contract_id, _, status in expected], service


async def disputed_at_the_door(platform: InProcessPlatform, contract_id: str) -> None:
    new = {"contract_id": contract_id, "visitor": "Ana", "visit_on": AS_OF.isoformat()}
    visit_id = (await platform.post("field-visits", "/v1/visits", new))["visit_id"]
    result = {"outcome": "clarification", "attended_by": "debtor", "at": f"{AS_OF}T16:00:00Z"}
    await platform.post("field-visits", f"/v1/visits/{visit_id}/result", result)


@pytest.mark.timeout(600)
async def test_contracts_that_were_lost_are_silent_until_their_file_is_loaded_again(
    platform: InProcessPlatform,
) -> None:
    """More than twenty events are set aside. After a restore the consumer does not stop because of them."""
    await make_events_of_every_kind(platform)
    portfolio_id = await platform.portfolio()
    backup = await back_up(platform, "portfolio")
    await platform.load(portfolio_id, 300)
    await platform.settled()
    rows = await platform.rows(
        "portfolio", "SELECT contract_id FROM contract WHERE portfolio_id = $1", uuid.UUID(portfolio_id)
    )
    lost = {row["contract_id"] for row in rows}
    placed = await platform.rows(
        "assignment", "SELECT DISTINCT contract_id FROM placement WHERE contract_id = ANY($1)", lost
    )
    assert len(placed) > 20

    await restore(platform, "portfolio", backup)

    assert platform.runtimes["portfolio"].problems() == []
    silent = await platform.rows("dialer-feed", "SELECT contract_id FROM set_aside WHERE service = 'portfolio'")
    assert {row["contract_id"] for row in silent} == {row["contract_id"] for row in placed}

    await platform.load(portfolio_id, 300)
    await platform.settled()
    replays = await dead_letters.replay_all(platform.runtimes["portfolio"].database, PROGRAMS["portfolio"].consumer)
    assert {replay.error for replay in replays} == {None}
    await platform.settled()
    assert await platform.rows("dialer-feed", "SELECT FROM set_aside") == []
    positions = "SELECT contract_id, version, overdue_balance FROM contract ORDER BY 1"
    known = comparable(await platform.rows("dialer-feed", positions))
    assert known == comparable(await platform.rows("portfolio", positions))
    assert min(version for _, version, _ in known) > 1 << 40
