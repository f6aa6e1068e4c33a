"""The operations commands on real databases and a real log, in the states that an operator may find."""

import asyncio
import contextlib
import json
import re
import shutil
from collections.abc import AsyncIterator
from importlib.resources import as_file, files
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from chassis import audit
from chassis.migrations.runner import run_alembic
from operated import SUBSET, Operated, write
from recobro.postgres import EmbeddedPostgres
from recobro.topics import service_topics
from recobro_events import Database, Lane, Relay
from recobro_events.kafka import KafkaTransport

AGENCY = UUID("0190a6f2-5a3c-7c1e-9f1b-2f6f3f0c9a11")


@contextlib.asynccontextmanager
async def relaying(operated: Operated, service: str, lane: Lane) -> AsyncIterator[None]:
    """Run the relay while the block runs."""
    transport = await operated.log()
    await transport.ensure_topics([f"{service}.{lane}"])
    database = Database(operated.dsn(service))
    database.service = service
    await database.open()
    relay = Relay(lane, database, transport)
    running = asyncio.create_task(relay.run())
    try:
        async with asyncio.timeout(240):
            while not relay.active:  # noqa: ASYNC110 - there is no event to wait for
                await asyncio.sleep(0.05)
        yield
    finally:
        relay.stop()
        await running
        await database.close()
        await transport.close()


async def add_agency(operated: Operated, agency_id: UUID) -> None:
    await operated.sql("assignment", "INSERT INTO agency (agency_id, name) VALUES ($1, 'Laguna')", agency_id)


async def test_events_that_the_log_refused_are_counted(operated: Operated) -> None:
    await operated.set_unsent("promises", times=2)
    code, output = await operated.run("outbox")
    assert code == 0
    assert "The log has refused events; with those behind, 2: recobro unsent list" in output
    assert [lane["unsent"] for lane in await operated.json("outbox") if lane["service"] == "promises"] == [2]


async def test_an_outbox_without_a_relay_shows_the_age_of_its_oldest_event(operated: Operated) -> None:
    await operated.fill_outbox("promises", seconds_ago=3000, times=3)
    code, output = await operated.run("outbox")
    assert code == 0
    assert ["promises", "events", "3", "50", "min", "0", "none", "never"] in [
        line.split() for line in output.splitlines()
    ]
    assert "Lanes that no event leaves, because no relay is active: 6." in output
    code, output = await operated.run("outbox", "--max-age", "2900")
    assert code == 1
    assert "promises, events: the oldest event has waited for 50 min." in output
    assert (await operated.run("outbox", "--max-age", "10000"))[0] == 0


async def test_an_active_relay_and_a_stopped_one_are_shown_as_such(operated: Operated) -> None:
    async with relaying(operated, "promises", Lane.EVENTS):
        await operated.fill_outbox("promises")
        async with asyncio.timeout(240):
            while (lanes := await operated.json("outbox"))[-1]["events"]:  # noqa: ASYNC110 - there is no event to wait for
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


async def test_a_relay_that_holds_its_lock_without_a_heartbeat_is_frozen(operated: Operated) -> None:
    holder = await asyncpg.connect(operated.dsn("promises"))
    await holder.execute("SELECT pg_advisory_lock(hashtextextended('relay:events', 0))")
    await holder.execute("INSERT INTO relay_heartbeat VALUES ('events', 1, clock_timestamp() - interval '31 seconds')")
    assert (await operated.json("outbox"))[-1]["relay"] == "frozen"
    await holder.close()


async def test_an_unreachable_database_hides_no_other_and_no_password_is_printed(operated: Operated) -> None:
    away = {
        "RECOBRO_PORTFOLIO_DATABASE_URL": "postgresql://me:s3cret@127.0.0.1:1/portfolio",
        "RECOBRO_ASSIGNMENT_DATABASE_URL": operated.dsn("assignment").replace("postgres:", "nobody:s3cret"),
    }
    code, output = await operated.run("outbox", **away)
    assert code == 1
    assert "The database of portfolio does not answer at 127.0.0.1: " in output
    assert 'The database of assignment refuses: password authentication failed for user "nobody".' in output
    assert ["promises", "events", "0", "–", "0", "none", "never"] in [line.split() for line in output.splitlines()]
    assert "s3cret" not in output


async def test_an_address_comes_from_a_file_or_a_variable_but_not_from_both(operated: Operated, tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text(operated.dsn("promises") + "\n")
    only_file = {
        "RECOBRO_PORTFOLIO_DATABASE_URL": None,
        "RECOBRO_ASSIGNMENT_DATABASE_URL": None,
        "RECOBRO_PROMISES_DATABASE_URL_FILE": str(file),
    }
    code, output = await operated.run("outbox", **only_file)
    assert code == 1
    assert "RECOBRO_PROMISES_DATABASE_URL and RECOBRO_PROMISES_DATABASE_URL_FILE are both set" in output
    [lane] = await operated.json("outbox", **only_file, RECOBRO_PROMISES_DATABASE_URL=None)
    assert lane["service"] == "promises"


async def test_without_any_database_the_commands_print_what_to_do(operated: Operated, tmp_path: Path) -> None:
    nothing = dict.fromkeys(operated.environment)
    for command in (["outbox"], ["lag"], ["topics", "check"], ["migrate"], ["doctor"]):
        code, output = await operated.run(*command, "--data", str(tmp_path), **nothing)
        assert code == 1
        assert f"No platform is running on {tmp_path}, and no database is named." in output
        assert "RECOBRO_PORTFOLIO_DATABASE_URL" in output


async def test_lag_lists_the_consumer_that_is_furthest_behind_first(operated: Operated) -> None:
    await operated.run("topics", "create", "--partitions", "2")
    transport = await operated.log()
    await write(transport, "portfolio.events", 1500)
    await write(transport, "portfolio.events", 3, partition=1)
    await write(transport, "portfolio.bulk", 10)
    await transport.close()
    await operated.set_positions("promises.events", "portfolio.events", [1400, 3])
    await operated.set_positions("promises.bulk", "portfolio.bulk", [0, 0])
    code, output = await operated.run("lag")
    assert code == 0
    assert [line.split() for line in output.splitlines() if ".events" in line or ".bulk" in line] == [
        ["assignment.events", "portfolio.events", "0", "1,503", "1,503", "2", "of", "2"],
        ["promises.events", "portfolio.events", "1,403", "1,503", "100", "1", "of", "2"],
        ["promises.bulk", "portfolio.bulk", "0", "10", "10", "1", "of", "2"],
    ]
    up_to_date, readings = re.search(r"Readings of a topic that are up to date: (\d+) of (\d+)\.", output).groups()  # type: ignore[union-attr]
    assert int(up_to_date) == int(readings) - 3
    assert (await operated.run("lag", "--max-lag", "1503"))[0] == 0
    assert (await operated.run("lag", "--max-lag", "1502"))[0] == 1
    second = (await operated.json("lag"))[1]
    assert (second["consumer"], second["lag"], second["partitions_behind"]) == ("promises.events", 100, 1)
    assert second["partitions"][0] == {"partition": 0, "position": 1400, "start": 0, "end": 1500}


async def test_a_lost_position_is_reported_with_the_repair(operated: Operated) -> None:
    await operated.run("topics", "create", "--partitions", "1")
    await operated.set_positions("promises.events", "portfolio.events", [7])
    code, output = await operated.run("lag")
    assert code == 1
    assert "promises.events: the consumer cannot continue: its next events are gone from portfolio.events." in output
    assert "recobro rebuild promises" in output
    assert "has read all events" not in output


async def test_missing_topics_are_found_and_created(operated: Operated) -> None:
    await add_agency(operated, AGENCY)
    topic, topics = f"agency.{AGENCY}.events", len(service_topics()) + 1
    code, output = await operated.run("topics", "check")
    assert code == 1
    assert f"Missing topics: {topics}. Create them: recobro topics create" in output
    code, output = await operated.run("lag")
    assert code == 1
    assert "There is no assignment.events, dialer-feed.events," in output

    code, output = await operated.run("topics", "create", "--partitions", "3", RECOBRO_CREATE_TOPICS="false")
    assert code == 0
    assert output.startswith(f"Topics created: {topics}.")
    assert (await operated.run("topics", "create", "--partitions", "3"))[1].startswith("No topic was missing.")
    assert (await operated.run("topics", "check", RECOBRO_PARTITIONS="3"))[0] == 0
    assert (await operated.sql("log", "SELECT partitions FROM topic WHERE name = $1", topic)) == [(3,)]

    await operated.sql(
        "log", "DELETE FROM partition WHERE topic_id = (SELECT topic_id FROM topic WHERE name = $1)", topic
    )
    await operated.sql("log", "DELETE FROM topic WHERE name = $1", topic)
    code, output = await operated.run("topics", "check", "--partitions", "3")
    assert code == 1
    assert [line.split() for line in output.splitlines() if topic in line] == [[topic, "–", "missing"]]


async def test_topics_with_another_number_of_partitions_are_reported_and_unchanged(operated: Operated) -> None:
    await operated.run("topics", "create", "--partitions", "2")
    for command in ("check", "create"):
        code, output = await operated.run("topics", command)
        assert code == 1
        assert f"Topics without 12 partitions: {len(service_topics())}." in output
    assert await operated.sql("log", "SELECT DISTINCT partitions FROM topic") == [(2,)]


async def test_an_unreachable_log_or_a_missing_address_is_a_clear_error(operated: Operated) -> None:
    for command in (["lag"], ["topics", "check"], ["topics", "create"]):
        code, output = await operated.run(*command, RECOBRO_LOG_URL="postgresql://me:s3cret@127.0.0.1:1/log")
        assert code == 1
        assert output.startswith("The event log does not answer:")
        code, output = await operated.run(*command, RECOBRO_LOG_URL=None)
        assert code == 1
        assert "set RECOBRO_KAFKA_BOOTSTRAP or RECOBRO_LOG_URL" in output
        assert "s3cret" not in output


async def test_empty_databases_are_migrated_once(postgres: EmbeddedPostgres) -> None:
    empty = Operated(postgres)
    await empty.create()
    try:
        code, output = await empty.run("outbox")
        assert code == 1
        assert "The database of promises is not migrated. Bring it up to date with: recobro migrate" in output
        code, output = await empty.run("migrate", "--check")
        assert code == 1
        assert "Databases behind this release: 3. Run recobro migrate." in output
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


async def test_an_older_revision_is_migrated_and_a_newer_one_stays(operated: Operated, tmp_path: Path) -> None:
    with as_file(files("promises.migrations").joinpath("versions")) as versions:
        *older, _ = sorted(versions.glob("m*.py"))
        for each in older:
            shutil.copy(each, tmp_path)
    revision = older[-1].stem[1:5]
    await operated.sql("promises", "DROP SCHEMA public CASCADE")
    await operated.sql("promises", "CREATE SCHEMA public")
    await run_alembic(operated.dsn("promises"), tmp_path)
    await operated.sql("portfolio", "UPDATE alembic_version SET version_num = '9999'")
    code, output = await operated.run("migrate", "--check")
    assert code == 1
    assert next(line.split() for line in output.splitlines() if "promises" in line)[1] == revision
    assert ["portfolio", "9999", "9999", "newer"] in [line.split() for line in output.splitlines()]
    assert (await operated.run("migrate"))[0] == 0
    assert {one["outcome"] for one in await operated.json("migrate", "--check")} == {"up to date", "newer"}


async def test_a_failed_migration_is_reported_and_the_others_continue(operated: Operated) -> None:
    for service in ("portfolio", "promises"):
        await operated.sql(service, "DROP TABLE alembic_version")
    await operated.sql("promises", "DROP SCHEMA public CASCADE")
    await operated.sql("promises", "CREATE SCHEMA public")
    code, output = await operated.run("migrate")
    assert code == 1
    assert "The migration of portfolio failed and its last revision was rolled back:" in output
    assert "already exists" in output
    assert [line.split()[-1] for line in output.splitlines() if line.split()[:1] == ["promises"]] == ["migrated"]


@pytest.mark.kafka
async def test_topics_and_lag_work_with_kafka(operated: Operated, own_kafka: str) -> None:
    kafka = {"RECOBRO_LOG_URL": None, "RECOBRO_KAFKA_BOOTSTRAP": own_kafka, "RECOBRO_PARTITIONS": "12"}
    agency = uuid4()
    await add_agency(operated, agency)
    topic = f"agency.{agency}.events"
    code, output = await operated.run("topics", "check", **kafka)
    assert code == 1
    assert [topic, "–", "missing"] in [line.split() for line in output.splitlines()]
    created = await operated.json("topics", "create", **kafka)
    assert {"topic": topic, "partitions": 12, "expected": 12, "differs": {}, "outcome": "ok"} in created

    await write(KafkaTransport(own_kafka), topic, 5, partition=3)
    await operated.set_positions("promises.events", topic, [0, 0, 0, 2])
    reading = next(one for one in await operated.json("lag", **kafka) if one["topic"] == topic)
    assert (reading["position"], reading["end"], reading["lag"], reading["partitions_behind"]) == (2, 5, 3, 1)
    assert reading["partitions_lost"] == []


@pytest.mark.kafka
async def test_a_kafka_topic_with_a_short_retention_is_reported(operated: Operated, kafka_bootstrap: str) -> None:
    agency = uuid4()
    await add_agency(operated, agency)
    topic = f"agency.{agency}.events"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 12, 1, topic_configs={"retention.ms": "3600000"})])
    await admin.close()
    # A broker reports a new topic some time after its creation.
    await KafkaTransport(kafka_bootstrap).ensure_topics([topic])
    kafka = {"RECOBRO_LOG_URL": None, "RECOBRO_KAFKA_BOOTSTRAP": kafka_bootstrap, "RECOBRO_PARTITIONS": "12"}
    code, output = await operated.run("topics", "check", **kafka)
    assert code == 1
    assert f"{topic}: retention_ms is 3600000, and should be 1209600000." in output


@pytest.mark.kafka
async def test_kafka_limits_below_the_platform_s_are_reported(operated: Operated, small_kafka: str) -> None:
    agency = uuid4()
    await add_agency(operated, agency)
    topic = f"agency.{agency}.events"
    admin = AIOKafkaAdminClient(bootstrap_servers=small_kafka)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 12, 1, topic_configs={"max.message.bytes": "500000"})])
    await admin.close()
    await KafkaTransport(small_kafka).ensure_topics([topic])
    kafka = {"RECOBRO_LOG_URL": None, "RECOBRO_KAFKA_BOOTSTRAP": small_kafka, "RECOBRO_PARTITIONS": "12"}
    code, output = await operated.run("topics", "check", **kafka)
    assert code == 1
    for name, found in (
        ("max_message_bytes", 500_000),
        ("broker_message_max_bytes", 600_000),
        ("broker_replica_fetch_max_bytes", 700_000),
    ):
        assert f"{topic}: {name} is {found}, and should be 1048576." in output


@pytest.mark.kafka
async def test_an_unreachable_kafka_is_a_clear_error(operated: Operated) -> None:
    for command in (["lag"], ["topics", "check"]):
        code, output = await operated.run(*command, RECOBRO_LOG_URL=None, RECOBRO_KAFKA_BOOTSTRAP="127.0.0.1:1")
        assert code == 1
        assert output.startswith("The event log does not answer: Kafka cannot be reached at 127.0.0.1:1")


async def test_audit_tables_are_verified_and_an_altered_entry_is_named(operated: Operated) -> None:
    await operated.sql(
        "promises",
        "INSERT INTO audit_entry (actor, method, route, path, objects)"
        " VALUES ('{\"subject\": \"ana\"}', 'POST', '/v1/promises', '/v1/promises', '{}')",
    )
    await operated.sql("promises", "INSERT INTO audit_unsealed SELECT entry_id FROM audit_entry")
    database = Database(operated.dsn("promises"))
    await database.open()
    await audit.seal(database)
    await database.close()
    code, output = await operated.run("audit", "verify")
    assert (code, "whole" in output) == (0, True), output
    assert "promises" in output, "no name is cut on 80 columns"
    await operated.sql("promises", "UPDATE audit_entry SET path = '/v1/other'")
    code, output = await operated.run("audit", "verify")
    assert (code, "promises: seal 1 does not fit" in output) == (1, True), output


async def test_old_audit_entries_are_deleted_and_the_rest_stays_whole(operated: Operated) -> None:
    database = Database(operated.dsn("promises"))
    await database.open()
    for years in (5, 4, 2, 0):
        await operated.sql(
            "promises",
            "WITH entry AS (INSERT INTO audit_entry (occurred_at, actor, method, route, path, objects)"
            f" VALUES (now() - make_interval(years => {years}), '{{}}', 'POST', '/v1/x', '/v1/x', '{{}}')"
            " RETURNING entry_id) INSERT INTO audit_unsealed SELECT entry_id FROM entry",
        )
        await audit.seal(database)
    await database.close()
    assert (await operated.run("audit", "prune", "--keep-years", "2"))[0] == 2, "records are kept for three years"
    newest = "UPDATE audit_entry SET path = '{}' WHERE occurred_at = (SELECT max(occurred_at) FROM audit_entry)"
    await operated.sql("promises", newest.format("/v1/other"))
    code, output = await operated.run("audit", "prune", "--keep-years", "3")
    assert (code, "promises: seal 4 does not fit" in output) == (1, True), output
    await operated.sql("promises", newest.format("/v1/x"))
    code, output = await operated.run("audit", "prune", "--keep-years", "3")
    assert (code, "promises: 2 entries from before " in output) == (0, True), output
    code, output = await operated.run("audit", "verify", "--json")
    found = {one["service"]: one for one in json.loads(output)}["promises"]
    assert (code, found["pruned"], found["entries"], found["faults"]) == (0, 2, 3, [])
    await operated.sql("promises", "DELETE FROM audit_pruned")
    assert (await operated.run("audit", "verify"))[0] == 1
