"""Keyset pages repeat nothing, leave nothing out, and accept only our own cursors."""

import base64
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import permutations
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from chassis.paging import Order, PageRequest, page
from chassis.problems import Invalid


async def test_pages_follow_each_other(running: httpx.AsyncClient, look: Any) -> None:
    rows = [(uuid4(), f"n{n // 3}", Decimal(n)) for n in range(10)]
    await look.executemany("INSERT INTO entry VALUES ($1, $2, $3)", rows)
    seen, cursor, pages = [], None, 0
    while True:
        answer = await running.get("/v1/entries", params={"limit": 4} | ({"cursor": cursor} if cursor else {}))
        seen += [item["entry_id"] for item in answer.json()["items"]]
        pages, cursor = pages + 1, answer.json()["next_cursor"]
        if cursor is None:
            break
        await look.execute("INSERT INTO entry VALUES ($1, 'a', 1)", uuid4())
    assert seen == [str(row[0]) for row in sorted(rows, key=lambda row: (row[1], row[0]))]
    assert pages == 3


async def test_a_full_last_page_has_no_cursor(running: httpx.AsyncClient, look: Any) -> None:
    await look.executemany("INSERT INTO entry VALUES ($1, 'a', 1)", [(uuid4(),) for _ in range(100)])
    answer = (await running.get("/v1/entries")).json()
    assert (len(answer["items"]), answer["next_cursor"]) == (100, None)
    assert answer["items"][0]["amount"] == "1.00"


def test_a_cursor_holds_keys_of_any_type() -> None:
    key = (UUID(int=5), date(2026, 1, 31), datetime(2026, 1, 31, 12, tzinfo=UTC), Decimal("-1.50"), "ñ/+", 7, None)
    made = page([1, 2], PageRequest(limit=1), lambda _: key)
    assert made["items"] == [1]
    read = PageRequest(cursor=made["next_cursor"]).after(UUID, date, datetime, Decimal, str, int, int | None)
    assert read == key
    assert PageRequest().after(UUID) is None


def test_a_cursor_with_one_value_is_read_as_that_value() -> None:
    made = page([1, 2], PageRequest(limit=1), lambda _: (UUID(int=5),))
    assert PageRequest(cursor=made["next_cursor"]).after(UUID) == UUID(int=5)


def encoded(text: str | bytes) -> str:
    return base64.urlsafe_b64encode(text if isinstance(text, bytes) else text.encode()).rstrip(b"=").decode()


BAD = [
    "",
    "x",
    "%%%",
    "ñ",
    encoded("[]"),
    encoded("{}"),
    encoded("not json"),
    encoded(b"\xff\xfe"),
    encoded('["", "a"]'),
    encoded('["", "a", "not-a-uuid"]'),
    encoded('["", 1, "00000000-0000-0000-0000-000000000001"]'),
    encoded('["", "a\\u0000", "00000000-0000-0000-0000-000000000001"]'),
    encoded('["", "a", "00000000-0000-0000-0000-000000000001", 1]'),
    encoded('["", "a", "00000000-0000-0000-0000-000000000001"]'),
    "A" * 2001,
]


@pytest.mark.parametrize("cursor", BAD)
async def test_a_bad_cursor_is_refused(running: httpx.AsyncClient, cursor: str) -> None:
    answer = await running.get("/v1/entries", params={"cursor": cursor})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/query/cursor"


async def test_a_cursor_is_refused_on_another_list(running: httpx.AsyncClient, look: Any) -> None:
    """Another path and other filters are other lists, though their keys have the same types. The limit may change."""
    await look.executemany("INSERT INTO entry VALUES ($1, 'a', 1)", [(uuid4(),) for _ in range(3)])
    cursor = (await running.get("/v1/entries", params={"limit": 1, "name": "a"})).json()["next_cursor"]
    good = await running.get("/v1/entries", params={"limit": 2, "name": "a", "cursor": cursor})
    assert (good.status_code, len(good.json()["items"])) == (200, 2)
    for filters in ({}, {"name": "b"}):
        refused = await running.get("/v1/entries", params={"cursor": cursor, **filters})
        assert (refused.status_code, refused.json()["type"]) == (422, "urn:recobro:problem:cursor-unknown")
    elsewhere = PageRequest(cursor=cursor, of="another path")
    with pytest.raises(Invalid, match="cursor-unknown"):
        elsewhere.after(str, UUID)


_ANY = '["",'


@pytest.mark.parametrize(
    "text",
    [f"{_ANY}true]", f"{_ANY}9223372036854775808]", f"{_ANY}1.5]", f'{_ANY}"1"]', _ANY + "9" * 5000 + "]", "[1]"],
)
def test_a_number_beyond_bigint_in_a_cursor_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        PageRequest(cursor=encoded(text)).after(int)
    assert refused.value.code == "cursor-unknown"


@pytest.mark.parametrize("types", [(int,), (int, str)])
def test_a_cursor_belongs_to_the_order_of_its_list(types: tuple[type, ...]) -> None:
    key = (7, "a")[: len(types)]
    for order, other in permutations(Order):
        cursor = page([1, 2], PageRequest(limit=1, order=order), lambda _: key)["next_cursor"]
        assert PageRequest(cursor=cursor, order=order).after(*types) == (key[0] if len(key) == 1 else key)
        with pytest.raises(Invalid, match="cursor-unknown"):
            PageRequest(cursor=cursor, order=other).after(*types)
