"""The result of one check of ``recobro doctor``."""

from dataclasses import dataclass
from enum import StrEnum

from recobro.errors import Trouble


class Verdict(StrEnum):
    OK = "ok"
    WRONG = "wrong"
    UNKNOWN = "could not look"


@dataclass(frozen=True)
class Finding:
    """``what`` is the thing that was checked, ``saying`` the result.

    If something is wrong, ``saying`` also says what to do.
    """

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
    """A finding on a thing that could not be checked."""
    return Finding(what, Verdict.UNKNOWN, str(why))
