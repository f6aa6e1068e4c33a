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
    """``what`` names the thing that was checked. ``result`` is a sentence, with what to do if something is wrong."""

    what: str
    verdict: Verdict
    result: str

    def __str__(self) -> str:
        return f"{self.what}: {self.result}"


def ok(what: str, result: str) -> Finding:
    return Finding(what, Verdict.OK, result)


def wrong(what: str, result: str) -> Finding:
    return Finding(what, Verdict.WRONG, result)


def unknown(what: str, reason: str | Trouble) -> Finding:
    """Return a finding on a thing that could not be checked."""
    return Finding(what, Verdict.UNKNOWN, str(reason))
