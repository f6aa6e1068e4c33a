"""Reads MT940 (customer statement message of SWIFT) by the library mt-940.

Source: SWIFT Standards, Category 9, MT 940. A line :61: is a credit (C), a debit (D), or the reversal of one (RC, RD).
"""

import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from mt940 import parse_statements

from portfolio.bank_files.reader.statements import Entry, Statement, differs, refuse_currency
from portfolio.tabular.records import FileProblem

MOST_BYTES = 64 * 1024 * 1024
"""The library takes a file whole."""
_NO_REFERENCE = frozenset({"NONREF", "NOTPROVIDED", ""})
_TAGS = re.compile(r"/([A-Z]{3,4})/")
"""Many banks write /EREF/… and /REMI/… into :86:, as SWIFT's structured remittance information."""
_GVC_TAGS = re.compile(r"(?:^|(?<=\s))(EREF|KREF|SVWZ|MREF)\+")


def read(path: Path, currency: str) -> Statement:
    """Return the credits of the file and the reversals of credits.

    Raises ``FileProblem`` for a file that is no MT940, in another currency, or does not add up.
    """
    if path.stat().st_size > MOST_BYTES:
        raise FileProblem("too_large", f"An MT940 file has at most {MOST_BYTES // 1024**2} MB. Split it.")
    try:
        statements = parse_statements(path.read_bytes().decode("utf-8", errors="replace"))
    except Exception as error:
        raise _unreadable(type(error).__name__) from error
    found = Statement()
    for statement in statements:
        _read_one(statement, currency, found)
    if not statements or not any(statement.data for statement in statements):
        raise FileProblem("unsupported-type", "The file is no MT940 statement.")
    return found


def _read_one(statement: Any, currency: str, into: Statement) -> None:
    opening = statement.data.get("final_opening_balance") or statement.data.get("intermediate_opening_balance")
    closing = statement.data.get("final_closing_balance") or statement.data.get("intermediate_closing_balance")
    for balance in (opening, closing):
        if balance is not None:
            refuse_currency(str(balance.amount.currency), currency)
    net = Decimal(0)
    for place, line in enumerate(statement.transactions, start=1):
        data = line.data
        status = data.get("status")
        if status is None or "amount" not in data:
            raise _unreadable("a line :61: without an amount")
        amount = abs(data["amount"].amount)
        # RD gives a debit back, RC takes a credit back.
        net += amount if status in ("C", "RD") else -amount
        if status not in ("C", "RC"):
            into.left_out += 1
            continue
        into.add(_entry(statement, data, place, amount, is_reversal=status == "RC"))
    if opening is None or closing is None:
        into.without_totals += 1
    elif opening.amount.amount + net != closing.amount.amount:
        raise differs("the closing balance", closing.amount.amount, opening.amount.amount + net)


def _entry(statement: Any, data: dict[str, Any], place: int, amount: Decimal, *, is_reversal: bool) -> Entry:
    details = str(data.get("transaction_details") or "")
    tagged = _tagged(details)
    booked, value = data.get("entry_date") or data["date"], data["date"]
    earlier = min(booked, value)
    of_statement = [statement.data.get(name) for name in ("account_identification", "transaction_reference")]
    own = "/".join(
        [*(str(one) for one in of_statement if one), str(statement.data.get("statement_number", "")), str(place)]
    )
    customers = _known(data.get("customer_reference"))
    return Entry(
        amount=amount,
        paid_on=date(earlier.year, earlier.month, earlier.day),
        reference=_known(data.get("bank_reference")) or customers or own,
        is_reversal=is_reversal,
        payment_reference=customers,
        end_to_end=_known(tagged.get("EREF")) or customers,
        concept=tagged.get("REMI") or tagged.get("SVWZ") or " ".join(details.split()) or None,
        payer=tagged.get("NAME") or tagged.get("ORDP"),
    )


def _tagged(details: str) -> dict[str, str]:
    """The parts of :86: by their tags, such as EREF and REMI."""
    joined = details.replace("\n", "")
    for pattern in (_TAGS, _GVC_TAGS):
        pieces = pattern.split(joined)
        if len(pieces) > 1:
            return {tag: text.strip(" /") for tag, text in zip(pieces[1::2], pieces[2::2], strict=True)}
    return {}


def _known(reference: object) -> str | None:
    text = str(reference or "").strip()
    return None if text.upper() in _NO_REFERENCE else text


def _unreadable(what: str) -> FileProblem:
    return FileProblem("bad_statement", f"The statement cannot be read: {what}. Nothing was applied.")
