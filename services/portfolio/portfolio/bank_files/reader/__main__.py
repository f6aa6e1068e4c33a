"""Reads a whole bank file of payments in a process of its own, as ``portfolio.files.reader`` reads a portfolio file.

    python -m portfolio.bank_files.reader FILE FOLDER --jurisdiction MX --currency MXN --channel bank …

writes the accepted and the rejected rows into FOLDER (``rows``). It prints lines of JSON: {"rows_done": n} while it
reads, and {"answer": summary} at the end. On a problem it prints {"problem": {code, detail}} and exits 1. Without
enough memory it exits ``OUT_OF_MEMORY`` or is aborted.
"""

import argparse
import json
import os
import resource
import sys
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from portfolio.bank_files.formats import PaymentFormat
from portfolio.bank_files.reader.checks import PaymentReading
from portfolio.bank_files.reader.rows import read_payment_file
from portfolio.files.reader.columns import OUT_OF_MEMORY
from portfolio.files.reader.trailers import Controls
from portfolio.tabular.records import FileProblem

_NICENESS = 10


def main(arguments: list[str] | None = None) -> int:
    """Run the command above."""
    given = _parser().parse_args(arguments)
    if given.memory is not None:
        # Not RLIMIT_AS: polars reserves far more addresses than it uses.
        resource.setrlimit(resource.RLIMIT_DATA, (given.memory, given.memory))
    reading = PaymentReading(given.jurisdiction, given.currency, given.channels, given.channel, given.latest)
    controls = Controls(given.control_rows, given.control_amount)
    try:
        summary = read_payment_file(given.file, given.folder, reading, given.format, controls, _tell_progress)
    except FileProblem as problem:
        return _answered({"problem": {"code": problem.code, "detail": problem.detail}}, 1)
    except MemoryError:
        return OUT_OF_MEMORY
    return _answered({"answer": asdict(summary) | {"amount_accepted": str(summary.amount_accepted)}}, 0)


def _answered(answer: dict[str, Any], code: int) -> int:
    print(json.dumps(answer), flush=True)
    return code


def _tell_progress(rows: int) -> None:
    print(json.dumps({"rows_done": rows}), flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m portfolio.bank_files.reader", description="Read a bank's file of payments whole."
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("folder", type=Path, help="where the CSV files go")
    parser.add_argument("--jurisdiction", required=True)
    parser.add_argument("--currency", required=True, help="the currency of the portfolio")
    parser.add_argument("--channel", required=True, help="the channel of rows without one")
    parser.add_argument("--channels", required=True, nargs="+", help="the channels that the portfolio takes")
    parser.add_argument("--latest", required=True, type=date.fromisoformat, help="the last day that a payment may have")
    parser.add_argument("--format", type=PaymentFormat, help="what the file is, if its content does not show it")
    parser.add_argument("--control-rows", type=int, metavar="N", help="the rows that the file must have")
    parser.add_argument("--control-amount", type=Decimal, metavar="AMOUNT", help="what the amounts must add up to")
    parser.add_argument("--memory", type=int, metavar="BYTES", help="the most memory that reading may take")
    return parser


if __name__ == "__main__":
    # The service's requests have priority over reading a file.
    os.nice(_NICENESS)
    sys.exit(main())
