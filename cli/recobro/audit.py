"""``recobro audit``: whether the audit tables are whole, and the deletion of their oldest entries."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer
from recobro_platform import Service
from rich.table import Table

from recobro import keys, targets
from recobro.data import DataFolder
from recobro.errors import Trouble
from recobro.language import tr
from recobro.terminal import (
    DEFAULT_DATA,
    AsJson,
    Data,
    PlainGroup,
    count,
    err,
    out,
    print_json,
    show_table,
    table_of,
)

if TYPE_CHECKING:
    from chassis.audit import Verdict

commands = typer.Typer(
    cls=PlainGroup,
    no_args_is_help=True,
    help="Verify the audit tables, which say who changed what, or delete their old entries.",
)


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
            "pruned": self.verdict.pruned,
            "pruned_until": self.verdict.pruned_until and self.verdict.pruned_until.isoformat(),
        }


@commands.command(name="verify")
def verify_all(data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Compute the seals of every audit table again, and report entries that were altered, removed or inserted.

    Compare HEAD with the digest that the services' logs hold ("audit_sealed"). The owner of a database can make the
    whole chain again, but cannot change the logs. Exit code 1 if a table is not whole or a database does not answer.

    Example: recobro audit verify
    """
    checked, troubles = asyncio.run(check(targets.find(DataFolder(data))))
    if as_json:
        print_json([one.as_json() for one in checked])
    else:
        show_table(_table(checked))
    for one in checked:
        for fault in one.verdict.faults:
            err.print(f"{one.service}: {fault}", style="red", markup=False)
    for trouble in troubles:
        err.print(str(trouble), style="red", markup=False)
    raise typer.Exit(1 if troubles or any(one.verdict.faults for one in checked) else 0)


@commands.command(name="prune")
def prune_all(
    keep_years: Annotated[
        int, typer.Option("--keep-years", metavar="N", min=3, max=100, help="The number of years; at least 3.")
    ],
    data: Data = DEFAULT_DATA,
) -> None:
    """Delete audit entries that are older than N years. Nothing else ever deletes an entry.

    What is left stays one chain, and `recobro audit verify` says how many entries were deleted, and up to when. The
    table says who deleted them. A table that is not whole keeps everything. The command needs the rights of the
    databases' owner: the services' own roles may not delete entries.

    Example: recobro audit prune --keep-years 10
    """
    before = datetime.now(UTC) - timedelta(days=366 * keep_years)
    found, troubles = asyncio.run(targets.of_each(targets.find(DataFolder(data)), _pruning(before)))
    for service, deleted in found.items():
        out.print(
            tr(
                "{service}: {deleted} entries from before {before} deleted",
                service=service.name,
                deleted=count(deleted),
                before=f"{before:%Y-%m-%d}",
            )
        )
    for trouble in troubles:
        err.print(str(trouble), style="red", markup=False)
    raise typer.Exit(1 if troubles else 0)


def _pruning(before: datetime) -> Callable[[Service, Any], Awaitable[int]]:
    from chassis.audit import NotWhole, prune, verify

    async def one(service: Service, connection: Any) -> int:
        if faults := (await verify(connection)).faults:
            raise Trouble(tr("{service}: {first}. Nothing of it was deleted.", service=service.name, first=faults[0]))
        deleted = 0
        try:
            while entries := await prune(connection, before, keys.person()):
                deleted += entries
        except NotWhole as error:  # it was altered meanwhile
            raise Trouble(
                tr(
                    "{service}: {error}. {deleted} entries before it were deleted.",
                    service=service.name,
                    error=error,
                    deleted=count(deleted),
                )
            ) from error
        return deleted

    return one


async def check(chosen: targets.Targets) -> tuple[list[Checked], list[Trouble]]:
    """Verify the audit table of each service whose database is named."""

    from chassis.audit import verify

    async def one(service: Service, connection: Any) -> Checked:
        return Checked(service.name, await verify(connection))

    found, troubles = await targets.of_each(chosen, one)
    return list(found.values()), troubles


def _table(checked: Sequence[Checked]) -> Table:
    table = table_of(
        tr("service"), tr("entries"), tr("deleted"), tr("unsealed"), tr("seals"), tr("head"), tr("verdict")
    )
    for one in checked:
        found = one.verdict
        verdict = tr("whole") if not found.faults else tr("faults: {faults}", faults=count(len(found.faults)))
        head = found.head.hex()[:12]
        numbers = (found.entries, found.pruned, found.unsealed, found.seals)
        table.add_row(one.service, *map(count, numbers), head, verdict)
    return table
