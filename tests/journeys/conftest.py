"""The platform that the journeys share."""

from collections.abc import Iterator

import pytest
from running_platform import Platform, started_platform


@pytest.fixture(scope="session")
def platform() -> Iterator[Platform]:
    """A platform with the embedded log."""
    with started_platform() as running:
        yield running
