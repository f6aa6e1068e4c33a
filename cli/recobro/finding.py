"""What one check of ``recobro doctor`` has found."""

from dataclasses import dataclass
from enum import StrEnum

from recobro.errors import Trouble


class Verdict(StrEnum):
    OK = "ok"
    WRONG = "wrong"
    UNKNOWN = "could not look"


@dataclass(frozen=True)
class Finding:
    """``what`` was looked at, and what is to be said of it; ``saying`` of what is wrong also says what to do."""

    what: str
    verdict: Verdict
    saying: str

    def __str__(self) -> str:
        return f"{self.what}: {self.saying}"


def ok(what: str, saying: str) -> Finding:
    return Finding(what, Verdict.OK, saying)


def wrong(what: str, saying: str) -> Finding:
    return Finding(what, Verdict.WRONG, saying)


def unknown(what: str, why: str | Trouble) -> Finding:
    """It could not be looked at."""
    return Finding(what, Verdict.UNKNOWN, str(why))
