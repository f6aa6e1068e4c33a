"""How the command speaks: its consoles, its common options, and trouble as a plain sentence."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from typer.core import TyperGroup

from recobro.errors import Trouble

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

Data = Annotated[
    Path, typer.Option("--data", metavar="DIR", envvar="RECOBRO_DATA", help="Where the platform keeps its data.")
]
DEFAULT_DATA = Path(".recobro")
Url = Annotated[
    str | None,
    typer.Option(
        metavar="BASE",
        help="A platform elsewhere: the address of its port base, such as http://127.0.0.1:8000. "
        "The token comes from RECOBRO_TOKEN.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a script to read.")]


class PlainGroup(TyperGroup):
    """The commands, with ``Trouble`` printed as a sentence and exit code 1 instead of a stack trace."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Trouble as trouble:
            err.print(str(trouble), style="red", markup=False)
            raise typer.Exit(1) from trouble


def print_json(value: object) -> None:
    """One JSON value on standard output, never folded or coloured."""
    typer.echo(json.dumps(value, indent=2))


def table_of(first: str, *others: str) -> Table:
    """A table whose first column is text and whose others are figures."""
    table = Table(first, box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in others:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def amount(value: str | Decimal) -> str:
    """Money for the eye: 1234567.5 → 1,234,567.50."""
    return f"{Decimal(value):,.2f}"


def count(value: int) -> str:
    return f"{value:,}"
