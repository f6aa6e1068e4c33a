"""Fixtures for every test: a real PostgreSQL, a real Kafka, and a fresh database."""

import faulthandler
import gc
import os
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
import run_folder
from fresh_databases import FreshDatabases
from hypothesis import HealthCheck, settings
from process_guard import GUARD
from recobro.errors import Trouble
from recobro.postgres import EmbeddedPostgres
from run_servers import OwnServers, Servers, ServersElsewhere, kafka_jars, postgres_at
from xdist.scheduler import LoadFileScheduling, Scheduling
from xdist.workermanage import WorkerController

# A busy machine is no reason to fail.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

_SERVERS = pytest.StashKey[Servers]()
_FOLDER = pytest.StashKey[Path | None]()
_STATUS = pytest.StashKey[int]()
_MOST_SECONDS_TO_END = 60.0
_KAFKA_FIXTURES = frozenset({"kafka_bootstrap", "kafka_jars", "own_kafka"})


class _ByFile(LoadFileScheduling):  # type: ignore[misc]
    """Distributes tests by file. All journeys stay on one worker, because they share one platform.

    Weeks of files take long and share nothing, so each may have a worker of its own.
    """

    def _split_scope(self, nodeid: str) -> str:
        journeys = "tests/journeys/"
        if "test_weeks_of_files.py" in nodeid:
            return nodeid
        return journeys if nodeid.startswith(journeys) else str(super()._split_scope(nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
    return _ByFile(config, log)


def pytest_configure(config: pytest.Config) -> None:
    if (given := getattr(config, "workerinput", None)) is not None:
        config.stash[_SERVERS] = ServersElsewhere(*given["servers"])
        return
    # A broker lives only for a run. A second compiler and a parallel garbage collector would take most of its time.
    os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:+UseSerialGC -XX:TieredStopAtLevel=1")
    config.stash[_FOLDER] = run_folder.enter()
    config.stash[_SERVERS] = OwnServers()


def pytest_configure_node(node: WorkerController) -> None:
    own = node.config.stash[_SERVERS]
    assert isinstance(own, OwnServers)
    node.workerinput["servers"] = own.address()


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    session.config.stash[_STATUS] = int(exitstatus)


def pytest_unconfigure(config: pytest.Config) -> None:
    servers = config.stash.get(_SERVERS, None)
    if isinstance(servers, OwnServers):
        servers.stop()
    if (folder := config.stash.get(_FOLDER, None)) is not None:
        run_folder.leave(folder)
        _end_soon(config.stash.get(_STATUS, 1))


def _end_soon(status: int) -> None:
    """End the finished run even if a thread of it never ends, and print where that thread is."""

    def end() -> None:
        faulthandler.dump_traceback(all_threads=True)
        os._exit(status)

    timer = threading.Timer(_MOST_SECONDS_TO_END, end)
    timer.daemon = True
    timer.start()


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark every test that uses Kafka as a process test, wherever its broker runs."""
    fixtures = getattr(item, "fixturenames", ())
    if item.get_closest_marker("kafka") or not _KAFKA_FIXTURES.isdisjoint(fixtures):
        item.add_marker(pytest.mark.process)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    if item.get_closest_marker("process") is None:
        GUARD.watch()
    try:
        return (yield)
    finally:
        GUARD.release()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Iterator[None]:
    yield
    GUARD.check()


def pytest_collection_finish() -> None:
    """Exclude imported modules from garbage collection, and collect less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


@pytest.fixture(scope="session")
def postgres(pytestconfig: pytest.Config) -> EmbeddedPostgres:
    """The PostgreSQL of this test run. All tests share it, so no test may stop it or change its global state."""
    return postgres_at(pytestconfig.stash[_SERVERS].find("postgres"))


@pytest.fixture(scope="session")
def databases(postgres: EmbeddedPostgres) -> FreshDatabases:
    return FreshDatabases(postgres)


@pytest.fixture
async def database_dsn(databases: FreshDatabases) -> AsyncIterator[str]:
    """An empty database that is dropped after the test."""
    dsn = await databases.empty()
    yield dsn
    await databases.drop(dsn)


@pytest.fixture(scope="session")
def kafka_bootstrap(pytestconfig: pytest.Config) -> str:
    """The address of a real Kafka: at KAFKA_BOOTSTRAP, else from Docker, else from Java and Maven.

    Without a Kafka the test is skipped. With RECOBRO_REQUIRE_KAFKA=1 it fails instead.
    """
    try:
        return os.environ.get("KAFKA_BOOTSTRAP") or pytestconfig.stash[_SERVERS].find("kafka")
    except Trouble as trouble:
        _without_kafka(f"no Kafka: KAFKA_BOOTSTRAP is not set; {trouble}")


@pytest.fixture(scope="session", name="kafka_jars")
def _kafka_jars() -> Path:
    """The jars for tests that start brokers. Without Java and Maven the tests are skipped, or fail as above."""
    try:
        return kafka_jars()
    except Trouble as trouble:
        _without_kafka(str(trouble))


def _without_kafka(reason: str) -> NoReturn:
    if os.environ.get("RECOBRO_REQUIRE_KAFKA") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
