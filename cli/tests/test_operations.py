"""What is told of databases and log: on real ones, with what an operator may find in them."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from operated import SUBSET, Operated, write
from recobro.postgres import EmbeddedPostgres
from recobro.topics import service_topics
from recobro_events import Database, Lane, Relay
from recobro_events.kafka import KafkaTransport

AGENCY = UUID("0190a6f2-5a3c-7c1e-9f1b-2f6f3f0c9a11")


@contextlib.asynccontextmanager
async def relaying(operated: Operated, service: str, lane: Lane) -> AsyncIterator[None]:
    """While the block runs, so does the relay."""
    transport = await operated.log()
    await transport.ensure_topics([f"{service}.{lane}"])
    database = Database(operated.dsn(service))
    database.service = service
    await database.open()
    relay = Relay(lane, database, transport)
    running = asyncio.create_task(relay.run())
    try:
        async with asyncio.timeout(30):
            while not relay.active:  # noqa: ASYNC110 - no event tells of it
                await asyncio.sleep(0.05)
        yield
    finally:
        relay.stop()
        await running
        await database.close()
        await transport.close()


async def add_agency(operated: Operated, agency_id: UUID) -> None:
    await operated.sql("assignment", "INSERT INTO agency (agency_id, name) VALUES ($1, 'Laguna')", agency_id)


async def test_an_outbox_without_a_relay_tells_how_long_it_has_waited(operated: Operated) -> None:
    await operated.says("promises", seconds_ago=3000, times=3)
    code, told = await operated.run("outbox")
    assert code == 0
    assert ["promises", "events", "3", "50", "min", "none", "never"] in [line.split() for line in told.splitlines()]
    assert "Nothing leaves from 6 lanes: no relay is active there." in told
    code, told = await operated.run("outbox", "--max-age", "2900")
    assert code == 1
    assert "promises, events: the oldest event has waited for 50 min." in told
    assert (await operated.run("outbox", "--max-age", "10000"))[0] == 0


async def test_a_relay_that_is_active_is_told_so_and_one_that_has_been_stopped_too(operated: Operated) -> None:
    async with relaying(operated, "promises", Lane.EVENTS):
        await operated.says("promises")
        async with asyncio.timeout(30):
            while (lanes := await operated.json("outbox"))[-1]["events"]:  # noqa: ASYNC110 - no event tells of it
                await asyncio.sleep(0.1)
    assert {name: lanes[-1][name] for name in ("service", "lane", "relay", "oldest_seconds")} == {
        "service": "promises",
        "lane": "events",
        "relay": "active",
        "oldest_seconds": None,
    }
    assert 0 <= lanes[-1]["beat_seconds"] < 30
    assert [(lane["service"], lane["lane"]) for lane in lanes] == [
        ("portfolio", "events"),
        ("portfolio", "bulk"),
        ("assignment", "events"),
        ("assignment", "bulk"),
        ("assignment", "agencies"),
        ("promises", "events"),
    ]
    assert (await operated.json("outbox"))[-1]["relay"] == "none"


async def test_a_relay_that_holds_its_lock_and_does_not_move_is_frozen(operated: Operated) -> None:
    holder = await asyncpg.connect(operated.dsn("promises"))
    await holder.execute("SELECT pg_advisory_lock(hashtextextended('relay:events', 0))")
    await holder.execute("INSERT INTO relay_heartbeat VALUES ('events', 1, clock_timestamp() - interval '31 seconds')")
    assert (await operated.json("outbox"))[-1]["relay"] == "frozen"
    await holder.close()


async def test_a_database_that_is_away_hides_no_other_and_no_password_is_told(operated: Operated) -> None:
    away = {
        "RECOBRO_PORTFOLIO_DATABASE_URL": "postgresql://me:s3cret@127.0.0.1:1/portfolio",
        "RECOBRO_ASSIGNMENT_DATABASE_URL": operated.dsn("assignment").replace("postgres:", "nobody:s3cret"),
    }
    code, told = await operated.run("outbox", **away)
    assert code == 1
    assert "The database of portfolio does not answer at 127.0.0.1: " in told
    assert 'The database of assignment refuses: password authentication failed for user "nobody".' in told
    assert ["promises", "events", "0", "–", "none", "never"] in [line.split() for line in told.splitlines()]
    assert "s3cret" not in told


async def test_an_address_may_stand_in_a_file_but_not_twice(operated: Operated, tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text(operated.dsn("promises") + "\n")
    only_file = {
        "RECOBRO_PORTFOLIO_DATABASE_URL": None,
        "RECOBRO_ASSIGNMENT_DATABASE_URL": None,
        "RECOBRO_PROMISES_DATABASE_URL_FILE": str(file),
    }
    code, told = await operated.run("outbox", **only_file)
    assert code == 1
    assert "RECOBRO_PROMISES_DATABASE_URL and RECOBRO_PROMISES_DATABASE_URL_FILE are both set" in told
    [lane] = await operated.json("outbox", **only_file, RECOBRO_PROMISES_DATABASE_URL=None)
    assert lane["service"] == "promises"


async def test_without_any_database_it_says_what_to_do(operated: Operated, tmp_path: Path) -> None:
    nothing = dict.fromkeys(operated.environment)
    for command in (["outbox"], ["lag"], ["topics", "check"], ["migrate"], ["doctor"]):
        code, told = await operated.run(*command, "--data", str(tmp_path), **nothing)
        assert code == 1
        assert f"No platform is running on {tmp_path}, and no database is named." in told
        assert "RECOBRO_PORTFOLIO_DATABASE_URL" in told


async def test_lag_tells_who_is_furthest_behind_first(operated: Operated) -> None:
    await operated.run("topics", "create", "--partitions", "2")
    transport = await operated.log()
    await write(transport, "portfolio.events", 1500)
    await write(transport, "portfolio.events", 3, partition=1)
    await write(transport, "portfolio.bulk", 10)
    await transport.close()
    await operated.reads("promises.events", "portfolio.events", [1400, 3])
    await operated.reads("promises.bulk", "portfolio.bulk", [0, 0])
    code, told = await operated.run("lag")
    assert code == 0
    assert [line.split() for line in told.splitlines() if ".events" in line or ".bulk" in line] == [
        ["assignment.events", "portfolio.events", "0", "1,503", "1,503", "2", "of", "2"],
        ["promises.events", "portfolio.events", "1,403", "1,503", "100", "1", "of", "2"],
        ["promises.bulk", "portfolio.bulk", "0", "10", "10", "1", "of", "2"],
    ]
    up_to_date, readings = re.search(r"(\d+) of (\d+) readings of a topic are up to date\.", told).groups()  # type: ignore[union-attr]
    assert int(up_to_date) == int(readings) - 3
    assert (await operated.run("lag", "--max-lag", "1503"))[0] == 0
    assert (await operated.run("lag", "--max-lag", "1502"))[0] == 1
    second = (await operated.json("lag"))[1]
    assert (second["consumer"], second["lag"], second["partitions_behind"]) == ("promises.events", 100, 1)
    assert second["partitions"][0] == {"partition": 0, "position": 1400, "start": 0, "end": 1500}


async def test_a_place_that_the_log_does_not_hold_is_told_with_the_way_out(operated: Operated) -> None:
    await operated.run("topics", "create", "--partitions", "1")
    await operated.reads("promises.events", "portfolio.events", [7])
    code, told = await operated.run("lag")
    assert code == 1
    assert "promises.events: it cannot read on, for what comes next is gone from portfolio.events." in told
    assert "recobro rebuild promises" in told
    assert "all that there is" not in told


async def test_missing_topics_are_found_and_made(operated: Operated) -> None:
    await add_agency(operated, AGENCY)
    topic, topics = f"agency.{AGENCY}.events", len(service_topics()) + 1
    code, told = await operated.run("topics", "check")
    assert code == 1
    assert f"{topics} topics missing. Make what is missing: recobro topics create" in told
    code, told = await operated.run("lag")
    assert code == 1
    assert "There is no assignment.events, dialer-feed.events," in told

    code, told = await operated.run("topics", "create", "--partitions", "3", RECOBRO_CREATE_TOPICS="false")
    assert code == 0
    assert told.startswith(f"Made {topics} topics.")
    assert (await operated.run("topics", "create", "--partitions", "3"))[1].startswith("There was nothing to make.")
    assert (await operated.run("topics", "check", RECOBRO_PARTITIONS="3"))[0] == 0
    assert (await operated.sql("log", "SELECT partitions FROM topic WHERE name = $1", topic)) == [(3,)]

    await operated.sql(
        "log", "DELETE FROM partition WHERE topic_id = (SELECT topic_id FROM topic WHERE name = $1)", topic
    )
    await operated.sql("log", "DELETE FROM topic WHERE name = $1", topic)
    code, told = await operated.run("topics", "check", "--partitions", "3")
    assert code == 1
    assert [line.split() for line in told.splitlines() if topic in line] == [[topic, "–", "missing"]]


async def test_topics_with_another_number_of_partitions_are_told_and_left(operated: Operated) -> None:
    await operated.run("topics", "create", "--partitions", "2")
    for command in ("check", "create"):
        code, told = await operated.run("topics", command)
        assert code == 1
        assert f"{len(service_topics())} topics without 12 partitions." in told
    assert await operated.sql("log", "SELECT DISTINCT partitions FROM topic") == [(2,)]


async def test_a_log_that_is_away_or_not_named_is_a_sentence(operated: Operated) -> None:
    for command in (["lag"], ["topics", "check"], ["topics", "create"]):
        code, told = await operated.run(*command, RECOBRO_LOG_URL="postgresql://me:s3cret@127.0.0.1:1/log")
        assert code == 1
        assert told.startswith("The event log does not answer:")
        code, told = await operated.run(*command, RECOBRO_LOG_URL=None)
        assert code == 1
        assert "set RECOBRO_KAFKA_BOOTSTRAP or RECOBRO_LOG_URL" in told
        assert "s3cret" not in told


async def test_empty_databases_are_migrated_and_only_once(postgres: EmbeddedPostgres) -> None:
    empty = Operated(postgres)
    await empty.create()
    try:
        code, told = await empty.run("outbox")
        assert code == 1
        assert "The database of promises is not migrated. Bring it up to date with: recobro migrate" in told
        code, told = await empty.run("migrate", "--check")
        assert code == 1
        assert "3 databases behind this release: run recobro migrate." in told
        assert await empty.sql("promises", "SELECT to_regclass('alembic_version')") == [(None,)]
        before = await empty.json("migrate", "--check")
        assert [(one["service"], one["before"], one["outcome"]) for one in before] == [
            (service.name, "empty", "behind") for service in SUBSET
        ]
        after = await empty.json("migrate")
        assert [(one["before"], one["after"], one["outcome"]) for one in after] == [
            ("empty", one["after"], "migrated") for one in before
        ]
        assert {one["outcome"] for one in await empty.json("migrate")} == {"up to date"}
        assert (await empty.run("migrate", "--check"))[0] == 0
    finally:
        await empty.drop()


async def test_an_older_revision_is_behind_and_a_newer_one_stays(operated: Operated) -> None:
    await operated.sql("portfolio", "UPDATE alembic_version SET version_num = '0005'")
    await operated.sql("promises", "UPDATE alembic_version SET version_num = '9999'")
    code, told = await operated.run("migrate", "--check")
    assert code == 1
    assert next(line.split() for line in told.splitlines() if "portfolio" in line)[1] == "0005"
    assert ["promises", "9999", "9999", "newer"] in [line.split() for line in told.splitlines()]
    assert (await operated.run("migrate"))[0] == 0
    assert {one["outcome"] for one in await operated.json("migrate", "--check")} == {"up to date", "newer"}


async def test_a_migration_that_fails_is_told_and_the_others_go_on(operated: Operated) -> None:
    for service in ("portfolio", "promises"):
        await operated.sql(service, "DROP TABLE alembic_version")
    await operated.sql("promises", "DROP SCHEMA public CASCADE")
    await operated.sql("promises", "CREATE SCHEMA public")
    code, told = await operated.run("migrate")
    assert code == 1
    assert "The migration of portfolio failed; the revision that did is undone:" in told
    assert "already exists" in told
    assert [line.split()[-1] for line in told.splitlines() if line.split()[:1] == ["promises"]] == ["migrated"]


@pytest.mark.kafka
async def test_topics_and_lag_are_told_of_kafka_too(operated: Operated, own_kafka: str) -> None:
    kafka = {"RECOBRO_LOG_URL": None, "RECOBRO_KAFKA_BOOTSTRAP": own_kafka, "RECOBRO_PARTITIONS": "12"}
    agency = uuid4()
    await add_agency(operated, agency)
    topic = f"agency.{agency}.events"
    code, told = await operated.run("topics", "check", **kafka)
    assert code == 1
    assert [topic, "–", "missing"] in [line.split() for line in told.splitlines()]
    created = await operated.json("topics", "create", **kafka)
    assert {"topic": topic, "partitions": 12, "expected": 12, "differs": {}, "outcome": "ok"} in created

    await write(KafkaTransport(own_kafka), topic, 5, partition=3)
    await operated.reads("promises.events", topic, [0, 0, 0, 2])
    reading = next(one for one in await operated.json("lag", **kafka) if one["topic"] == topic)
    assert (reading["position"], reading["end"], reading["lag"], reading["partitions_behind"]) == (2, 5, 3, 1)
    assert reading["partitions_lost"] == []


@pytest.mark.kafka
async def test_a_topic_of_kafka_that_is_kept_too_short_is_told(operated: Operated, kafka_bootstrap: str) -> None:
    agency = uuid4()
    await add_agency(operated, agency)
    topic = f"agency.{agency}.events"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 12, 1, topic_configs={"retention.ms": "3600000"})])
    await admin.close()
    # A broker tells of a new topic some time after it is made.
    await KafkaTransport(kafka_bootstrap).ensure_topics([topic])
    kafka = {"RECOBRO_LOG_URL": None, "RECOBRO_KAFKA_BOOTSTRAP": kafka_bootstrap, "RECOBRO_PARTITIONS": "12"}
    code, told = await operated.run("topics", "check", **kafka)
    assert code == 1
    assert f"{topic}: retention_ms is 3600000, and should be 1209600000." in told


@pytest.mark.kafka
async def test_a_kafka_that_is_away_is_a_sentence(operated: Operated) -> None:
    for command in (["lag"], ["topics", "check"]):
        code, told = await operated.run(*command, RECOBRO_LOG_URL=None, RECOBRO_KAFKA_BOOTSTRAP="127.0.0.1:1")
        assert code == 1
        assert told.startswith("The event log does not answer: Kafka cannot be reached at 127.0.0.1:1")
