"""Prints the demo on a terminal and checks it: chapters, paragraphs, tables, and facts that must hold."""

from typing import Any

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.text import Text

from recobro.language import tr

_INDENT = 3
_WIDEST = 100


class Story:
    """Prints each step and records the failed checks. The output reads the same in a file."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._width = min(self._console.width, _WIDEST)
        self._chapters = 0
        self.facts = 0
        self.wrong: list[str] = []

    def title(self, text: str) -> None:
        self._console.print(Text(text, style="bold"), width=self._width)

    def chapter(self, text: str) -> None:
        self._chapters += 1
        self._console.print()
        self._console.print(Text(f"{self._chapters}. {text}", style="bold cyan"), width=self._width)

    def paragraph(self, text: str) -> None:
        self._show(Text(text))

    def table(self, table: RenderableType) -> None:
        self._show(table)

    def fact(self, text: str, found: Any, expected: Any) -> None:
        """Print the fact if ``found`` equals ``expected``. Otherwise print what was found and continue."""
        self.facts += 1
        if found == expected:
            self._show(Text.assemble(("✓ ", "green"), text))
            return
        self.wrong.append(text)
        self._show(
            Text.assemble(
                ("✗ ", "bold red"),
                (tr("{fact}: expected {expected}, found {found}", fact=text, expected=expected, found=found), "red"),
            )
        )

    def check(self, text: str, *, passed: bool, otherwise: str | None = None) -> None:
        """Check a fact that is true or false. ``otherwise`` is printed as what was found instead."""
        yes = tr("yes")
        self.fact(text, yes if passed else otherwise or tr("no"), yes)

    def end(self) -> bool:
        """Print the summary and return whether everything was as expected."""
        self._console.print()
        if self.wrong:
            self._console.print(
                Text(
                    tr("{wrong} of {facts} facts are not as expected.", wrong=len(self.wrong), facts=self.facts),
                    style="bold red",
                )
            )
        else:
            self._console.print(
                Text(tr("The main job works: all {facts} facts are as expected.", facts=self.facts), style="bold green")
            )
        return not self.wrong

    def _show(self, content: RenderableType) -> None:
        self._console.print(Padding(content, (0, 0, 0, _INDENT), expand=False), width=self._width)
