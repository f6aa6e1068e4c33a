"""``recobro audit``: whether the audit tables are whole."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer
from recobro_platform import Service
from rich.table import Table

from recobro import targets
from recobro.data import DataFolder
from recobro.errors import Trouble
from recobro.terminal import DEFAULT_DATA, AsJson, Data, PlainGroup, count, counted, err, out, print_json, table_of

if TYPE_CHECKING:
    from chassis.audit import Verdict

commands = typer.Typer(cls=PlainGroup, no_args_is_help=True, help="Check who changed what.")


@dataclass(frozen=True)
class Checked:
    """A service's audit table."""

    service: str
    verdict: "Verdict"

    def as_json(self) -> dict[str, object]:
        return {
            "service": self.service,
            "entries": self.verdict.entries,
            "unsealed": self.verdict.unsealed,
            "seals": self.verdict.seals,
            "head": self.verdict.head.hex(),
            "faults": list(self.verdict.faults),
        }


@commands.command(name="verify")
def verify_all(data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Compute the seals of every audit table anew, and report entries that were altered, removed or slipped in.

    Compare HEAD with the one that the services' logs hold ("audit sealed"): who owns a database can make a whole chain
    anew, but not the logs. Exit code 1 if a table is not whole or a database does not answer.

    Example: recobro audit verify
    """
    checked, troubles = asyncio.run(check(targets.find(DataFolder(data))))
    if as_json:
        print_json([one.as_json() for one in checked])
    else:
        out.print(_table(checked))
    for one in checked:
        for fault in one.verdict.faults:
            err.print(f"{one.service}: {fault}", style="red", markup=False)
    for trouble in troubles:
        err.print(str(trouble), style="red", markup=False)
    raise typer.Exit(1 if troubles or any(one.verdict.faults for one in checked) else 0)


async def check(chosen: targets.Targets) -> tuple[list[Checked], list[Trouble]]:
    """Verify the audit table of each service whose database is named."""

    from chassis.audit import verify

    async def one(service: Service, connection: Any) -> Checked:
        return Checked(service.name, await verify(connection))

    found, troubles = await targets.of_each(chosen, one)
    return list(found.values()), troubles


def _table(checked: Sequence[Checked]) -> Table:
    table = table_of("service", "entries", "not sealed yet", "seals", "head", "verdict")
    for one in checked:
        found = one.verdict
        verdict = "whole" if not found.faults else counted(len(found.faults), "fault")
        head = found.head.hex()[:16]
        table.add_row(one.service, count(found.entries), count(found.unsealed), count(found.seals), head, verdict)
    return table
