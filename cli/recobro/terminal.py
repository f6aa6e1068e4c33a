"""The command's consoles, common options and error sentences."""

import json
import os
import re
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from threading import Timer
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.segment import Segments
from rich.table import Table
from rich.text import Text
from typer import rich_utils
from typer.core import TyperGroup

from recobro import language
from recobro.errors import Trouble
from recobro.language import paragraphs, tr

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


_HEADINGS = {
    name: getattr(rich_utils, name)
    for name in (
        "DEFAULT_STRING",
        "ENVVAR_STRING",
        "REQUIRED_LONG_STRING",
        "ARGUMENTS_PANEL_TITLE",
        "OPTIONS_PANEL_TITLE",
        "COMMANDS_PANEL_TITLE",
        "ERRORS_PANEL_TITLE",
        "ABORTED_TEXT",
        "RICH_HELP",
    )
}
"""What typer prints around help texts and errors, in English, by the names of its constants."""


class PlainGroup(TyperGroup):
    """The command group. It speaks the reader's language.

    It prints ``Trouble`` as a sentence and exits with code 1, without a stack trace.
    """

    def main(self, args: Sequence[str] | None = None, *further: Any, **options: Any) -> Any:
        try:
            arguments, locale = language.chosen(sys.argv[1:] if args is None else args, os.environ)
        except Trouble as trouble:
            err.print(str(trouble), style="red", markup=False)
            sys.exit(2)
        language.speak(locale)
        for name, text in _HEADINGS.items():
            setattr(rich_utils, name, tr(text))
        _translate(self)
        return super().main(arguments, *further, **options)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Trouble as trouble:
            err.print(str(trouble), style="red", markup=False)
            raise typer.Exit(1) from trouble
        except Exception as error:
            # What typer raises about wrong arguments has this method; it has no public class.
            if hasattr(error, "format_message"):
                said = _usage(error.format_message())
                error.format_message = lambda: said
            raise


_USAGE = {
    r"Missing (?:argument|option|parameter):? '?(?P<name>[^'.]*)'?\..*": "Missing: {name}.",
    r"No such option: (?P<name>.*)": "No such option: {name}",
    r"No such command '(?P<name>.*?)'\..*": "No such command: {name}.",
    r"Invalid value for '?(?P<name>[^':]*)'?: (?P<why>.*)": "Invalid value for {name}: {why}",
    r"Got unexpected extra argument\(s\) \((?P<name>.*)\)": "Too many words: {name}. Put quotes around several words.",
}
"""The sentences about wrong arguments that are translated, by how typer words them."""


def _usage(text: str) -> str:
    for pattern, sentence in _USAGE.items():
        if found := re.fullmatch(pattern, text, re.S):
            return tr(sentence, **found.groupdict())
    return text


def _translate(command: Any) -> None:
    """Put the help texts of the command, its options and its subcommands into the reader's language."""
    for each in (command, *command.params):
        if text := getattr(each, "help", None):
            each.help = paragraphs(text)
        if panel := getattr(each, "rich_help_panel", None):
            each.rich_help_panel = tr(panel)
    for parameter in command.params:
        _narrow(parameter)
    usage = command.get_usage
    command.get_usage = lambda ctx: usage(ctx).replace("Usage:", tr("Usage:"), 1)
    if shows_help := command.get_help_option(typer.Context(command)):
        shows_help.help, shows_help.metavar = tr("Show this message and exit."), ""
    for subcommand in getattr(command, "commands", {}).values():
        _translate(subcommand)


def _narrow(parameter: Any) -> None:
    """Name the parameter's values in its help text, where they can wrap; the column of types cuts words."""
    if values := parameter.type_descriptor.choices:
        parameter.show_choices = False
        parameter.metavar = parameter.metavar or "VALUE"
        parameter.help = f"{parameter.help} {tr('Values: {values}.', values=', '.join(values))}"
    elif getattr(parameter, "is_flag", False):
        parameter.metavar = ""


_AFTER_SECONDS = 1.0
_busy = [False]


def may_show() -> bool:
    """Whether a bar may be shown: on a terminal, where nothing is shown already."""
    return err.is_terminal and not _busy[0]


@contextmanager
def working(text: str) -> Iterator[None]:
    """Show on a terminal what is being done and for how long, once it has taken a second.

    What happens inside a longer work is part of that work, and is not shown beside it.
    """
    if _busy[0] or not err.is_terminal:
        yield
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    shown = Progress(*columns, console=err, transient=True)
    shown.add_task(text)
    timer = Timer(_AFTER_SECONDS, shown.start)
    timer.daemon = True
    timer.start()
    _busy[0] = True
    try:
        yield
    finally:
        _busy[0] = False
        timer.cancel()
        timer.join()
        shown.stop()


def print_json(value: object) -> None:
    """Print one JSON value on standard output, never folded or coloured."""
    typer.echo(json.dumps(value, indent=2))


def table_of(first: str, *others: str) -> Table:
    """Return a table whose first column holds names and whose others hold figures. None of them wraps."""
    table = text_table(first, *others, figures=others)
    table.columns[0].no_wrap = True
    return table


def text_table(*headings: str, figures: Collection[str] = ()) -> Table:
    """Return a table of texts that wrap. The ``figures`` among the headings hold numbers and days, which do not."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        if heading in figures:
            table.add_column(heading, justify="right", no_wrap=True)
        else:
            table.add_column(heading, overflow="fold")
    return table


_WIDEST = 1000


def show_table(table: Table) -> None:
    """Print the table. On a narrow terminal its lines wrap, and no figure or day is cut."""
    # rich bounds what it measures and prints by the terminal's width, and would cut instead.
    narrowest = Measurement.get(out, out.options.update(width=_WIDEST), table).minimum
    options = out.options.update(width=max(out.width, narrowest))
    out.print(Segments(out.render(table, options)), end="")


def printable(text: str) -> str:
    """Return ``text`` with escaped control and bidirectional characters.

    The text may come from outside; such characters could move the cursor or turn the text's direction.
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def clean(value: object) -> Text:
    """Return text from a service or a file for a cell of a table: without control characters, and as it stands."""
    return Text("–" if value is None or value == "" else printable(str(value)))


def amount(value: str | Decimal | None) -> str:
    """Format an amount as the reader's locale writes it: 1234567.5 → 1,234,567.50. A dash stands for none."""
    return "–" if value is None else language.number(Decimal(value), 2)


def count(value: int) -> str:
    return language.number(value)


def duration(seconds: float) -> str:
    """Format a duration in its largest unit that gives two or more: 0.4 s, 90 s, 3 min, 50 h, 4 days."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    for unit, length, enough in (("s", 1, 120), ("min", 60, 120), ("h", 3600, 72)):
        if seconds < enough * length:
            return f"{seconds / length:.0f} {unit}"
    return tr("{days} days", days=f"{seconds / 86400:.0f}")
