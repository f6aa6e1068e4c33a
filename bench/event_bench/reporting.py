"""Reports of a measured process on its standard output, each a line of JSON. It needs only the standard library."""

import json
import sys
import time
from collections.abc import Sequence


def report(**values: object) -> None:
    sys.stdout.write(json.dumps({**values, "at": time.monotonic()}) + "\n")
    sys.stdout.flush()


class Tally:
    """Reports the number of applied events, after ``every`` so many and at ``target``."""

    def __init__(self, target: int = 0, every: int = 1) -> None:
        self.total = 0
        self._target = target
        self._every = every
        self._unreported = 0

    def add(self, count: int, references: Sequence[str] = ()) -> None:
        """Count events that have just been committed."""
        self.total += count
        self._unreported += count
        if self._unreported >= self._every or self.total == self._target:
            report(applied=self._unreported, references=references)
            self._unreported = 0
