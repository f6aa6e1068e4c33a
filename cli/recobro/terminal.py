"""The command's consoles, common options and error sentences."""

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
    Path, typer.Option("--data", metavar="DIR", envvar="RECOBRO_DATA", help="The folder of the platform's data.")
]
DEFAULT_DATA = Path(".recobro")
Url = Annotated[
    str | None,
    typer.Option(
        metavar="BASE",
        envvar="RECOBRO_URL",
        help="Use a remote platform. BASE is its address with the port base, such as http://127.0.0.1:8000, or a "
        "template such as https://{service}.recobro.example. The token comes from RECOBRO_TOKEN or RECOBRO_TOKEN_FILE.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]


class PlainGroup(TyperGroup):
    """The command group. It prints ``Trouble`` as a sentence and exits with code 1, without a stack trace."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Trouble as trouble:
            err.print(str(trouble), style="red", markup=False)
            raise typer.Exit(1) from trouble


def print_json(value: object) -> None:
    """Print one JSON value on standard output, never folded or coloured."""
    typer.echo(json.dumps(value, indent=2))


def table_of(first: str, *others: str) -> Table:
    """Return a table whose first column holds text and whose others hold figures."""
    table = Table(first, box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in others:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def amount(value: str | Decimal) -> str:
    """Format an amount for people: 1234567.5 → 1,234,567.50."""
    return f"{Decimal(value):,.2f}"


def count(value: int) -> str:
    return f"{value:,}"


def counted(value: int, noun: str) -> str:
    """Format a number with its noun: 1 event, 2,000 events."""
    return f"{value:,} {noun}{'' if value == 1 else 's'}"


def duration(seconds: float) -> str:
    """Format a duration in its largest unit that gives two or more: 0.4 s, 90 s, 3 min, 50 h, 4 days."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    for unit, length, enough in (("s", 1, 120), ("min", 60, 120), ("h", 3600, 72)):
        if seconds < enough * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds / 86400:.0f} days"
