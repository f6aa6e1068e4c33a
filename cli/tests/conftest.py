"""A folder that PostgreSQL's own user can reach: each run of pytest closes its temporary folders to other users."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def open_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="recobro-test-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)
