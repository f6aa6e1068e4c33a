"""A platform with the data of a day, that is attacked."""

from collections.abc import Iterator

import pytest
from attack.target import Target, furnished
from running_platform import started_platform


@pytest.fixture(scope="session")
def target() -> Iterator[Target]:
    with started_platform() as platform:
        yield furnished(platform)
