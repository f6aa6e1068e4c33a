"""What every test may use: a real PostgreSQL, a real Kafka, and a fresh database."""

import gc
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
import run_folder
from fresh_databases import FreshDatabases
from process_guard import GUARD
from recobro.errors import Trouble
from recobro.postgres import EmbeddedPostgres
from run_servers import OwnServers, Servers, ServersElsewhere, kafka_jars, postgres_at
from xdist.scheduler import LoadFileScheduling, Scheduling
from xdist.workermanage import WorkerController

_SERVERS = pytest.StashKey[Servers]()
_FOLDER = pytest.StashKey[Path | None]()
_OF_KAFKA = frozenset({"kafka_bootstrap", "kafka_jars", "own_kafka"})


class _ByFile(LoadFileScheduling):  # type: ignore[misc]
    """What runs side by side are files; but all journeys go over the one platform that is started for them."""

    def _split_scope(self, nodeid: str) -> str:
        journeys = "tests/journeys/"
        return journeys if nodeid.startswith(journeys) else str(super()._split_scope(nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
    return _ByFile(config, log)


def pytest_configure(config: pytest.Config) -> None:
    if (given := getattr(config, "workerinput", None)) is not None:
        config.stash[_SERVERS] = ServersElsewhere(*given["servers"])
        return
    # Of what a broker's Java does in a run, compiling twice and collecting in parallel would be the larger part.
    os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:+UseSerialGC -XX:TieredStopAtLevel=1")
    config.stash[_FOLDER] = run_folder.enter()
    config.stash[_SERVERS] = OwnServers()


def pytest_configure_node(node: WorkerController) -> None:
    own = node.config.stash[_SERVERS]
    assert isinstance(own, OwnServers)
    node.workerinput["servers"] = own.address()


def pytest_unconfigure(config: pytest.Config) -> None:
    servers = config.stash.get(_SERVERS, None)
    if isinstance(servers, OwnServers):
        servers.stop()
    if (folder := config.stash.get(_FOLDER, None)) is not None:
        run_folder.leave(folder)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Kafka is a process, whoever started it."""
    fixtures = getattr(item, "fixturenames", ())
    if item.get_closest_marker("kafka") or not _OF_KAFKA.isdisjoint(fixtures):
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
    """What was imported stays: the garbage collector need not look at it again and again, nor come as often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


@pytest.fixture(scope="session")
def postgres(pytestconfig: pytest.Config) -> EmbeddedPostgres:
    """The PostgreSQL of this test run; everybody uses it, so that nobody may stop it or change what is global in it."""
    return postgres_at(pytestconfig.stash[_SERVERS].find("postgres"))


@pytest.fixture(scope="session")
def databases(postgres: EmbeddedPostgres) -> FreshDatabases:
    return FreshDatabases(postgres)


@pytest.fixture
async def database_dsn(databases: FreshDatabases) -> AsyncIterator[str]:
    """An empty database of its own, gone after the test."""
    dsn = await databases.empty()
    yield dsn
    await databases.drop(dsn)


@pytest.fixture(scope="session")
def kafka_bootstrap(pytestconfig: pytest.Config) -> str:
    """The address of a real Kafka: the one that KAFKA_BOOTSTRAP names, else from Docker, else from Java and Maven.

    Without any the test is skipped, or fails where RECOBRO_REQUIRE_KAFKA=1 says that one has to be there.
    """
    try:
        return os.environ.get("KAFKA_BOOTSTRAP") or pytestconfig.stash[_SERVERS].find("kafka")
    except Trouble as why:
        _without_kafka(f"no Kafka: KAFKA_BOOTSTRAP is not set; {why}")


@pytest.fixture(scope="session", name="kafka_jars")
def _kafka_jars() -> Path:
    """For tests that start brokers of their own; without Java and Maven they are skipped, or fail as above."""
    try:
        return kafka_jars()
    except Trouble as why:
        _without_kafka(str(why))


def _without_kafka(reason: str) -> NoReturn:
    if os.environ.get("RECOBRO_REQUIRE_KAFKA") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
