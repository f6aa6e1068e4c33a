"""The last rows of a file that hold its totals. They are found by themselves, or a profile describes them."""

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from portfolio.files.reader.amounts import signs_of
from portfolio.files.reader.checks import Reading
from portfolio.tabular.cells import value_of
from portfolio.tabular.layouts import Layout, Trailer
from portfolio.tabular.profiles import COMPONENTS, NAME_PARTS, plain
from portfolio.tabular.records import FileHead, FileProblem, Record
from portfolio.tabular.typed import NUMBER_SIGN

_MOST_ROWS = 5
_LABEL = re.compile(
    r"(?i)^(?:(?:gran |sub)?tota(?:l|les|is)\b|trailer\b|trl\b|sumas?\b|soma\b|registros?\b"
    r"|records?\b|rows\b|filas\b|linhas\b"
    r"|n[uú]mero de (?:registros|filas|contratos)\b|number of rows\b|fin de(?:l)? archivo|fim do arquivo|end of file"
    r"|(?:importe|monto|valor|saldo|amount)s? tota(?:l|is)\b|cifras? (?:de )?control\b|control\b)"
)
_ROWS = re.compile(r"(?i)registro|record|\brows?\b|fila|linha|rengl|l[ií]nea")
_AMOUNT = re.compile(r"(?i)importe|monto|valor|amount|saldo|adeudo|balance|\$")
_OTHER_COUNTS = re.compile(r"(?i)contrat|contract|cr[eé]dito|cuenta|account|client|customer|deudor")
"""What is counted besides rows. A file with two rows for a contract has fewer contracts than rows."""
_SUMMED = frozenset({None, "amount_due", *COMPONENTS})
"""The columns below which people write sums."""
_IS_NUMBER = re.compile(rf"{NUMBER_SIGN}?[^\W\d_]{{0,3}} ?\$? ?[0-9][0-9., ]*")
_NOTE = re.compile(r"[^\W\d_]{2,}[^\n]* [^\n]*[^\W\d_]{2,}")
"""Two words: a number of a contract has no blanks between words."""
_NUMBER = re.compile(r"-?[0-9][0-9.,' ]*")
_DECIMALS = re.compile(r"[.,][0-9]{1,2}$")


@dataclass(frozen=True)
class Controls:
    """What a file must add up to: its rows below the header, without the trailer, and their amounts."""

    rows: int | None = None
    amount: Decimal | None = None


NO_CONTROLS = Controls()


class TrailerFinder:
    """Takes the trailer out of the records of a file. ``totals`` is what it says, once all records were taken."""

    def __init__(self, head: FileHead, layout: Layout) -> None:
        self._head = head
        self._described = layout.trailer
        self._found: list[Record] = []
        self._notes = 0

    def without(self, records: Iterable[Record]) -> Iterator[Record]:
        """Yield the records, without the trailer at their end."""
        last: deque[Record] = deque()
        for record in records:
            last.append(record)
            if len(last) > _MOST_ROWS:
                yield last.popleft()
        self._take_notes(last)
        while last and self._is_trailer(last[-1]):
            self._found.append(last.pop())
        if self._described is not None and not self._found:
            raise FileProblem(
                "control_totals_differ",
                f"The profile says that the last row begins with {self._described.marker!r}, and it does not. The file"
                " may not be complete. Nothing was applied.",
            )
        yield from last

    @property
    def warnings(self) -> tuple[str, ...]:
        said = []
        if self._found and self._described is None:
            said.append(f"The last rows are taken for totals, not for contracts: {len(self._found)}.")
        if self._notes:
            said.append(f"The last rows are taken for notes, not for contracts: {self._notes}.")
        return tuple(said)

    def _take_notes(self, last: deque[Record]) -> None:
        """Take out what people write below a table: who made it, where it comes from."""
        while last and self._described is None and self._is_note(last[-1]):
            self._notes += 1
            last.pop()

    def _is_note(self, record: Record) -> bool:
        """Whether the row has words in its first cell, and nothing else. A name alone is a row that lacks the rest."""
        first, *others = map(value_of, record.fields)
        is_name = self._head.columns[0] in ("debtor_name", *NAME_PARTS)
        return not any(others) and not is_name and _NOTE.search(first) is not None and not _LABEL.match(first)

    def totals(self, reading: Reading) -> Controls:
        rows: int | None = None
        amount: Decimal | None = None
        for record in self._found:
            stated = self._stated(record, reading)
            rows = stated.rows if stated.rows is not None else rows
            amount = stated.amount if stated.amount is not None else amount
        return Controls(rows, amount)

    def _is_trailer(self, record: Record) -> bool:
        cells = [value_of(cell) for cell in record.fields]
        first = next((cell for cell in cells if cell), "")
        if self._described is not None:
            return plain(first) == plain(self._described.marker)
        if not _LABEL.match(first):
            return self._is_bare_total(cells)
        # A contract may be called TOTAL-1: then it has a day.
        return len(cells) != len(self._head.columns) or not self._cell(cells, "due_date")

    def _is_bare_total(self, cells: list[str]) -> bool:
        """Whether the row has an amount, and nothing but numbers in columns that say nothing of a contract."""
        if len(cells) != len(self._head.columns) or not self._cell(cells, "amount_due"):
            return False
        said = [(column, cell) for column, cell in zip(self._head.columns, cells, strict=True) if cell]
        return all(column in _SUMMED and _IS_NUMBER.fullmatch(cell) for column, cell in said)

    def _cell(self, cells: list[str], column: str) -> str:
        place = self._head.columns.index(column) if column in self._head.columns else len(cells)
        cell = cells[place] if place < len(cells) else ""
        return "" if _LABEL.match(cell) else cell

    def _stated(self, record: Record, reading: Reading) -> Controls:
        cells = [value_of(cell).removeprefix(NUMBER_SIGN) for cell in record.fields]
        if self._described is not None:
            return _described(cells, self._described, reading)
        places = [place for place, column in enumerate(self._head.columns) if column == "amount_due"]
        is_aligned = len(cells) == len(self._head.columns)
        is_bare = self._is_bare_total(cells)
        rows: int | None = None
        amount: Decimal | None = None
        hint = ""
        for place, cell in enumerate(cells):
            numbers = [text.strip(" .,'") for text in _NUMBER.findall(cell)]
            hint = cell if re.search(r"[^\W\d_]{2}", cell) else hint
            if len(numbers) != 1 or (_OTHER_COUNTS.search(hint) and not _DECIMALS.search(numbers[0])):
                continue
            in_amounts = is_aligned and place in places
            # Behind the sum of the amounts, a table has the sums of other columns.
            may_mean_rows = not (is_bare or (is_aligned and amount is not None))
            means_rows = not in_amounts and (
                _ROWS.search(hint) or (may_mean_rows and not (_AMOUNT.search(hint) or _DECIMALS.search(numbers[0])))
            )
            if means_rows and rows is None and not _DECIMALS.search(numbers[0]):
                rows = _whole(numbers[0])
            elif amount is None and (in_amounts or not is_bare):
                amount = amount_stated(cell, reading)
            hint = "" if numbers else hint
        return Controls(rows, amount)


def _described(cells: list[str], trailer: Trailer, reading: Reading) -> Controls:
    def cell(number: int | None) -> str:
        return cells[number - 1] if number is not None and number <= len(cells) else ""

    rows, amount = _whole(cell(trailer.rows_cell)), amount_stated(cell(trailer.amount_cell), reading)
    unread = (trailer.rows_cell and rows is None) or (trailer.amount_cell and amount is None)
    if unread:
        raise FileProblem(
            "control_totals_differ",
            "The totals in the last row cannot be read as the profile says. Nothing was applied.",
        )
    return Controls(rows, amount)


def _whole(text: str) -> int | None:
    digits = re.sub(r"[., ']", "", text)
    return int(digits) if digits.isdigit() and len(digits) < 10 else None


def amount_stated(text: str, reading: Reading) -> Decimal | None:
    """The amount in a cell of totals: its last sign before one or two digits is the decimal one."""
    bare = re.sub(rf"(?i)(?:{signs_of(reading.jurisdiction, reading.currency)})", "", text)
    found = _NUMBER.search(bare)
    if found is None:
        return None
    number = found[0].strip(" .,'").replace(" ", "").replace("'", "")
    decimals = _DECIMALS.search(number)
    whole = re.sub(r"[.,]", "", number[: decimals.start()] if decimals else number)
    try:
        return Decimal(f"{whole}.{decimals[0][1:] if decimals else '00'}")
    except InvalidOperation:
        return None
