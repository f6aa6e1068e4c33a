"""A file that the loader loads."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID


@dataclass(frozen=True)
class Work:
    """A file to load, with the settings of its portfolio.

    ``code_page`` is what a person said of this file, ``usual_code_page`` what the portfolio's files are in.
    ``amends`` is the file that this one amends. ``amended_root`` is the same, or what that one amends.
    """

    file_id: UUID
    portfolio_id: UUID
    creditor_id: UUID
    jurisdiction: str
    mode: str
    as_of: date
    status: str
    code_page: str | None = None
    usual_code_page: str | None = None
    amends: UUID | None = None
    amended_root: UUID | None = None
