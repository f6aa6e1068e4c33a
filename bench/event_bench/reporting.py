"""What a measured process says on its standard output, a line of JSON each time. Standard library alone."""

import json
import sys
import time
from collections.abc import Sequence


def say(**what: object) -> None:
    sys.stdout.write(json.dumps({**what, "at": time.monotonic()}) + "\n")
    sys.stdout.flush()


class Tally:
    """Says how many events were applied, ``every`` so many, and at ``target``."""

    def __init__(self, target: int = 0, every: int = 1) -> None:
        self.total = 0
        self._target = target
        self._every = every
        self._unsaid = 0

    def add(self, count: int, references: Sequence[str] = ()) -> None:
        """These have been committed just now."""
        self.total += count
        self._unsaid += count
        if self._unsaid >= self._every or self.total == self._target:
            say(applied=self._unsaid, references=references)
            self._unsaid = 0
