"""Fixtures of the command's tests."""

import logging
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog
from fake_platform import FakePlatform
from operated import Operated
from recobro import language
from recobro.kafka import LocalKafka
from recobro.postgres import EmbeddedPostgres, free_port


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that PostgreSQL's own user can reach: each run of pytest closes its temporary folders to other users."""
    with tempfile.TemporaryDirectory(prefix="recobro-test-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(autouse=True)
def _no_logs_of_services() -> Iterator[None]:
    """Silence the logs of services that an earlier test has run in this process; they would go to stdout."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(autouse=True)
def _in_english() -> Iterator[None]:
    """A test that has chosen a language leaves it to no other."""
    language.speak(language.Locale())
    yield
    language.speak(language.Locale())


@pytest.fixture(scope="module")
def own_kafka(tmp_path_factory: pytest.TempPathFactory, kafka_jars: Path) -> Iterator[str]:
    """A broker of its own, for topics with the same names as a platform's."""
    broker = LocalKafka(tmp_path_factory.mktemp("kafka"), free_port(), kafka_jars)
    try:
        broker.start()
        yield broker.bootstrap
    finally:
        broker.stop()


@pytest.fixture(scope="module")
def small_kafka(tmp_path_factory: pytest.TempPathFactory, kafka_jars: Path) -> Iterator[str]:
    """A broker that takes smaller records than the platform writes."""
    settings = {"message.max.bytes": "600000", "replica.fetch.max.bytes": "700000"}
    broker = LocalKafka(tmp_path_factory.mktemp("kafka"), free_port(), kafka_jars, settings=settings)
    try:
        broker.start()
        yield broker.bootstrap
    finally:
        broker.stop()


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakePlatform]:
    monkeypatch.setenv("RECOBRO_TOKEN", "a-token")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    running = FakePlatform()
    yield running
    running.stop()


@pytest.fixture(scope="module")
async def migrated(postgres: EmbeddedPostgres) -> AsyncIterator[Operated]:
    """Databases of this release, to be copied."""
    platform = Operated(postgres)
    await platform.create()
    code, output = await platform.run("migrate")
    assert code == 0, output
    yield platform
    await platform.drop()


@pytest.fixture
async def operated(migrated: Operated) -> AsyncIterator[Operated]:
    """Databases of this release with an empty log, for one test."""
    platform = Operated(migrated.server)
    await platform.create(like=migrated)
    yield platform
    await platform.drop()


@pytest.fixture(autouse=True)
def _logs_again() -> Iterator[None]:
    """Undo that a command silenced the logs of its process, which here is the tests' process."""
    yield
    structlog.reset_defaults()
