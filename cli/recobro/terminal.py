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
        envvar="RECOBRO_URL",
        help="A platform elsewhere: the address of its port base, such as http://127.0.0.1:8000, or a template such as "
        "https://{service}.recobro.example. The token comes from RECOBRO_TOKEN or RECOBRO_TOKEN_FILE.",
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


def counted(value: int, noun: str) -> str:
    """A number with its noun: 1 event, 2,000 events."""
    return f"{value:,} {noun}{'' if value == 1 else 's'}"


def duration(seconds: float) -> str:
    """A time for the eye, in its largest unit that leaves two or more of it: 0.4 s, 90 s, 3 min, 50 h, 4 days."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    for unit, length, enough in (("s", 1, 120), ("min", 60, 120), ("h", 3600, 72)):
        if seconds < enough * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds / 86400:.0f} days"
