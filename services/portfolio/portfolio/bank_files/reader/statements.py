"""A bank's statement as the reader takes it, whatever its format: the credits that were booked, and their reversals."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from portfolio.tabular.payment_headers import CANONICAL
from portfolio.tabular.records import FileHead, FileProblem, Record

_COLUMNS = tuple(column for column in CANONICAL if column not in ("contract_number", "channel"))
HEAD = FileHead(",", tuple(CANONICAL[column] for column in _COLUMNS), _COLUMNS)
MOST_ENTRIES = 1_000_000


@dataclass(frozen=True)
class Entry:
    """A credit of the account, or the reversal of one. ``reference`` is the bank's; ``end_to_end`` the payer's."""

    amount: Decimal
    paid_on: date
    reference: str
    is_reversal: bool = False
    payment_reference: str | None = None
    virtual_account: str | None = None
    end_to_end: str | None = None
    concept: str | None = None
    payer: str | None = None


@dataclass
class Statement:
    """What a file of statements holds. ``left_out`` counts entries that are no payments, such as debits."""

    entries: list[Entry] = field(default_factory=list)
    left_out: int = 0
    without_totals: int = 0

    def add(self, entry: Entry) -> None:
        """Add a payment. Raises ``FileProblem`` when there are too many."""
        if len(self.entries) >= MOST_ENTRIES:
            raise FileProblem("too_many_entries", f"The file has more than {MOST_ENTRIES:,} entries. Split it.")
        self.entries.append(entry)

    @property
    def warnings(self) -> Sequence[str]:
        said = []
        if self.left_out:
            said.append(f"Entries that are no booked credits are left out: {self.left_out}.")
        if self.without_totals:
            proof = "Statements without balances or totals, so nothing proves that they are complete"
            said.append(f"{proof}: {self.without_totals}.")
        return said

    def records(self) -> Iterator[Record]:
        """The entries as the rows of a table below a header."""
        for number, entry in enumerate(self.entries, start=2):
            cells = {
                "reference": entry.reference,
                "due_date": entry.paid_on.isoformat(),
                "amount_due": f"{entry.amount:.2f}",
                "reversal": "yes" if entry.is_reversal else "",
            }
            yield Record(number, [cells.get(column, getattr(entry, column, None) or "") for column in _COLUMNS], [])


def differs(what: str, said: object, found: object) -> FileProblem:
    """The statement does not add up to what it says itself."""
    return FileProblem(
        "control_totals_differ",
        f"The statement does not add up: {what} is {said} as stated and {found} by its entries. Nothing was applied."
        " Ask the bank for the whole statement again.",
    )


def refuse_currency(stated: str, wanted: str) -> None:
    """Raise ``FileProblem`` when an entry is not in the currency of the portfolio."""
    if stated != wanted:
        raise FileProblem(
            "wrong_currency",
            f"The statement is in {stated[:10]}, and the portfolio in {wanted}. Nothing was applied. Send the file to a"
            " portfolio of its currency.",
        )
