"""Reads a whole portfolio file in a process of its own, so that the service keeps answering and gets its memory back.

    python -m portfolio.files.reader FILE FOLDER --jurisdiction MX --portfolio ID --creditor ID

writes into FOLDER the accepted and the rejected rows (``rows``), and the contracts, contact points and addresses of the
accepted rows (``contracts``). It prints lines of JSON: {"rows_done": n} while it reads, and {"answer": summary} at the
end. With ``--preview`` the answer is how the file would be read (``preview``). On a problem it prints
{"problem": {code, detail}} and exits 1, and so with {"code_pages": […]} when it is not sure in which code page the file
is. Without enough memory it exits ``OUT_OF_MEMORY`` or is aborted.
"""

import argparse
import json
import os
import resource
import sys
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from portfolio.files.reader.checks import Reading
from portfolio.files.reader.columns import OUT_OF_MEMORY
from portfolio.files.reader.contracts import Contracts
from portfolio.files.reader.preview import preview
from portfolio.files.reader.rows import Progress, Summary, read_portfolio_file, unreported
from portfolio.files.reader.trailers import NO_CONTROLS, Controls
from portfolio.tabular.code_pages import UNKNOWN, CodePage, CodePages, CodePageUnsure
from portfolio.tabular.layouts import UNKNOWN_LAYOUT, Layout
from portfolio.tabular.records import FileProblem

_NICENESS = 10


def read_file(
    file: Path,
    folder: Path,
    reading: Reading,
    portfolio_id: UUID,
    creditor_id: UUID,
    code_pages: CodePages = UNKNOWN,
    amends: UUID | None = None,
    controls: Controls = NO_CONTROLS,
    progress: Progress = unreported,
) -> Summary:
    """Do the work of the command above.

    Raises ``FileProblem`` when nothing of the file can be loaded, and ``CodePageUnsure``.
    """
    contracts = Contracts(folder, reading.jurisdiction, portfolio_id, creditor_id)
    return read_portfolio_file(file, folder, reading, contracts, code_pages, amends, controls, progress)


def main(arguments: list[str] | None = None) -> int:
    """Run the command above."""
    given = _parser().parse_args(arguments)
    if given.memory is not None:
        # Not RLIMIT_AS: polars reserves far more addresses than it uses.
        resource.setrlimit(resource.RLIMIT_DATA, (given.memory, given.memory))
    layout = Layout.of(json.loads(given.layout.read_text())) if given.layout is not None else UNKNOWN_LAYOUT
    reading = Reading(given.jurisdiction, given.currency, layout)
    code_pages = CodePages(given.code_page, given.usual_code_page)
    try:
        if given.preview:
            answer = preview(given.file, given.folder, reading, code_pages)
        else:
            whose = (given.portfolio, given.creditor)
            controls = Controls(given.control_rows, given.control_amount)
            summary = read_file(
                given.file, given.folder, reading, *whose, code_pages, given.amends, controls, _tell_progress
            )
            answer = asdict(summary) | {"amount_accepted": str(summary.amount_accepted)}
    except FileProblem as problem:
        return _answered({"problem": {"code": problem.code, "detail": problem.detail}}, 1)
    except CodePageUnsure as unsure:
        return _answered({"code_pages": [asdict(reading) for reading in unsure.readings]}, 1)
    except MemoryError:
        return OUT_OF_MEMORY
    return _answered({"answer": answer}, 0)


def _answered(answer: dict[str, Any], code: int) -> int:
    print(json.dumps(answer), flush=True)
    return code


def _tell_progress(rows: int) -> None:
    print(json.dumps({"rows_done": rows}), flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m portfolio.files.reader", description="Read a portfolio file whole."
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("folder", type=Path, help="where the CSV files go")
    parser.add_argument("--preview", action="store_true", help="say how the file would be read, and write nothing")
    parser.add_argument("--jurisdiction", required=True)
    parser.add_argument("--currency", help="the currency of the portfolio")
    parser.add_argument("--portfolio", type=UUID)
    parser.add_argument("--creditor", type=UUID)
    parser.add_argument("--amends", type=UUID, metavar="ID", help="the file that this one amends")
    parser.add_argument("--layout", type=Path, metavar="FILE", help="how the file is laid out, as JSON")
    parser.add_argument("--control-rows", type=int, metavar="N", help="the rows that the file must have")
    parser.add_argument("--control-amount", type=Decimal, metavar="AMOUNT", help="what the amounts must add up to")
    parser.add_argument("--memory", type=int, metavar="BYTES", help="the most memory that reading may take")
    parser.add_argument("--code-page", type=CodePage, help="the code page of the file, if it is not UTF-8")
    parser.add_argument("--usual-code-page", type=CodePage, help="its code page, where that reads best")
    return parser


if __name__ == "__main__":
    # The service's requests have priority over reading a file.
    os.nice(_NICENESS)
    sys.exit(main())
