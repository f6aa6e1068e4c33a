"""`recobro doctor` reports what works as ok, and every thing that a test breaks as wrong."""

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
from recobro.embedded import Readiness
from recobro.finding import Finding, Verdict
from recobro.log_settings import LogSettings
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
    found = await operated.json("doctor", **environment)
    return [(one["what"], one["verdict"], one["saying"]) for one in found]


async def one_of(operated: Operated, what: str, **environment: str | None) -> tuple[str, str]:
    """Return the verdict and the result of one finding."""
    found = [(verdict, result) for name, verdict, result in await findings(operated, **environment) if name == what]
    assert len(found) == 1, found
    return found[0]


async def test_the_wrong_ones_come_first_and_what_passed_is_shown_on_request(with_topics: Operated) -> None:
    code, problems = await with_topics.run("doctor")
    assert code == 1
    assert not any(line.startswith("ok ") for line in problems.splitlines())
    assert re.search(r"Problems: \d+\. Checks that passed: \d+; --all shows them\.$", problems.strip())
    code, output = await with_topics.run("doctor", "--all")
    assert code == 1
    assert "ok              portfolio, database: PostgreSQL 18." in output
    assert re.search(r"ok              promises, schema: the revision is \d{4}\.", output)
    assert "ok              promises, clock: the database's clock agrees with this machine's." in output
    assert f"ok              topics: all {len(service_topics())} topics exist, with 12 partitions each." in output
    assert "ok              consumer promises.events: the consumer has read all events." in output
    assert "could not look  public keys: neither RECOBRO_JWT_PUBLIC_KEY_FILE nor" in output
    # The tests' own server runs without fsync, and the command connects as a superuser.
    assert "wrong           promises, role: postgres is a superuser." in output
    assert "wrong           promises, settings: fsync is off, so acknowledged data can be lost in a crash." in output
    assert (
        "wrong           promises, outbox events: no relay is active (no event waiting). Is promises running?" in output
    )
    lines = [line.split("  ")[0] for line in output.splitlines()[:-1] if ": " in line]
    assert lines == sorted(lines, key=["wrong", "could not look", "ok"].index)
    assert re.fullmatch(r"Problems: \d+\.", output.splitlines()[-1])


async def test_a_role_that_only_owns_its_database_is_ok_and_one_with_more_rights_is_wrong(
    with_topics: Operated,
) -> None:
    role = f"role_{with_topics.prefix}"
    await with_topics.sql("promises", f"CREATE ROLE {role} LOGIN PASSWORD 'x' IN ROLE pg_read_all_data")
    dsn = with_topics.dsn("promises")
    theirs = f"postgresql://{role}:x@{dsn.rpartition('@')[2]}"
    assert await one_of(with_topics, "promises, role", RECOBRO_PROMISES_DATABASE_URL=theirs) == (
        "ok",
        f"{role} is not a superuser, and owns no audit table.",
    )
    await with_topics.sql("promises", f"ALTER TABLE audit_entry OWNER TO {role}")
    assert (await one_of(with_topics, "promises, role", RECOBRO_PROMISES_DATABASE_URL=theirs))[0] == "wrong"
    await with_topics.sql("promises", "ALTER TABLE audit_entry OWNER TO postgres")
    await with_topics.sql("promises", f"ALTER ROLE {role} SET log_parameter_max_length_on_error = 100")
    await with_topics.sql("promises", f"ALTER ROLE {role} SET idle_session_timeout = '1min'")
    await with_topics.sql("promises", f"ALTER ROLE {role} SET synchronous_commit = off")
    await with_topics.sql("promises", f"ALTER ROLE {role} BYPASSRLS")
    found = await findings(with_topics, RECOBRO_PROMISES_DATABASE_URL=theirs)
    wrong = [f"{what}: {result}" for what, verdict, result in found if verdict == "wrong"]
    assert any("promises, settings: synchronous_commit is off, so acknowledged data" in line for line in wrong)
    assert any("promises, settings: idle_session_timeout is set and would end" in line for line in wrong)
    assert any("promises, settings: log_parameter_max_length_on_error is 100" in line for line in wrong)
    assert any("promises, role: " in line and "bypasses row-level security" in line for line in wrong)
    await with_topics.sql("promises", f"DROP ROLE {role}")


async def test_too_few_free_connections_are_wrong(with_topics: Operated, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_checks, "_CONNECTIONS_OF_A_PROCESS", 1000)
    found = await findings(with_topics)
    [result] = [text for what, _, text in found if what == "promises, settings" and "connection" in text]
    assert "raise max_connections" in result


async def test_a_clock_that_differs_from_the_database_s_is_wrong(
    with_topics: Operated, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = time.time
    monkeypatch.setattr("recobro.database_checks.time.time", lambda: real() - 300)
    verdict, result = await one_of(with_topics, "promises, clock")
    assert verdict == "wrong"
    assert "5 min apart" in result


async def test_an_old_schema_events_set_aside_and_a_stuck_outbox_are_wrong(with_topics: Operated) -> None:
    await with_topics.sql("portfolio", "UPDATE alembic_version SET version_num = '0005'")
    await with_topics.sql("promises", "INSERT INTO parked_keys (key, consumer) VALUES ('k', 'promises.events')")
    await with_topics.sql(
        "promises",
        'INSERT INTO dead_letters (key, consumer, topic, partition, "offset")'
        " SELECT 'k', 'promises.events', 'portfolio.events', 0, n FROM generate_series(1, 2) AS n",
    )
    await with_topics.fill_outbox("promises", seconds_ago=3600)
    holder = await asyncpg.connect(with_topics.dsn("promises"))
    await holder.execute("SELECT pg_advisory_lock(hashtextextended('relay:events', 0))")
    await holder.execute("INSERT INTO relay_heartbeat VALUES ('events', 1, clock_timestamp())")
    found = {what: (verdict, result) for what, verdict, result in await findings(with_topics)}
    verdict, result = found["portfolio, schema"]
    assert verdict == "wrong"
    assert re.fullmatch(r"the revision is 0005, and this release needs \d{4}\. Run: recobro migrate", result)
    assert found["promises, set aside"] == (
        "wrong",
        "events that wait for a person: 2 (keys: 1). To list them: recobro dead-letters list --service promises",
    )
    assert found["promises, outbox events"] == (
        "wrong",
        "events waiting: 1, the oldest for 60 min. Does the log answer?",
    )
    await holder.execute("UPDATE relay_heartbeat SET beat_at = beat_at - interval '10 minutes'")
    verdict, result = await one_of(with_topics, "promises, outbox events")
    assert verdict == "wrong"
    assert result.startswith("the relay has not moved for 10 min")
    await holder.close()


async def test_events_that_the_log_refused_are_wrong(with_topics: Operated) -> None:
    await with_topics.set_unsent("promises", times=3)
    found = [result for what, verdict, result in await findings(with_topics) if what == "promises, outbox events"]
    assert found[-1] == (
        "the log refused events; with those behind, events that wait for a person: 3."
        " To list them: recobro unsent list --service promises"
    )


async def test_an_empty_database_is_wrong_and_its_other_checks_are_left_out(with_topics: Operated) -> None:
    await with_topics.sql("promises", "DROP SCHEMA public CASCADE")
    await with_topics.sql("promises", "CREATE SCHEMA public")
    found = [(what, verdict) for what, verdict, _ in await findings(with_topics) if what.startswith("promises")]
    assert ("promises, schema", "wrong") in found
    assert ("promises, database", "ok") in found
    assert ("promises, outbox events", "ok") not in found


async def test_a_missing_topic_and_a_lost_position_are_wrong(with_topics: Operated) -> None:
    await with_topics.set_positions("promises.events", "assignment.events", [7])
    dropped = "topic_id = (SELECT topic_id FROM topic WHERE name = 'dialer-feed.events')"
    await with_topics.sql("log", f"DELETE FROM partition WHERE {dropped}")
    await with_topics.sql("log", f"DELETE FROM topic WHERE {dropped}")
    found = {what: (verdict, result) for what, verdict, result in await findings(with_topics)}
    assert found["topics"] == (
        "wrong",
        "there is no dialer-feed.events. Create the missing topics: recobro topics create",
    )
    assert found["consumer promises.events"] == (
        "wrong",
        "the consumer cannot continue: its next events are gone from assignment.events. Run: recobro rebuild promises",
    )
    assert found["consumer portfolio.events"] == ("could not look", "there is no dialer-feed.events to read.")


async def test_a_consumer_without_progress_is_wrong(with_topics: Operated) -> None:
    transport = await with_topics.log()
    await write(transport, "portfolio.events", 4)
    await transport.close()
    verdict, result = await one_of(with_topics, "consumer promises.events")
    assert verdict == "wrong"
    assert result.startswith("the consumer makes no progress with portfolio.events (events: 4).")


async def test_settings_are_checked_by_the_services_own_rules(with_topics: Operated) -> None:
    found = await findings(
        with_topics, RECOBRO_PORT_BASE="many", RECOBRO_KAFKA_USERNAME="me", RECOBRO_JWT_PUBLIC_KEY_FILE="/nowhere"
    )
    wrong = [result for what, verdict, result in found if (what, verdict) == ("settings", "wrong")]
    assert any(line.startswith("RECOBRO_PORT_BASE: ") for line in wrong)


async def test_an_unreachable_log_is_wrong_and_the_databases_are_still_checked(with_topics: Operated) -> None:
    found = await findings(with_topics, RECOBRO_LOG_URL="postgresql://me:s3cret@127.0.0.1:1/log")
    assert ("consumers", "could not look", "this check needs the event log.") in found
    assert next(verdict for what, verdict, _ in found if what == "event log") == "wrong"
    assert next(verdict for what, verdict, _ in found if what == "promises, schema") == "ok"
    assert "s3cret" not in str(found)


KEY, P384 = generate_key(), ECKey.generate_key("P-384")


async def key_findings(file: Path, token: str | None = None, **settings: Any) -> list[Finding]:
    values = {"jwt_public_key_file": file} | settings
    return await machine_checks.public_keys(LogSettings.model_construct(**values), token)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, "No such file"),
        ("not JSON", "it is not a JWK set."),
        ("[]", "it is not a JWK set."),
        (json.dumps({"keys": [P384.as_dict(private=False)]}), "has no key of ES256 or RS256."),
        (json.dumps({"keys": [KEY.as_dict(private=True)]}), "has a private key"),
        (jwks(KEY), "can be used."),
    ],
)
async def test_a_file_of_public_keys_is_checked(tmp_path: Path, content: str | None, text: str) -> None:
    file = tmp_path / "jwks.json"
    if content is not None:
        file.write_text(content)
    found = await key_findings(file)
    assert text in found[0].result
    assert (found[0].verdict is Verdict.OK) == (text == "can be used.")


async def test_a_deny_list_that_nobody_understands_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "jwks.json").write_text(jwks(KEY))
    (tmp_path / "denied").write_text("not an id\n")
    [found] = await key_findings(tmp_path / "jwks.json", jwt_deny_file=tmp_path / "denied")
    assert found.verdict is Verdict.WRONG
    assert "The list of revoked tokens cannot be loaded: line 1 is neither" in found.result


async def test_an_address_of_public_keys_is_asked(tmp_path: Path) -> None:
    address = "http://127.0.0.1:1/jwks.json"
    keys, tried = await key_findings(tmp_path, "a.b.c", jwt_public_key_file=None, jwt_jwks_url=address)
    assert keys.verdict is Verdict.WRONG
    assert "the address does not answer (ConnectError)" in keys.result
    assert tried.verdict is Verdict.WRONG


@pytest.mark.parametrize(("ttl", "verdict"), [(60, Verdict.OK), (-60, Verdict.WRONG), (86401, Verdict.WRONG)])
async def test_a_token_is_verified_with_the_public_keys(tmp_path: Path, ttl: int, verdict: Verdict) -> None:
    file = tmp_path / "jwks.json"
    file.write_text(jwks(KEY))
    token = mint(KEY, "nightly-jobs", ["portfolio:write"], None, ttl, role="operator")
    keys, tried = await key_findings(file, token)
    assert keys.verdict is Verdict.OK
    assert tried.verdict is verdict
    assert token not in str(tried)


def test_a_warning_of_a_ready_service_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    warned = Readiness(None, ("The set of public keys cannot be loaded: the address answers 500",))
    monkeypatch.setattr(machine_checks, "readiness_of", lambda _: warned)
    found = machine_checks.services_ready({"promises": "http://127.0.0.1:1"}, here=True)
    assert [one.verdict for one in found] == [Verdict.WRONG, Verdict.OK]
    assert found[0].result == "The set of public keys cannot be loaded: the address answers 500."


async def test_a_photo_is_stored_and_deleted_to_check_the_store(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    assert (await machine_checks.files("photos", photos.as_uri())).verdict is Verdict.WRONG
    assert not photos.exists()
    photos.mkdir()
    assert (await machine_checks.files("photos", photos.as_uri())).verdict is Verdict.OK
    assert list(photos.iterdir()) == []
    (tmp_path / "file").write_text("")
    assert (await machine_checks.files("photos", (tmp_path / "file").as_uri())).verdict is Verdict.WRONG


def test_a_disk_that_is_nearly_full_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine_checks.disk(tmp_path).verdict is Verdict.OK
    monkeypatch.setattr(machine_checks, "_LEAST_FREE_BYTES", 1 << 60)
    assert "make room" in machine_checks.disk(tmp_path).result


def json_of(platform: Platform, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
    result = invoked([*arguments, "--data", str(platform.data), "--json"])
    return result.exit_code, json.loads(result.stdout)


@pytest.mark.process
def test_a_running_platform_is_ok_until_a_service_stops() -> None:
    with started_platform() as platform:
        code, found = json_of(platform, "doctor")
        assert [one for one in found if one["verdict"] != "ok"] == []
        assert code == 0
        assert {one["what"] for one in found} >= {"disk", "public keys", "token", "promises, service", "topics"}
        assert [one["relay"] for one in json_of(platform, "outbox")[1]] == ["active"] * (len(service_topics()) + 1), (
            "one lane for each topic, and the agencies lane of assignment"
        )
        assert sum(one["lag"] for one in json_of(platform, "lag")[1]) == 0

        stopped = platform.pids()["promises"]
        os.kill(stopped, signal.SIGSTOP)
        try:
            code, found = json_of(platform, "doctor")
        finally:
            os.kill(stopped, signal.SIGCONT)
        assert code == 1
        found_wrong = {one["what"]: one["saying"] for one in found if one["verdict"] == "wrong"}
        assert found_wrong.pop("promises, service") == "the service does not answer."
        # Markers are published at any time, and its consumers do not read them.
        assert set(found_wrong) <= {"consumer promises.events", "consumer promises.bulk"}
