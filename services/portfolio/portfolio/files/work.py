"""A file that the loader loads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from recobro_events import Row

from portfolio.tabular.profiles import column_named


@dataclass(frozen=True)
class Work:
    """A file to load, with the settings of its portfolio.

    ``code_page`` is what a person said of this file, ``usual_code_page`` what the portfolio's files are in.
    ``amends`` is the file that this one amends. ``amended_root`` is the same, or what that one amends. ``layout`` is
    that of the file's profile, ``amended_layout`` how the amended file was read. A ``dry_run`` changes nothing.
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
    currency: str | None = None
    layout: Mapping[str, Any] | None = None
    amended_layout: Mapping[str, Any] | None = None
    control_rows: int | None = None
    control_amount: Decimal | None = None
    dry_run: bool = False


def columns_of(file: Row) -> Sequence[str | None]:
    """The fields of the file's header; None for a foreign column. Files of earlier releases name them by the header."""
    columns: Sequence[str | None] | None = file["columns"]
    return columns if columns is not None else [column_named(name) for name in file["header"] or ()]
