"""The lines of a list of lost entries, and what became of each when it was entered again."""

import csv
import json
import os
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from recobro.errors import Trouble
from recobro.language import tr
from recobro.lost_writes import COLUMNS
from recobro.terminal import count, err, out, printable, show_table, table_of


class Outcome(StrEnum):
    """``by_hand``: a person has to enter the line. ``refused``: the service does not take it now."""

    ENTERED = "entered"
    KNOWN = "known"
    FOLLOWS = "follows"
    BY_HAND = "by_hand"
    REFUSED = "refused"


_LEFT = (Outcome.BY_HAND, Outcome.REFUSED)
_WAITING = "waiting"


@dataclass(frozen=True)
class Line:
    """A lost event, as the list states it."""

    time: str
    event_id: str
    event: str
    key: str
    content: Mapping[str, Any]


@dataclass(frozen=True)
class Entered:
    """What became of a line."""

    line: Line
    outcome: Outcome
    detail: str = ""

    def as_json(self) -> dict[str, str]:
        line = self.line
        return {"event_id": line.event_id, "event": line.event, "outcome": self.outcome, "detail": self.detail}


def read(path: Path) -> Iterator[Line]:
    """Yield the lines of a list. Raises ``Trouble`` if it is none."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            if rows.fieldnames is None or not set(COLUMNS) <= set(rows.fieldnames):
                columns = ", ".join(COLUMNS)
                raise Trouble(
                    tr(
                        "{file} is not a list of lost entries: it needs the columns {columns}.",
                        file=path,
                        columns=columns,
                    )
                )
            for row in rows:
                yield Line(row["time"], row["event_id"], row["event"], row["key"], json.loads(row["content"]))
    except (OSError, ValueError, TypeError) as error:
        raise Trouble(
            tr("{file} cannot be read as a list of lost entries: {error}.", file=path, error=error)
        ) from error


def write_outcomes(path: Path, lines: Sequence[Line], entered: Mapping[str, Entered]) -> bool:
    """Write what became of each line, and return whether one is left. Without one the list gets another name."""
    outcomes = path.with_name(f"{path.stem}.outcomes.csv".removeprefix("lost-"))
    descriptor = os.open(outcomes, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", newline="", encoding="utf-8-sig") as file:
        rows = csv.writer(file)
        rows.writerow(["time", "event_id", "event", "key", "outcome", "detail"])
        for line in lines:
            one = entered.get(line.event_id)
            became = (one.outcome, one.detail) if one else (_WAITING, "")
            rows.writerow([line.time, line.event_id, line.event, line.key, *became])
    left = any(one is None or one.outcome in _LEFT for one in (entered.get(line.event_id) for line in lines))
    if not left and path.name.startswith("lost-"):
        path.rename(path.with_name(path.name.replace("lost-", "entered-", 1)))
    return left


def print_outcomes(entered: Collection[Entered], lines: int, lists: Sequence[Path], left: Sequence[Path]) -> None:
    """Print how many lines had each outcome, and every line that is left for a person."""
    headings = (tr("entered"), tr("there already"), tr("follows"), tr("by hand"), tr("not accepted"))
    table = table_of(tr("event"), *headings)
    counts = Counter((one.line.event, one.outcome) for one in entered)
    for event in sorted({event for event, _ in counts}):
        table.add_row(event, *(count(counts[event, outcome]) for outcome in Outcome))
    show_table(table)
    for one in entered:
        if one.outcome in _LEFT or (one.outcome is Outcome.ENTERED and one.detail):
            err.print(printable(f"{one.line.time} {one.line.event} {one.line.key}: {one.detail}"), markup=False)
    if waiting := lines - len(entered):
        err.print(tr("Lines that were not tried: {count}.", count=count(waiting)))
    if left:
        err.print(tr("Lines are left. What became of each line is in the files *.outcomes.csv beside the lists."))
    else:
        out.print(tr("Nothing is left of {lists}.", lists=", ".join(map(str, lists))), markup=False)
