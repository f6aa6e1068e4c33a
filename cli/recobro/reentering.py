"""What a restore has lost is entered again, from the list that ``recobro restore`` wrote.

Each line of the list is an event that the restored service had published. What the event states is sent to the service
once more, with the ids that it had. The key of each request is made from the event's id, and what is there already is
left alone, so a list may be entered any number of times.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from recobro.client import connect, in_role
from recobro.data import DataFolder
from recobro.entering import Entering
from recobro.errors import Trouble
from recobro.lost_lines import Entered, Line, print_outcomes, read, write_outcomes
from recobro.terminal import DEFAULT_DATA, AsJson, Data, Url, print_json


def reenter(
    lists: Annotated[list[Path], typer.Argument(metavar="LIST…", help="The lists that recobro restore wrote.")],
    files: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="The folder with the lost portfolio files.")
    ] = None,
    data: Data = DEFAULT_DATA,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Enter the data again that a restore has lost, from its lists. Data that is there already does not change.

    Give the lists of all services in one command: their lines are entered in the order of their time. Payments,
    disputes, pauses, promises, plans and visits get the ids that they had. A lost file is found in FOLDER by its
    SHA-256; without it the command stops there, as it does when a service does not answer. The outcome of each line is
    written beside its list. Exit code 1 while a line is left.

    Example: recobro reenter .recobro/lost-portfolio-20261123T060000Z.csv --files /mnt/incoming
    """
    lines = {path: list(read(path)) for path in lists}
    ordered = sorted((line for each in lines.values() for line in each), key=lambda line: line.time)
    entered: dict[str, Entered] = {}
    stopped: Trouble | None = None
    with connect(DataFolder(data), url) as client:
        try:
            _enter(Entering(in_role(DataFolder(data), client, "supervisor"), files, ordered), ordered, entered)
        except Trouble as trouble:
            stopped = trouble
        finally:
            left = _write(lines, entered)
    if as_json:
        print_json([one.as_json() for one in entered.values()])
    else:
        print_outcomes(entered.values(), len({line.event_id for line in ordered}), lists, left)
    if stopped is not None:
        raise stopped
    raise typer.Exit(1 if left else 0)


def _enter(entering: Entering, lines: Sequence[Line], entered: dict[str, Entered]) -> None:
    """Enter the lines, and keep in ``entered`` what became of each, as far as it comes."""
    for line in lines:
        if line.event_id not in entered:
            entered[line.event_id] = entering.enter(line)


def _write(lines: Mapping[Path, Sequence[Line]], entered: Mapping[str, Entered]) -> list[Path]:
    return [path for path, each in lines.items() if write_outcomes(path, each, entered)]
