"""What the command's tests use."""

import logging
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog
from fake_platform import FakePlatform
from operated import Operated
from recobro.postgres import EmbeddedPostgres


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that PostgreSQL's own user can reach: each run of pytest closes its temporary folders to other users."""
    with tempfile.TemporaryDirectory(prefix="recobro-test-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[FakePlatform]:
    # Where a test before this one has started a service in this process, every request would be logged.
    caplog.set_level(logging.WARNING, "httpx")
    monkeypatch.setenv("RECOBRO_TOKEN", "a-token")
    monkeypatch.setenv("COLUMNS", "80")
    running = FakePlatform()
    yield running
    running.stop()


@pytest.fixture(scope="module")
async def migrated(postgres: EmbeddedPostgres) -> AsyncIterator[Operated]:
    """Databases of this release, to be copied."""
    platform = Operated(postgres)
    await platform.create()
    code, told = await platform.run("migrate")
    assert code == 0, told
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
def _loud() -> Iterator[None]:
    """A command that silences the logs does so for its own process only."""
    yield
    structlog.reset_defaults()
