"""Reads a whole portfolio file in a process of its own, so that the service keeps answering and gets its memory back.

    python -m portfolio.files.reader FILE FOLDER --jurisdiction MX --portfolio ID --creditor ID

writes into FOLDER the accepted and the rejected rows (``rows``), and the contracts, contact points and addresses of the
accepted rows (``contracts``). It prints the summary as JSON. On a problem it prints {"problem": {code, detail}} and
exits 1, and so with {"code_pages": […]} when it is not sure in which code page the file is. Without enough memory it
exits ``OUT_OF_MEMORY`` or is aborted.
"""

import argparse
import json
import os
import resource
import sys
from dataclasses import asdict
from pathlib import Path
from uuid import UUID

from portfolio.files.reader.columns import OUT_OF_MEMORY
from portfolio.files.reader.contracts import write_contracts
from portfolio.files.reader.rows import Summary, read_portfolio_file
from portfolio.tabular.code_pages import UNKNOWN, CodePage, CodePages, CodePageUnsure
from portfolio.tabular.records import FileProblem

_NICENESS = 10


def read_file(
    file: Path,
    folder: Path,
    jurisdiction: str,
    portfolio_id: UUID,
    creditor_id: UUID,
    code_pages: CodePages = UNKNOWN,
    amends: UUID | None = None,
) -> Summary:
    """Do the work of the command above.

    Raises ``FileProblem`` when nothing of the file can be loaded, and ``CodePageUnsure``.
    """
    summary = read_portfolio_file(file, folder, jurisdiction, code_pages, amends)
    write_contracts(folder, jurisdiction, portfolio_id, creditor_id)
    return summary


def main(arguments: list[str] | None = None) -> int:
    """Run the command above."""
    parser = argparse.ArgumentParser(
        prog="python -m portfolio.files.reader", description="Read a portfolio file whole."
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("folder", type=Path, help="where the CSV files go")
    parser.add_argument("--jurisdiction", required=True)
    parser.add_argument("--portfolio", type=UUID, required=True)
    parser.add_argument("--creditor", type=UUID, required=True)
    parser.add_argument("--amends", type=UUID, metavar="ID", help="the file that this one amends")
    parser.add_argument("--memory", type=int, metavar="BYTES", help="the most memory that reading may take")
    parser.add_argument("--code-page", type=CodePage, help="the code page of the file, if it is not UTF-8")
    parser.add_argument("--usual-code-page", type=CodePage, help="its code page, where that reads best")
    given = parser.parse_args(arguments)
    if given.memory is not None:
        # Not RLIMIT_AS: polars reserves far more addresses than it uses.
        resource.setrlimit(resource.RLIMIT_DATA, (given.memory, given.memory))
    try:
        code_pages = CodePages(given.code_page, given.usual_code_page)
        whose = (given.jurisdiction, given.portfolio, given.creditor)
        summary = read_file(given.file, given.folder, *whose, code_pages, given.amends)
    except FileProblem as problem:
        json.dump({"problem": {"code": problem.code, "detail": problem.detail}}, sys.stdout)
        return 1
    except CodePageUnsure as unsure:
        json.dump({"code_pages": [asdict(reading) for reading in unsure.readings]}, sys.stdout)
        return 1
    except MemoryError:
        return OUT_OF_MEMORY
    json.dump(asdict(summary) | {"amount_accepted": str(summary.amount_accepted)}, sys.stdout)
    return 0


if __name__ == "__main__":
    # The service's requests have priority over reading a file.
    os.nice(_NICENESS)
    sys.exit(main())
