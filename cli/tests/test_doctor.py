"""`recobro doctor`: what is well is said to be, and each thing that is broken on purpose is told."""

import json
import os
import re
import signal
import time
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from chassis.tokens import generate_key, jwks, mint
from joserfc.jwk import ECKey
from operated import Operated, invoked, write
from recobro import database_checks, log_checks, machine_checks
from recobro.finding import Verdict
from recobro.topics import service_topics
from running_platform import Platform, started_platform


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_checks, "_LOOK_AGAIN_SECONDS", 0.1)


@pytest.fixture
async def with_topics(operated: Operated) -> Operated:
    await operated.run("topics", "create", "--partitions", "12")
    return operated


async def findings(operated: Operated, **environment: str | None) -> list[tuple[str, str, str]]:
    told = await operated.json("doctor", **environment)
    return [(one["what"], one["verdict"], one["saying"]) for one in told]


async def one_of(operated: Operated, what: str, **environment: str | None) -> tuple[str, str]:
    """The verdict on it, and what is said."""
    found = [(verdict, saying) for name, verdict, saying in await findings(operated, **environment) if name == what]
    assert len(found) == 1, found
    return found[0]


async def test_what_is_well_and_what_is_not_is_told_in_plain_words(with_topics: Operated) -> None:
    code, told = await with_topics.run("doctor")
    assert code == 1
    assert "ok              portfolio, database: it answers, PostgreSQL 18." in told
    assert re.search(r"ok              promises, schema: \d{4}\.", told)
    assert "ok              promises, clock: the database's agrees with this machine's." in told
    assert f"ok              topics: all {len(service_topics())} are there, with 12 partitions each." in told
    assert "ok              consumer promises.events: it has read all there is." in told
    assert "could not look  public keys: RECOBRO_JWT_PUBLIC_KEY_FILE is not set here." in told
    # The tests' own server is one that nobody should work with.
    assert "wrong           promises, role: postgres is a superuser." in told
    assert "wrong           promises, settings: fsync is off: what was acknowledged can be lost in a crash." in told
    assert "wrong           promises, outbox events: no relay is active (nothing waits). Does promises run?" in told
    lines = [line.split("  ")[0] for line in told.splitlines() if ": " in line]
    assert lines == sorted(lines, key=["ok", "could not look", "wrong"].index)
    assert told.splitlines()[-1].endswith("things wrong.")


async def test_a_role_that_only_owns_its_database_is_well(with_topics: Operated) -> None:
    role = f"role_{with_topics.prefix}"
    await with_topics.sql("promises", f"CREATE ROLE {role} LOGIN PASSWORD 'x' IN ROLE pg_read_all_data")
    dsn = with_topics.dsn("promises")
    theirs = f"postgresql://{role}:x@{dsn.rpartition('@')[2]}"
    assert await one_of(with_topics, "promises, role", RECOBRO_PROMISES_DATABASE_URL=theirs) == (
        "ok",
        f"{role} is no superuser.",
    )
    await with_topics.sql("promises", f"ALTER ROLE {role} SET idle_session_timeout = '1min'")
    await with_topics.sql("promises", f"ALTER ROLE {role} SET synchronous_commit = off")
    await with_topics.sql("promises", f"ALTER ROLE {role} BYPASSRLS")
    told = await findings(with_topics, RECOBRO_PROMISES_DATABASE_URL=theirs)
    said = [f"{what}: {saying}" for what, verdict, saying in told if verdict == "wrong"]
    assert any("promises, settings: synchronous_commit is off: what was acknowledged" in line for line in said)
    assert any("promises, settings: idle_session_timeout is set and would end" in line for line in said)
    assert any("promises, role: " in line and "goes past row-level security" in line for line in said)
    await with_topics.sql("promises", f"DROP ROLE {role}")


async def test_connections_that_are_nearly_used_up_are_told(
    with_topics: Operated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_checks, "_CONNECTIONS_OF_A_PROCESS", 1000)
    told = await findings(with_topics)
    [saying] = [say for what, _, say in told if what == "promises, settings" and "connection" in say]
    assert "raise max_connections" in saying


async def test_a_clock_that_is_elsewhere_is_told(with_topics: Operated, monkeypatch: pytest.MonkeyPatch) -> None:
    real = time.time
    monkeypatch.setattr("recobro.database_checks.time.time", lambda: real() - 300)
    verdict, saying = await one_of(with_topics, "promises, clock")
    assert verdict == "wrong"
    assert "5 min apart" in saying


async def test_what_a_person_left_behind_in_the_databases_is_told(with_topics: Operated) -> None:
    await with_topics.sql("portfolio", "UPDATE alembic_version SET version_num = '0005'")
    await with_topics.sql("promises", "INSERT INTO parked_keys (key, consumer) VALUES ('k', 'promises.events')")
    await with_topics.sql(
        "promises",
        'INSERT INTO dead_letters (key, consumer, topic, partition, "offset")'
        " SELECT 'k', 'promises.events', 'portfolio.events', 0, n FROM generate_series(1, 2) AS n",
    )
    await with_topics.says("promises", seconds_ago=3600)
    holder = await asyncpg.connect(with_topics.dsn("promises"))
    await holder.execute("SELECT pg_advisory_lock(hashtextextended('relay:events', 0))")
    await holder.execute("INSERT INTO relay_heartbeat VALUES ('events', 1, clock_timestamp())")
    told = {what: (verdict, saying) for what, verdict, saying in await findings(with_topics)}
    assert told["portfolio, schema"] == ("wrong", "0005, and this release needs 0006. Run: recobro migrate")
    assert told["promises, set aside"] == (
        "wrong",
        "2 events of 1 key wait for a person. Look: recobro dead-letters list --service promises",
    )
    assert told["promises, outbox events"] == ("wrong", "1 event waiting, the oldest for 60 min. Does the log answer?")
    await holder.execute("UPDATE relay_heartbeat SET beat_at = beat_at - interval '10 minutes'")
    verdict, saying = await one_of(with_topics, "promises, outbox events")
    assert verdict == "wrong"
    assert saying.startswith("its relay has not moved for 10 min")
    await holder.close()


async def test_an_empty_database_is_told_once_and_the_rest_is_looked_at(with_topics: Operated) -> None:
    await with_topics.sql("promises", "DROP SCHEMA public CASCADE")
    await with_topics.sql("promises", "CREATE SCHEMA public")
    told = [(what, verdict) for what, verdict, _ in await findings(with_topics) if what.startswith("promises")]
    assert ("promises, schema", "wrong") in told
    assert ("promises, database", "ok") in told
    assert ("promises, outbox events", "ok") not in told


async def test_a_dropped_topic_and_a_lost_place_are_told(with_topics: Operated) -> None:
    await with_topics.reads("promises.events", "assignment.events", [7])
    dropped = "topic_id = (SELECT topic_id FROM topic WHERE name = 'dialer-feed.events')"
    await with_topics.sql("log", f"DELETE FROM partition WHERE {dropped}")
    await with_topics.sql("log", f"DELETE FROM topic WHERE {dropped}")
    told = {what: (verdict, saying) for what, verdict, saying in await findings(with_topics)}
    assert told["topics"] == ("wrong", "there is no dialer-feed.events. Make what is missing: recobro topics create")
    assert told["consumer promises.events"] == (
        "wrong",
        "it cannot read on, for what comes next is gone from assignment.events. Mend it with: recobro rebuild promises",
    )
    assert told["consumer portfolio.events"] == ("could not look", "there is no dialer-feed.events to read.")


async def test_a_consumer_that_stands_still_is_told(with_topics: Operated) -> None:
    transport = await with_topics.log()
    await write(transport, "portfolio.events", 4)
    await transport.close()
    verdict, saying = await one_of(with_topics, "consumer promises.events")
    assert verdict == "wrong"
    assert saying.startswith("it does not get on with 4 events of portfolio.events.")


async def test_settings_are_judged_by_the_services_own_rules(with_topics: Operated) -> None:
    told = await findings(
        with_topics, RECOBRO_PORT_BASE="many", RECOBRO_KAFKA_USERNAME="me", RECOBRO_JWT_PUBLIC_KEY_FILE="/nowhere"
    )
    said = [saying for what, verdict, saying in told if (what, verdict) == ("settings", "wrong")]
    assert any(line.startswith("RECOBRO_PORT_BASE: ") for line in said)


async def test_a_log_that_is_away_is_told_and_the_rest_is_looked_at(with_topics: Operated) -> None:
    told = await findings(with_topics, RECOBRO_LOG_URL="postgresql://me:s3cret@127.0.0.1:1/log")
    assert ("consumers", "could not look", "the event log has to be asked for it.") in told
    assert next(verdict for what, verdict, _ in told if what == "event log") == "wrong"
    assert next(verdict for what, verdict, _ in told if what == "promises, schema") == "ok"
    assert "s3cret" not in str(told)


KEY, P384 = generate_key(), ECKey.generate_key("P-384")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read: No such file"),
        ("not JSON", "holds no JWK set."),
        ("[]", "holds no JWK set."),
        (json.dumps({"keys": [P384.as_dict(private=False)]}), "holds no key of ES256 or RS256"),
        (json.dumps({"keys": [KEY.as_dict(private=True)]}), "holds a private key"),
        (jwks(KEY), "can be used."),
    ],
)
def test_public_keys(tmp_path: Path, content: str | None, says: str) -> None:
    file = tmp_path / "jwks.json"
    if content is not None:
        file.write_text(content)
    found = machine_checks.public_keys(file, "recobro", "recobro", None)
    assert says in found[0].saying
    assert (found[0].verdict is Verdict.OK) == (says == "can be used.")


@pytest.mark.parametrize(("ttl", "verdict"), [(60, Verdict.OK), (-60, Verdict.WRONG)])
def test_a_token_is_tried_with_the_public_keys(tmp_path: Path, ttl: int, verdict: Verdict) -> None:
    file = tmp_path / "jwks.json"
    file.write_text(jwks(KEY))
    token = mint(KEY, "nightly-jobs", ["portfolio:write"], None, ttl)
    keys, tried = machine_checks.public_keys(file, "recobro", "recobro", token)
    assert keys.verdict is Verdict.OK
    assert tried.verdict is verdict
    assert token not in str(tried)


async def test_photos_are_tried_where_they_are_kept(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    assert (await machine_checks.photos(photos.as_uri())).verdict is Verdict.WRONG
    assert not photos.exists()
    photos.mkdir()
    assert (await machine_checks.photos(photos.as_uri())).verdict is Verdict.OK
    assert list(photos.iterdir()) == []
    (tmp_path / "file").write_text("")
    assert (await machine_checks.photos((tmp_path / "file").as_uri())).verdict is Verdict.WRONG


def test_a_disk_that_is_nearly_full_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine_checks.disk(tmp_path).verdict is Verdict.OK
    monkeypatch.setattr(machine_checks, "_LEAST_FREE_BYTES", 1 << 60)
    assert "make room" in machine_checks.disk(tmp_path).saying


def told_by(platform: Platform, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
    ran = invoked([*arguments, "--data", str(platform.data), "--json"])
    return ran.exit_code, json.loads(ran.stdout)


@pytest.mark.process
def test_a_platform_that_runs_is_well_until_one_service_stops() -> None:
    with started_platform() as platform:
        code, told = told_by(platform, "doctor")
        assert [one for one in told if one["verdict"] != "ok"] == []
        assert code == 0
        assert {one["what"] for one in told} >= {"disk", "public keys", "token", "promises, service", "topics"}
        assert [one["relay"] for one in told_by(platform, "outbox")[1]] == ["active"] * (len(service_topics()) + 1), (
            "a lane each, and the agencies' of assignment"
        )
        assert sum(one["lag"] for one in told_by(platform, "lag")[1]) == 0

        stopped = platform.pids()["promises"]
        os.kill(stopped, signal.SIGSTOP)
        try:
            code, told = told_by(platform, "doctor")
        finally:
            os.kill(stopped, signal.SIGCONT)
        assert code == 1
        assert {(one["what"], one["saying"]) for one in told if one["verdict"] == "wrong"} == {
            ("promises, service", "it does not answer.")
        }
