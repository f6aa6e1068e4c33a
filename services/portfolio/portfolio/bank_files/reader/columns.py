"""What the reader of banks' files and its parent agree on: the CSV files for COPY and their columns. Empty is NULL."""

ACCEPTED_FILE = "accepted.csv"
REJECTED_FILE = "rejected.csv"
ACCEPTED_COLUMNS = (
    "row_number",
    "amount",
    "paid_on",
    "channel",
    "reference",
    "is_reversal",
    "contract_number",
    "payment_reference",
    "virtual_account",
    "end_to_end",
    "concept",
    "payer",
    "cells",
)
REJECTED_COLUMNS = ("row_number", "errors", "cells")
