"""The running platform that is measured."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from recobro.client import Client, connect
from recobro.data import DataFolder
from recobro.errors import Trouble


@contextmanager
def connected(data: DataFolder) -> Iterator[Client]:
    """Yield a client of the platform on ``data``. What a person can mend ends the program with a sentence."""
    try:
        with connect(data, None) as client:
            yield client
    except Trouble as trouble:
        sys.exit(str(trouble))
