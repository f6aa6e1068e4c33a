"""Figures of the day: what a person looks at first in the morning, each with the way to what it counts."""

from datetime import date, datetime
from typing import Annotated, Literal
from urllib.parse import urlencode
from uuid import UUID

from pydantic import Field
from recobro_events import MoneyTotal

from chassis.models import OutputModel


class DayFigure(OutputModel):
    """One number of a day. ``items`` is the address, in the same service, that lists what it counts.

    ``portfolio_id`` is null for what belongs to no portfolio, or to several. ``amount`` is null where nothing has an
    amount, or the currencies differ.
    """

    figure: Annotated[str, Field(examples=["files.needs_confirmation"])]
    portfolio_id: UUID | None = None
    day: date | None = None
    count: int
    amount: MoneyTotal | None = None
    currency: str | None = None
    items: Annotated[str, Field(examples=["/v1/files?status=needs_confirmation"])]


class DayJob(OutputModel):
    """A daily job ``of`` a portfolio or campaign, and its state for ``day``.

    ``due``: nobody has started it. ``failed``: the last attempt failed or was stopped, and can be started again.
    """

    job: Annotated[str, Field(examples=["staging"])]
    of: UUID
    name: str
    day: date
    state: Literal["done", "running", "due", "failed"]
    detail: str | None
    at: datetime | None


def address(path: str, **filters: object) -> str:
    """Return the path with the filters that are not None. A trailing underscore of a name is left out: ``from_``."""
    given = {name.rstrip("_"): value for name, value in filters.items() if value is not None}
    plain = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in given.items()}
    return f"{path}?{urlencode(plain)}" if plain else path
