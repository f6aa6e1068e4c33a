"""What every test may use: a real PostgreSQL, and a fresh database in it."""

import contextlib
import os
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from recobro import kafka
from recobro.errors import Trouble
from recobro.postgres import EmbeddedPostgres, free_port
from xdist.scheduler import LoadFileScheduling, Scheduling


class _ByFile(LoadFileScheduling):  # type: ignore[misc]
    """What runs side by side are files; but all journeys go over the one platform that is started for them."""

    def _split_scope(self, nodeid: str) -> str:
        journeys = "tests/journeys/"
        return journeys if nodeid.startswith(journeys) else str(super()._split_scope(nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
    return _ByFile(config, log)


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL for this test run. It does not wait for the disk: no test here pulls the plug of the machine."""
    # Not below pytest's own folder: each new run closes that to other users, and PostgreSQL may be one.
    with tempfile.TemporaryDirectory(prefix="recobro-test-", ignore_cleanup_errors=True) as folder:
        server = EmbeddedPostgres(Path(folder) / "postgres", free_port(), {"fsync": "off", "max_connections": "400"})
        server.start()
        yield server
        server.stop()


@pytest.fixture
async def database_dsn(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """An empty database of its own, gone after the test."""
    name = f"test_{uuid.uuid4().hex}"
    admin = await asyncpg.connect(postgres.dsn("postgres"))
    try:
        await admin.execute(f"CREATE DATABASE {name}")
        yield postgres.dsn(name)
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await admin.close()


@pytest.fixture(scope="session")
def kafka_bootstrap() -> Iterator[str]:
    """The address of a real Kafka: the one that KAFKA_BOOTSTRAP names, else from Docker, else from Java and Maven.

    Without any the test is skipped, or fails where RECOBRO_REQUIRE_KAFKA=1 says that one has to be there.
    """
    if given := os.environ.get("KAFKA_BOOTSTRAP"):
        yield given
        return
    with contextlib.ExitStack() as stack:
        reasons: list[str] = []
        for bring in (_kafka_from_docker, _kafka_from_java):
            try:
                bootstrap = bring(stack)
            except Trouble as why:
                reasons.append(str(why))
                continue
            yield bootstrap
            return
        reason = f"no Kafka: KAFKA_BOOTSTRAP is not set; {'; '.join(reasons)}"
        if os.environ.get("RECOBRO_REQUIRE_KAFKA") == "1":
            pytest.fail(reason)
        pytest.skip(reason)


def _kafka_from_docker(stack: contextlib.ExitStack) -> str:
    import docker
    from docker.errors import DockerException
    from testcontainers.community.kafka import KafkaContainer

    try:
        stack.enter_context(contextlib.closing(docker.from_env(timeout=3))).ping()
    except (DockerException, OSError):
        raise Trouble("no Docker engine answers") from None
    container = KafkaContainer(docker_client_kw={"timeout": 120}).with_kraft()
    stack.callback(container.stop)
    try:
        return str(container.start(timeout=120).get_bootstrap_server())
    except (DockerException, OSError, TimeoutError) as error:
        raise Trouble(f"Docker did not start Kafka ({type(error).__name__})") from error


@pytest.fixture(scope="session")
def kafka_jars() -> Path:
    """For tests that start brokers of their own; without Java and Maven they are skipped, or fail as above."""
    try:
        return _jars()
    except Trouble as why:
        if os.environ.get("RECOBRO_REQUIRE_KAFKA") == "1":
            pytest.fail(str(why))
        pytest.skip(str(why))


def _jars() -> Path:
    if missing := kafka.missing_programs():
        raise Trouble(f"{' and '.join(missing)} not on PATH")
    jars = Path(__file__).parent / ".kafka" / "lib"
    kafka.fetch(jars)
    return jars


def _kafka_from_java(stack: contextlib.ExitStack) -> str:
    jars = _jars()
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="recobro-kafka-", ignore_cleanup_errors=True)))
    broker = kafka.LocalKafka(folder, free_port(), jars)
    stack.callback(broker.stop)
    broker.start()
    return broker.bootstrap
