"""A file that the loader loads."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID


@dataclass(frozen=True)
class Work:
    """A file to load, with the settings of its portfolio."""

    file_id: UUID
    portfolio_id: UUID
    creditor_id: UUID
    jurisdiction: str
    mode: str
    as_of: date
    status: str
