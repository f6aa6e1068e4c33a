"""What the reader and its parent agree on: the CSV files for COPY, their columns, the exit code. Empty is NULL."""

from pathlib import Path

import polars as pl

from portfolio.tabular.profiles import COMPONENTS, PARTY_COLUMN

OUT_OF_MEMORY = 3
"""The reader's exit code when its memory was not enough. Below Python, a lack of memory aborts the process instead."""

ACCEPTED_FILE = "accepted.csv"
REJECTED_FILE = "rejected.csv"
CONTRACTS_FILE = "contracts.csv"
CONTACTS_FILE = "contacts.csv"
ADDRESSES_FILE = "addresses.csv"
PARTIES_FILE = "parties.csv"
PARTY_CONTACTS_FILE = "party_contacts.csv"
CELLS_FILE = "cells.csv"
"""The good rows' own cells, as JSON arrays; only where a file has columns that are not kept otherwise."""

ACCEPTED_COLUMNS = (
    "row_number",
    "contract_number",
    "debtor_number",
    "debtor_name",
    "debtor_kind",
    "tax_id",
    "language",
    "product",
    "original_creditor",
    "origination_date",
    "instalment_number",
    "due_on",
    "amount",
    *COMPONENTS,
    "calculated_on",
    "phone_1",
    "phone_1_e164",
    "phone_2",
    "phone_2_e164",
    "email",
    "address_kind",
    "street",
    "exterior",
    "interior",
    "neighbourhood",
    "postal_code",
    "city",
    "state",
    "timezone",
    "irregular_numbering",
    "address_issues",
    "rejected_row",
)
"""``accepted.csv``: one line per good row; those of a contract by row number.

``address_issues`` holds codes separated by blanks.

``rejected_row`` is the number of the row in the file that this one amends, if the row says it.
"""

PARTY_PHONES = tuple(name for name, column in PARTY_COLUMN.items() if column.what == "phone")

REJECTED_COLUMNS = ("row_number", "contract_number", "errors", "cells")
"""``rejected.csv``: one line per bad row, by row number.

``contract_number`` is null when the row has no readable one. ``errors`` is a JSON array of {column, code, reason};
``column`` is the file's own header, or null for an error of the whole row. ``cells`` is a JSON array of the row's own
fields.
"""

DEBTOR_COLUMNS = (
    *("debtor_number", "debtor_name", "debtor_kind", "tax_id", "language"),
    *("product", "original_creditor", "origination_date"),
)
CONTRACT_COLUMNS = ("contract_number", "contract_id", "incomplete", "debtor_id", *DEBTOR_COLUMNS)
CONTACT_COLUMNS = ("contract_id", "contact_id", "kind", "value", "dialable", "timezone", "stated_in", "rank")
_ADDRESS = ("street", "exterior", "interior", "neighbourhood", "postal_code", "city", "state")
ADDRESS_COLUMNS = ("contract_id", "address_id", "kind", *_ADDRESS, "irregular_numbering", "issues")
PARTY_COLUMNS = ("contract_id", "party_id", "role", "name", "tax_id", "rank")
PARTY_CONTACT_COLUMNS = ("contract_id", "party_id", "contact_id", "kind", "value", "dialable", "timezone", "rank")


def append(path: Path, rows: pl.DataFrame) -> None:
    """Write the rows to the end of a CSV file; a new one begins with its header."""
    is_new = not path.exists()
    with path.open("ab") as file:
        rows.write_csv(file, include_header=is_new)
