"""Keyset pagination: an opaque cursor holds the key of the last row of the page before, and the list that it is of."""

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any, Generic, Literal, TypeVar, overload

import asyncpg
from fastapi import Depends, Query, Request
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
    """The order of a list: ``asc`` as its operation says, mostly by creation with the oldest first; ``desc`` turned."""

    ASC = "asc"
    DESC = "desc"


class PageRequest:
    """The requested page. Fetch ``limit + 1`` rows whose key lies after ``after(…)`` in the ``order``.

    ``of`` names the list: service, path and filters. A cursor is good for the list that gave it.
    """

    def __init__(self, limit: int = 100, cursor: str | None = None, order: Order = Order.ASC, of: str = "") -> None:
        self.limit = limit
        self.cursor = cursor
        self.order = order
        self.of = of

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

        One type gives a value, several give a tuple. 422 ``cursor-unknown`` for a cursor that this list has not given.
        """
        if self.cursor is None:
            return None
        try:
            padded = self.cursor.encode("ascii") + b"=" * (-len(self.cursor) % 4)
            text = base64.b64decode(padded, altchars=b"-_", validate=True)
            read = (str, *types, Literal["desc"]) if self.order is Order.DESC else (str, *types)
            of, *key = TypeAdapter(tuple[read]).validate_json(text, strict=True)  # type: ignore[valid-type]
            if of != self.of:
                raise ValueError("of another list")
            for value in key:
                _refuse_unstorable(value)
        except (UnicodeEncodeError, binascii.Error, ValidationError, ValueError) as error:
            problem = FieldError("/query/cursor", "must be the next_cursor of a page of this list")
            raise Invalid(
                "The cursor does not belong to this list.", code="cursor-unknown", errors=[problem]
            ) from error
        return key[0] if len(types) == 1 else tuple(key[: len(types)])

    def after_number(self) -> int:
        """Return the number after which this page starts, of a list whose key is a positive number."""
        after = self.after(int)
        if after is not None:
            return after
        return INT8_MAX if self.order is Order.DESC else 0


def _refuse_unstorable(value: object) -> None:
    if isinstance(value, str):
        refuse_control_characters(value)
    elif isinstance(value, int) and not -INT8_MAX - 1 <= value <= INT8_MAX:
        raise ValueError("no cursor holds this number")


_NOT_FILTERS = frozenset({"limit", "cursor", "order"})


def _list_of(request: Request) -> str:
    """Return a short digest of the service, the path and the filters of the request."""
    filters = sorted((name, value) for name, value in request.query_params.multi_items() if name not in _NOT_FILTERS)
    named = json.dumps([request.app.title, request.url.path, filters]).encode("utf-8", "surrogatepass")
    return base64.urlsafe_b64encode(hashlib.sha256(named).digest()[:9]).decode()


async def page_request(
    request: Request,
    limit: Annotated[WholeParameter, Query(ge=1, le=1000, description="The largest number of items to return")] = 100,
    cursor: Annotated[
        str | None, Query(max_length=_MAX_CURSOR_LENGTH, description="The `next_cursor` of the previous page")
    ] = None,
    order: Annotated[
        Order, Query(description="`desc` turns the list: what is by creation then begins with the newest")
    ] = Order.ASC,
) -> PageRequest:
    return PageRequest(limit, cursor, order, _list_of(request))


PageQuery = Annotated[PageRequest, Depends(page_request)]
"""The page that a request asks for. A cursor belongs to its order."""


def both_orders(sql: str) -> Mapping[Order, str]:
    """Return the statement of a list for each order: ``{beyond}`` in it is > or <, ``{order}`` is ASC or DESC."""
    return {
        order: sql.replace("{beyond}", beyond).replace("{order}", order.upper())
        for order, beyond in ((Order.ASC, ">"), (Order.DESC, "<"))
    }


def page(rows: Sequence[T], query: PageRequest, key: Callable[[T], tuple[Any, ...]]) -> Page[Any]:
    """Make a page of rows that were fetched with ``query.limit + 1``, in the order of ``key``."""
    shown = rows[: query.limit]
    more = len(rows) > query.limit
    items = [dict(row) if isinstance(row, asyncpg.Record) else row for row in shown]
    if not more:
        return Page(items=items, next_cursor=None)
    last = (query.of, *key(shown[-1]))
    return Page(items=items, next_cursor=_cursor((*last, "desc") if query.order is Order.DESC else last))


def _cursor(key: tuple[Any, ...]) -> str:
    text = json.dumps(key, default=str, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()
