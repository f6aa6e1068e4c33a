"""Portfolio files to read, and the rows that reading them gives."""

import csv
import json
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from portfolio.files.reader.checks import Reading
from portfolio.files.reader.contracts import Contracts
from portfolio.files.reader.rows import Summary, read_portfolio_file
from portfolio.tabular.profiles import FILE_COLUMNS, SPANISH_HEADERS

SAMPLE = Path(__file__).parents[3] / "cli" / "recobro" / "sample" / "cartera_mx.csv"
"""The portfolio that the demo loads. ``SAMPLE_KEY`` holds the expected figures of it."""
SAMPLE_KEY = Path(__file__).with_name("cartera_mx.key.json")

GOOD = {
    "contract_number": "C-1",
    "debtor_number": "D-1",
    "debtor_name": "Íñigo Peña",
    "debtor_kind": "Física",
    "instalment_number": "1",
    "due_date": "30/11/2026",
    "amount_due": "1234.50",
    "phone_1": "044 999 519 4875",
    "street": "Calle 5",
    "exterior": "S/N",
    "postal_code": "97000",
    "city": "Mérida",
    "state": "Yucatán",
}


class Read(NamedTuple):
    summary: Summary
    accepted: list[dict[str, str]]
    rejected: list[dict[str, str]]

    @property
    def codes(self) -> dict[int, list[str]]:
        """The codes of the problems of each rejected row, by row number."""
        return {int(row["row_number"]): [e["code"] for e in json.loads(row["errors"])] for row in self.rejected}

    @property
    def accepted_numbers(self) -> list[int]:
        return [int(row["row_number"]) for row in self.accepted]


def read(path: Path, jurisdiction: str = "MX") -> Read:
    out = path.with_suffix(".out")
    out.mkdir()
    contracts = Contracts(out, jurisdiction, UUID(int=1), UUID(int=2))
    summary = read_portfolio_file(path, out, Reading(jurisdiction), contracts)
    return Read(summary, rows_of(out / "accepted.csv"), rows_of(out / "rejected.csv"))


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def line(**cells: str) -> str:
    """One row with all columns. ``cells`` replaces cells of the good row."""
    return joined(GOOD | cells)


def joined(row: dict[str, str], columns: tuple[str, ...] = FILE_COLUMNS, delimiter: str = ",") -> str:
    """The row as CSV, with quotation marks where CSV requires them."""
    fields = (row.get(column, "") for column in columns)
    return delimiter.join(f'"{field}"' if delimiter in field or "\n" in field else field for field in fields)


def file_of(tmp_path: Path, *lines: str, columns: tuple[str, ...] = FILE_COLUMNS, encoding: str = "utf-8") -> Path:
    path = tmp_path / "cartera.csv"
    header = ",".join(SPANISH_HEADERS[column] for column in columns)
    path.write_bytes("\r\n".join([header, *lines, ""]).encode(encoding))
    return path
