"""One platform of services and one console for the tests of a file; each test signs in by itself."""

import logging
from collections.abc import AsyncIterator, Iterator

import pytest
from console_scene import Scene, console_before
from fresh_databases import FreshDatabases
from in_browser import chromium
from playwright.async_api import Browser
from services_in_process import InProcessPlatform, all_services_in_process


def pytest_itemcollected(item: pytest.Item) -> None:
    """The platform loads a file, which a process of its own reads. A browser is a process."""
    if not {"platform", "browser"}.isdisjoint(getattr(item, "fixturenames", ())):
        item.add_marker(pytest.mark.process)


@pytest.fixture(autouse=True)
def _no_logs() -> Iterator[None]:
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="module")
async def platform(databases: FreshDatabases) -> AsyncIterator[InProcessPlatform]:
    """All services, with the first contracts of the sample."""
    async with all_services_in_process(databases) as running:
        await running.sample_portfolio()
        await running.settled()
        yield running


@pytest.fixture(scope="module")
async def scene(platform: InProcessPlatform, databases: FreshDatabases) -> AsyncIterator[Scene]:
    async with console_before(platform, databases) as console:
        yield console


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running
