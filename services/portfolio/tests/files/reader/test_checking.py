"""Amounts and days in the formats that people write, parsed by whole columns."""

from datetime import date
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from portfolio.files.reader.checks import amount_of, day_of, mapped

AMOUNTS = st.decimals(min_value=Decimal("-999999999999.99"), max_value=Decimal("999999999999.99"), places=2)


def amounts(*texts: str) -> list[Decimal | None]:
    return pl.DataFrame({"text": texts}).select(amount_of(pl.col("text"))).to_series().to_list()


def days(*texts: str, iso_only: bool = False) -> list[date | None]:
    return pl.DataFrame({"text": texts}).select(day_of(pl.col("text"), iso_only=iso_only)).to_series().to_list()


@given(st.lists(AMOUNTS, min_size=1))
def test_an_amount_is_read_to_the_cent_however_it_is_written(written: list[Decimal]) -> None:
    assert amounts(*[f"{amount:.2f}" for amount in written]) == written
    assert amounts(*[f"{amount:,.2f}" for amount in written]) == written
    assert amounts(*[f"${amount:,.2f}" for amount in written]) == written


@given(st.lists(st.text(alphabet="0123456789.,$- eEnNaAiI_+()٣\0", max_size=24), min_size=1))
def test_no_text_is_read_as_another_amount(texts: list[str]) -> None:
    for text, amount in zip(texts, amounts(*texts), strict=True):
        if amount is not None:
            assert Decimal(text.replace(",", "").replace("$", "").replace(" ", "")) == amount


@pytest.mark.parametrize(("text", "amount"), [("5", "5"), ("5.5", "5.50"), ("$ 5.05", "5.05"), ("1,234", "1234")])
def test_short_amounts_are_accepted(text: str, amount: str) -> None:
    assert amounts(text) == [Decimal(amount)]


@given(st.lists(st.dates(), min_size=1))
def test_a_day_is_read_in_both_formats(written: list[date]) -> None:
    assert days(*[day.isoformat() for day in written]) == written
    assert days(*[f"{day.day:02d}/{day.month:02d}/{day.year:04d}" for day in written]) == written


@given(st.text(alphabet="0123456789/-+ T:٣\n", max_size=12))
def test_no_text_is_read_as_another_day(text: str) -> None:
    [day] = days(text)
    if day is not None:
        latin = [int(part) for part in text.split("/")] == [day.day, day.month, day.year] if "/" in text else False
        assert latin or text == day.isoformat()


def test_only_iso_days_are_read_where_the_order_of_day_and_month_is_unknown() -> None:
    assert days("03/04/2026", "2026-04-03", iso_only=True) == [None, date(2026, 4, 3)]


def test_a_function_is_called_once_for_each_distinct_value() -> None:
    calls: list[str] = []

    def upper_case(text: str) -> str | None:
        calls.append(text)
        return None if text == "x" else text.upper()

    values = pl.Series("v", ["a", "b", None, "a", "x"])
    assert mapped(values, upper_case).to_list() == ["A", "B", None, "A", None]
    assert sorted(calls) == ["a", "b", "x"]
    assert mapped(pl.Series("v", [None], dtype=pl.String), upper_case).to_list() == [None]
