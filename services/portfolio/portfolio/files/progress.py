"""How far a file is, as a person sees it."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple


class Phase(StrEnum):
    """``waiting``: for its turn, or for a person. ``reading``: all rows are read and checked. ``applying``: contract by
    contract. ``closing``: the contracts that a snapshot does not name. ``linking``: the customers who are one person.
    ``done``: loaded, tried, or failed.
    """

    WAITING = "waiting"
    READING = "reading"
    APPLYING = "applying"
    CLOSING = "closing"
    LINKING = "linking"
    DONE = "done"


class Progress(NamedTuple):
    phase: Phase
    rows_done: int | None
    percent: int
    seconds_left: int | None


_BYTES_OF_ROW = 150
"""A guess, for the percentage while a file is read. Afterwards the number of rows is known."""
_FROM = {Phase.READING: 0, Phase.APPLYING: 15, Phase.CLOSING: 90, Phase.LINKING: 92, Phase.DONE: 100}
"""The percentage at which each phase begins. Most of the time goes into applying."""
_MOST_PERCENT = 99
_SOME_SECONDS = 3.0
"""After so long a phase shows how long it takes."""


def progress_of(file: Mapping[str, Any], now: datetime) -> Progress:
    status = file["status"]
    if status in ("loaded", "failed"):
        return Progress(Phase.DONE, file["rows_accepted"], 100, 0)
    if status in ("received", "needs_confirmation"):
        read = file["rows_read"]
        return Progress(Phase.WAITING, read, _FROM[Phase.APPLYING] if read is not None else 0, None)
    phase = Phase(file["phase"] or status.replace("loading", "applying"))
    share = _share(file, phase)
    begin, end = _FROM[phase], _FROM[_next(phase)]
    percent = min(_MOST_PERCENT, int(begin + (end - begin) * share))
    return Progress(phase, _rows_done(file, phase, share), percent, _seconds_left(file, now, percent - begin, percent))


def _share(file: Mapping[str, Any], phase: Phase) -> float:
    if phase is Phase.READING:
        return float(min(1.0, file["done"] / max(1.0, file["size_bytes"] / _BYTES_OF_ROW)))
    if phase is Phase.APPLYING:
        return float(min(1.0, file["done"] / max(1, file["expected"] or 1)))
    return 0.0


def _next(phase: Phase) -> Phase:
    phases = list(_FROM)
    return phases[phases.index(phase) + 1]


def _rows_done(file: Mapping[str, Any], phase: Phase, share: float) -> int:
    if phase is Phase.READING:
        return int(file["done"])
    rows = file["rows_accepted"] or 0
    return round(rows * share) if phase is Phase.APPLYING else rows


def _seconds_left(file: Mapping[str, Any], now: datetime, gained: int, percent: int) -> int | None:
    """An estimate from the speed of this phase; None until it shows."""
    since = file["phase_started_at"]
    elapsed = 0.0 if since is None else (now - since).total_seconds()
    if gained <= 0 or elapsed < _SOME_SECONDS:
        return None
    return round(elapsed / gained * (100 - percent))
