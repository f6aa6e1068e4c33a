"""Amounts and days in the formats that people write, read by whole columns."""

import contextlib
from datetime import date
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from portfolio.files.reader.amounts import amounts, decimal_in
from portfolio.files.reader.days import days, form_of
from portfolio.files.reader.series import cleaned, mapped
from portfolio.tabular.cells import spelling_of, text_of, value_of
from portfolio.tabular.records import FileHead, FileProblem

HEAD = FileHead(",", ("Fecha de vencimiento", "Importe vencido"), ("due_date", "amount_due"))
MONEY = st.decimals(min_value=Decimal("-999999999999.99"), max_value=Decimal("999999999999.99"), places=2)


def column(name: str, texts: tuple[str, ...]) -> pl.DataFrame:
    return pl.DataFrame({"row_number": range(2, len(texts) + 2), name: texts})


def amounts_of(*texts: str, jurisdiction: str = "MX") -> list[Decimal | None]:
    cells = column("amount_due", texts)
    return amounts(cells, jurisdiction, None, decimal_in(cells, HEAD, jurisdiction, None) or ".").to_list()


def days_of(*texts: str, days_first: bool = True) -> list[date | None]:
    cells = column("due_date", texts)
    return days(cells, form_of(cells, HEAD, days_first=days_first)).to_list()


def is_month_first(text: str) -> bool:
    try:
        days_of(text)
    except FileProblem:
        return True
    return False


def with_decimal_comma(amount: Decimal) -> str:
    return f"{amount:,.2f}".translate(str.maketrans(",.", ".,"))


@settings(deadline=None)
@given(st.lists(MONEY, min_size=1))
def test_an_amount_is_read_to_the_cent_however_it_is_written(written: list[Decimal]) -> None:
    assert amounts_of(*[f"{amount:.2f}" for amount in written]) == written
    assert amounts_of(*[f"{amount:,.2f}" for amount in written]) == written
    assert amounts_of(*[f"${amount:,.2f}" for amount in written]) == written
    assert amounts_of(*map(with_decimal_comma, written)) == written
    assert amounts_of(*[with_decimal_comma(amount).replace(".", " ") for amount in written]) == written


@settings(deadline=None)
@given(st.lists(st.text(alphabet="0123456789.,$-() eEnNaAiI_+٣\0", max_size=24), min_size=1))
def test_no_text_is_read_as_an_amount_of_other_digits(texts: list[str]) -> None:
    read: list[Decimal | None] = []
    with contextlib.suppress(FileProblem):
        read = amounts_of(*texts)
    for text, amount in zip(texts, read, strict=bool(read)):
        if amount is not None:
            digits = "".join(character for character in text if character in "0123456789")
            assert digits.rstrip("0").lstrip("0") == f"{abs(amount):.2f}".replace(".", "").strip("0")
            assert (amount < 0) == (amount != 0 and ("-" in text or "(" in text))


@settings(deadline=None)
@given(st.lists(st.sampled_from(["1,500", "1.500", "0,500", "99,90", "99.90", "1500", "1.234,50"]), min_size=1))
def test_the_rows_of_a_column_are_read_in_one_way_or_not_at_all(texts: list[str]) -> None:
    by_sign = {
        ".": {"1,500": "1500", "1.500": "1.5", "99.90": "99.9", "1500": "1500"},
        ",": {
            "1,500": "1.5",
            "1.500": "1500",
            "0,500": "0.5",
            "99,90": "99.9",
            "1500": "1500",
            "1.234,50": "1234.5",
        },
    }
    ways = [way for way in by_sign.values() if all(text in way for text in texts)]
    readings = {tuple(Decimal(way[text]) for text in texts) for way in ways}
    if len(readings) == 1:
        assert tuple(amounts_of(*texts)) in readings
    else:
        with pytest.raises(FileProblem) as problem:
            amounts_of(*texts)
        assert problem.value.code == "ambiguous_amounts"


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("5", "5"),
        ("5.5", "5.50"),
        ("$ 5.05", "5.05"),
        ("1,234,567", "1234567"),
        ("1.500,5", "1500.50"),
        ("1 234", "1234"),
    ],
)
def test_amounts_that_show_their_own_decimal_sign_are_accepted(text: str, amount: str) -> None:
    assert amounts_of(text) == [Decimal(amount)]


@pytest.mark.parametrize("text", ["(5.00)", "5.00-", "-5.00", "$-5.00", "5.00 -", "($5.00)"])
def test_a_negative_amount_is_recognised_however_it_is_written(text: str) -> None:
    assert amounts_of(text) == [Decimal("-5.00")]


@pytest.mark.parametrize(
    "text", ["12 34", "0 500.00", "1,23.50", "0,500.00", "1.2345", "(5", "1 234 50", "R$ 5,00", "£5"]
)
def test_what_is_no_amount_in_any_reading_is_none(text: str) -> None:
    assert amounts_of(text, "7.50") == [None, Decimal("7.50")]


def test_the_currency_sign_of_the_country_is_no_part_of_the_amount() -> None:
    assert amounts_of("R$ 1.234,50", "R$0,99", jurisdiction="BR") == [Decimal("1234.50"), Decimal("0.99")]
    assert amounts_of("£1,234.50", jurisdiction="GB") == [Decimal("1234.50")]


def test_the_column_decides_what_a_comma_before_three_digits_is() -> None:
    assert amounts_of("1234,50", "0,500", "1,500") == [Decimal("1234.50"), Decimal("0.50"), Decimal("1.50")]
    assert amounts_of("1234.50", "1,500") == [Decimal("1234.50"), Decimal("1500.00")]


def test_a_contradictory_column_is_refused_with_the_rows_that_contradict_each_other() -> None:
    with pytest.raises(FileProblem, match=r"row 3 \(99\.90\) has a decimal point, row 2 \(1\.234,50\) a decimal comma"):
        amounts_of("1.234,50", "99.90")


def test_a_column_that_shows_nothing_is_refused_with_a_row_of_two_readings() -> None:
    with pytest.raises(FileProblem, match=r"nothing shows whether row 3 \(1,500\)") as problem:
        amounts_of("800", "1,500")
    assert problem.value.code == "ambiguous_amounts"


@settings(deadline=None)
@given(st.lists(st.dates(), min_size=1))
def test_a_day_is_read_in_every_format(written: list[date]) -> None:
    assert days_of(*[day.isoformat() for day in written]) == written
    for sign in "/-.":
        assert days_of(*[f"{day.day:02d}{sign}{day.month}{sign}{day.year:04d}" for day in written]) == written
    assert days_of(*[f"{day.isoformat()} 00:00:00.000" for day in written]) == written


@settings(deadline=None)
@given(st.text(alphabet="0123456789/.-+ T:٣\n", max_size=12).filter(lambda text: not is_month_first(text)))
def test_no_text_is_read_as_another_day(text: str) -> None:
    [day] = days_of(text)
    if day is not None:
        parts = [
            int(part) for part in text.replace("T", " ").split(" ")[0].replace("-", "/").replace(".", "/").split("/")
        ]
        assert parts in ([day.day, day.month, day.year], [day.year, day.month, day.day])


@pytest.mark.parametrize(
    "text", ["30/11/2026 00:00", "30/11/2026 11:59:59 p. m.", "2026-11-30T00:00:00", "2026/11/30", "30.11.2026 0:00:00"]
)
def test_a_time_without_a_zone_is_left_out(text: str) -> None:
    assert days_of(text) == [date(2026, 11, 30)]


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-30T06:00:00Z",
        "2026-11-30 00:00-06:00",
        "30/11/26",
        "46356",
        "20112026",
        "2026113",
        "30-11/2026",
        "30/11/2026 25:00",
    ],
)
def test_what_may_be_another_day_is_none(text: str) -> None:
    assert days_of(text) == [None]


def test_elsewhere_one_date_proves_the_order_of_the_column() -> None:
    assert days_of("03/04/2026", "12/31/2026", "2026-01-02", days_first=False) == [
        date(2026, 3, 4),
        date(2026, 12, 31),
        date(2026, 1, 2),
    ]
    assert days_of("03/04/2026", "31/12/2026", days_first=False) == [date(2026, 4, 3), date(2026, 12, 31)]
    assert days_of("05/05/2026", days_first=False) == [date(2026, 5, 5)]


@pytest.mark.parametrize(
    ("texts", "days_first", "sentence"),
    [
        (("03/04/2026",), False, r"nothing shows whether row 2 \(03/04/2026\)"),
        (("13/04/2026", "04/13/2026"), False, r"row 2 \(13/04/2026\) starts with the day, row 3 \(04/13/2026\)"),
        (("03/04/2026", "04/13/2026"), True, r"row 3 \(04/13/2026\) starts with the month"),
    ],
    ids=["no proof", "both orders", "against the order"],
)
def test_a_column_whose_order_is_not_sure_is_refused(texts: tuple[str, ...], days_first: bool, sentence: str) -> None:
    with pytest.raises(FileProblem, match=sentence) as problem:
        days_of(*texts, days_first=days_first)
    assert problem.value.code == "ambiguous_dates"


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("I-1\u200b", "I-1"),
        ("\ufeffI-1", "I-1"),
        ("I-1\u00ad", "I-1"),
        ("CN\u0303-1", "CÑ-1"),
        ("CN\u200b\u0303-1", "CÑ-1"),
        ("１２３", "123"),
        ("C\u20111", "C-1"),
        ("C\u20131", "C-1"),
        ("A\u00a01\u2009 2", "A 1 2"),
        ("'000123", "000123"),
        ('="000123"', "000123"),
        ('\'="000123"', "000123"),
        ('="say ""x"""', 'say "x"'),
        ("'+52 9996236671", "+52 9996236671"),
        ("'= 5", "= 5"),
        ("c-1", "c-1"),
    ],
)
def test_a_value_has_one_spelling(cell: str, value: str) -> None:
    assert value_of(cell) == value


@settings(deadline=None)
@given(st.text(max_size=30))
def test_the_spelling_of_a_spelling_is_itself(text: str) -> None:
    assert spelling_of(spelling_of(text)) == spelling_of(text)


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("'t Hooft", "'t Hooft"),
        ("D'Angelo", "D'Angelo"),
        ("'=Ana", "=Ana"),
        ("'5 de Mayo", "5 de Mayo"),
        ("a;'=b", "a;=b"),
        ("Mun\u0303oz\u200b", "Muñoz"),
        ("Ana\u00a0Sol", "Ana Sol"),
        ('="Ana"', "Ana"),
    ],
)
def test_a_text_keeps_what_a_person_wrote(cell: str, text: str) -> None:
    assert text_of(cell) == text


def test_a_function_is_called_once_for_each_distinct_value() -> None:
    calls: list[str] = []

    def upper_case(text: str) -> str | None:
        calls.append(text)
        return None if text == "x" else text.upper()

    values = pl.Series("v", ["a", "b", None, "a", "x"])
    assert mapped(values, upper_case).to_list() == ["A", "B", None, "A", None]
    assert sorted(calls) == ["a", "b", "x"]
    assert mapped(pl.Series("v", [None], dtype=pl.String), upper_case).to_list() == [None]


@settings(deadline=None)
@given(st.lists(st.text(alphabet="aé' =\"\u200b\u00a0-", max_size=6), min_size=1))
def test_no_cell_that_cleaning_would_change_is_left_out(cells: list[str]) -> None:
    for clean in (text_of, value_of):
        assert cleaned(pl.Series("v", cells), clean).to_list() == [clean(cell).strip() or None for cell in cells]
