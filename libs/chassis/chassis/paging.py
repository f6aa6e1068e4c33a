"""Keyset pagination: an opaque cursor holds the key of the last row of the page before."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Annotated, Any, Generic, Literal, TypeVar, overload

import asyncpg
from fastapi import Depends, Query
from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict

from chassis.models import INT8_MAX, WholeParameter, refuse_control_characters
from chassis.problems import FieldError, Invalid

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
_MAX_CURSOR_LENGTH = 2000


class Page(TypedDict, Generic[T]):
    """Some items, and the cursor of the next page. ``next_cursor`` is null on the last page."""

    items: list[T]
    next_cursor: str | None


class Order(StrEnum):
    """The order of a list by creation: ``asc`` begins with the oldest item, ``desc`` with the newest."""

    ASC = "asc"
    DESC = "desc"


class PageRequest:
    """The requested page. Fetch ``limit + 1`` rows whose key lies after ``after(…)`` in the ``order``."""

    def __init__(self, limit: int = 100, cursor: str | None = None, order: Order = Order.ASC) -> None:
        self.limit = limit
        self.cursor = cursor
        self.order = order

    @overload
    def after(self, one: type[A], /) -> A | None: ...
    @overload
    def after(self, one: type[A], two: type[B], /) -> tuple[A, B] | None: ...
    @overload
    def after(self, one: type[A], two: type[B], three: type[C], /) -> tuple[A, B, C] | None: ...
    @overload
    def after(self, *types: Any) -> Any: ...
    def after(self, *types: Any) -> Any:
        """Return the key after which this page starts, or None on the first page.

        One type gives a value, several give a tuple. 422 for a cursor that does not belong to this list.
        """
        if self.cursor is None:
            return None
        try:
            padded = self.cursor.encode("ascii") + b"=" * (-len(self.cursor) % 4)
            text = base64.b64decode(padded, altchars=b"-_", validate=True)
            read = (*types, Literal["desc"]) if self.order is Order.DESC else types
            key: tuple[Any, ...] = TypeAdapter(tuple[read]).validate_json(text, strict=True)  # type: ignore[valid-type]
            for value in key:
                _refuse_unstorable(value)
        except (UnicodeEncodeError, binascii.Error, ValidationError, ValueError) as error:
            problem = FieldError("/query/cursor", "must be the next_cursor of a page of this list")
            raise Invalid("The cursor does not belong to this list.", code="bad-cursor", errors=[problem]) from error
        return key[0] if len(types) == 1 else key[: len(types)]


def _refuse_unstorable(value: object) -> None:
    if isinstance(value, str):
        refuse_control_characters(value)
    elif isinstance(value, int) and not -INT8_MAX - 1 <= value <= INT8_MAX:
        raise ValueError("no cursor holds this number")


async def page_request(
    limit: Annotated[WholeParameter, Query(ge=1, le=1000, description="The largest number of items to return")] = 100,
    cursor: Annotated[
        str | None, Query(max_length=_MAX_CURSOR_LENGTH, description="The `next_cursor` of the previous page")
    ] = None,
) -> PageRequest:
    return PageRequest(limit, cursor)


PageQuery = Annotated[PageRequest, Depends(page_request)]


async def ordered_page_request(
    page_of: PageQuery,
    order: Annotated[Order, Query(description="By creation: the oldest first, or the newest")] = Order.ASC,
) -> PageRequest:
    return PageRequest(page_of.limit, page_of.cursor, order)


OrderedPageQuery = Annotated[PageRequest, Depends(ordered_page_request)]
"""For lists that may be turned. A cursor belongs to its order."""


def page(rows: Sequence[T], query: PageRequest, key: Callable[[T], tuple[Any, ...]]) -> Page[Any]:
    """Make a page of rows that were fetched with ``query.limit + 1``, in the order of ``key``."""
    shown = rows[: query.limit]
    more = len(rows) > query.limit
    items = [dict(row) if isinstance(row, asyncpg.Record) else row for row in shown]
    if not more:
        return Page(items=items, next_cursor=None)
    last = key(shown[-1])
    return Page(items=items, next_cursor=_cursor((*last, "desc") if query.order is Order.DESC else last))


def _cursor(key: tuple[Any, ...]) -> str:
    text = json.dumps(key, default=str, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()
