"""What people see of a file, and what they say to one that waits."""

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from chassis import InputModel, NotFound, OutputModel, Page, PageQuery, Reader, ShortText, clock, page
from pydantic import Field
from recobro_events import MoneyTotal, Row

from portfolio.files import queries
from portfolio.files.progress import Phase, progress_of
from portfolio.ledger.actors import ActorOfChange
from portfolio.portfolios import portfolios
from portfolio.tabular.code_pages import CodePage


class FileUnknown(NotFound):
    code = "file-unknown"
    detail = "There is no file with this id."


class Mode(StrEnum):
    """``snapshot`` also closes the open contracts that it does not name. ``amend`` removes no instalment."""

    DELTA = "delta"
    SNAPSHOT = "snapshot"
    AMEND = "amend"


class FileStatus(StrEnum):
    RECEIVED = "received"
    READING = "reading"
    NEEDS_CONFIRMATION = "needs_confirmation"
    LOADING = "loading"
    LOADED = "loaded"
    FAILED = "failed"


class ConfirmationReason(StrEnum):
    """Why a file waits for a person: it closes many contracts, is of a day to come, repeats an earlier file with a
    payment in between, or its characters can be read in two ways."""

    CLOSES_MANY = "closes_many"
    FUTURE_DATE = "future_date"
    REPEATED_FIGURES = "repeated_figures"
    CODE_PAGE = "code_page"


class CodePageReading(OutputModel):
    """Words of the file, as they are in this code page."""

    code_page: CodePage
    words: list[str]


class FileView(OutputModel):
    """The state of a file.

    ``error`` is the reason of a failure. ``contracts_to_close`` counts the contracts that a snapshot would close.
    ``confirmation_reason`` is why the file waits for a person, or waited. While that is ``code_page``, ``code_pages``
    shows words of the file in each code page, the best one first; ``code_page`` is what a person answered. The counts
    from ``in_posting`` to ``person_changed`` are those of the file's findings. ``undecided`` counts the contracts that
    the file set aside and about which nobody has decided yet.

    A ``dry_run`` changes nothing: it ends as ``loaded``, and the counts from ``would_register`` to ``would_set_aside``
    say what the file would do. ``rows_done`` are the rows read in the phase ``reading`` and the rows applied later;
    ``seconds_left`` is an estimate, null while there is none. ``profile_version`` is the version of the profile with
    which the file is read.
    """

    file_id: UUID
    portfolio_id: UUID
    filename: str
    mode: Mode
    amends: UUID | None
    as_of: date
    size_bytes: int
    status: FileStatus
    rows_read: int | None
    rows_accepted: int | None
    rows_rejected: int | None
    contracts: int | None
    contracts_incomplete: int | None
    contracts_to_close: int | None
    amount_accepted: MoneyTotal | None
    confirmation_reason: ConfirmationReason | None
    code_page: CodePage | None
    code_pages: list[CodePageReading] | None
    in_posting: int
    differs: int
    unposted: int
    set_aside: int
    undecided: int
    file_payments: int
    kept_decisions: int
    person_changed: int
    dry_run: bool
    would_register: int
    would_revise: int
    would_close: int
    would_set_aside: int
    profile_id: UUID | None
    profile_version: int | None
    control_rows: int | None
    control_amount: MoneyTotal | None
    warnings: list[str]
    phase: Phase
    rows_done: int | None
    percent: int
    seconds_left: int | None
    error_code: str | None
    error: str | None
    received_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    uploaded_by: ActorOfChange
    confirmed_by: ActorOfChange


MOST_CONTRACTS = 5_000
"""Contracts about which one request decides. While ``undecided`` of the file is above 0, it is sent again."""


class Confirmation(InputModel):
    """The answer to a file that waits, or to the contracts that a loaded file has set aside.

    ``contracts`` names some of these contracts, by id or by number; without it all are meant. ``code_page`` is the
    answer to a file that waits for it. ``remember``: the rows of the portfolio's next deltas are all that a contract
    owes; with a code page: the portfolio's next files are in it where it reads best.
    """

    accept: bool
    contracts: Annotated[list[ShortText], Field(min_length=1, max_length=MOST_CONTRACTS)] | None = None
    remember: bool = False
    code_page: CodePage | None = None


async def find(reader: Reader, file_id: UUID) -> FileView:
    """Return the file. Raises ``FileUnknown``."""
    return view_of(await reader.fetchrow(queries.FILE, file_id))


async def listed(
    reader: Reader,
    query: PageQuery,
    portfolio_id: UUID | None,
    status: FileStatus | None,
    undecided: bool | None = None,
    finished_on: date | None = None,
) -> Page[Any]:
    """Return a page of files in the order of upload, of one portfolio or of all, with this status or any.

    ``undecided``: only files of which contracts wait for a decision, or only the others. ``finished_on``: only files
    that were loaded or failed on that day of their portfolio's zone.
    """
    if portfolio_id is not None:
        await portfolios.find(reader, portfolio_id)
    rows = await reader.fetch(
        queries.FILES[query.order], portfolio_id, status, query.after(int), query.limit + 1, undecided, finished_on
    )
    shown = page(rows, query, key=lambda row: (row["sequence"],))
    return Page(items=[view_of(item) for item in shown["items"]], next_cursor=shown["next_cursor"])


def view_of(row: Row | Mapping[str, Any] | None) -> FileView:
    if row is None:
        raise FileUnknown()
    progress = progress_of(dict(row), clock.now())
    aside = row["set_aside"] if row["dry_run"] else 0
    return FileView.model_validate({**dict(row), **progress._asdict(), "would_set_aside": aside})
