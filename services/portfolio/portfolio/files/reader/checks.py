"""Parses the cells of a portfolio file's rows and lists every reason to refuse a row.

All of these are expressions over whole columns. No row is handled alone.
"""

from collections.abc import Callable, Iterable
from datetime import date
from typing import NamedTuple

import polars as pl

from portfolio.ledger.limits import CONTACTS_OF_CONTRACT, LARGEST_BALANCE, ROWS_OF_CONTRACT
from portfolio.tabular.profiles import FILE_COLUMNS, plain
from portfolio.tabular.records import CONTROL_CHARACTERS, FileHead

MAX_TEXT_CHARACTERS = 200
_FIRST_DAY, _LAST_DAY = date(2000, 1, 1), date(2100, 12, 31)
_AMOUNT = r"^(-?\$?|\$-)\s?([0-9]{1,12}|[0-9]{1,3}(,[0-9]{3}){1,3})(\.[0-9]{1,2})?$"
_ISO_DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_LATIN_DAY = r"^[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}$"
_NUMBER = r"^[0-9]{1,9}$"
_DEBTOR_KINDS = {
    "person": ("person", "fisica", "personafisica", "pf", "pfae", "individual", "natural"),
    "company": ("company", "moral", "personamoral", "pm", "juridica"),
}
_DEBTOR_KIND_OF = {written: kind for kind, ways in _DEBTOR_KINDS.items() for written in ways}


class Check(NamedTuple):
    """A reason to refuse a row. ``failed`` is true in rows whose ``column`` has this problem."""

    column: str
    code: str
    reason: str
    failed: pl.Expr


def mapped(values: pl.Series, function: Callable[[str], str | None]) -> pl.Series:
    """Apply ``function`` to every value, with one call for each distinct value."""
    distinct = values.drop_nulls().unique().to_list()
    if not distinct:
        return pl.Series(values.name, [None] * len(values), dtype=pl.String)
    answers = pl.Series([function(value) for value in distinct], dtype=pl.String)
    return values.replace_strict(distinct, answers, default=None, return_dtype=pl.String)


def amount_of(text: pl.Expr) -> pl.Expr:
    """Parse an amount such as 1234.50, 1,234.50 or $1,234.50.

    The result is null for other text, for more than 12 digits and for fractions of a cent.
    """
    digits = text.str.replace_all(r"[$,\s]", "")
    return pl.when(text.str.contains(_AMOUNT)).then(digits).cast(pl.Decimal(14, 2), strict=False)


def day_of(text: pl.Expr, *, iso_only: bool) -> pl.Expr:
    """Parse a day such as 2026-11-30 or, unless ``iso_only``, 30/11/2026. The result is null for other text."""
    iso = pl.when(text.str.contains(_ISO_DAY)).then(text).str.to_date("%Y-%m-%d", strict=False)
    if iso_only:
        return iso
    latin = pl.when(text.str.contains(_LATIN_DAY)).then(text).str.to_date("%d/%m/%Y", strict=False)
    return pl.coalesce(iso, latin)


def parse(raw: pl.DataFrame, head: FileHead) -> pl.DataFrame:
    """Trim the cells (an empty cell is null), and parse them into ``due_on``, ``amount``, ``number`` and ``kind``.

    ``twice`` marks all rows of an instalment that has several, including rows with other problems. Without instalment
    numbers the due date identifies an instalment of a contract.
    """
    absent = [pl.lit(None, pl.String).alias(column) for column in FILE_COLUMNS if column not in head.columns]
    trimmed = [pl.col(column).str.strip_chars().replace("", None) for column in head.columns]
    # Under the header `due_date` 03/04 may mean March or April. Under a Spanish header it means April.
    iso_only = plain(head.header_of("due_date")) == plain("due_date")
    number = pl.col("instalment_number")
    cells = raw.select("row_number", *trimmed, *absent).with_columns(
        due_on=day_of(pl.col("due_date"), iso_only=iso_only),
        amount=amount_of(pl.col("amount_due")),
        number=pl.when(number.str.contains(_NUMBER)).then(number).cast(pl.Int32, strict=False),
    )
    identity = ["contract_number", "number" if "instalment_number" in head.columns else "due_on"]
    known = pl.all_horizontal(pl.col(identity).is_not_null())
    rows = cells.with_columns(
        mapped(cells["debtor_kind"], lambda text: _DEBTOR_KIND_OF.get(plain(text))).alias("kind"),
        (known & (pl.len().over(identity) > 1)).alias("twice"),
        pl.len().over("contract_number").alias("rows_of_contract"),
        pl.col("amount").cast(pl.Decimal(38, 2)).sum().over("contract_number").alias("owed_by_contract"),
    )
    return rows.join(_contacts_of_contracts(rows), on="contract_number", how="left", maintain_order="left")


def _contacts_of_contracts(rows: pl.DataFrame) -> pl.DataFrame:
    """Count the distinct phones and e-mails of the contracts that may have too many."""
    columns = ("phone_1", "phone_2", "email")
    many = rows.filter(pl.col("rows_of_contract") * len(columns) > CONTACTS_OF_CONTRACT)
    values = many.unpivot(columns, index="contract_number").drop_nulls()
    return values.group_by("contract_number").agg(pl.col("value").n_unique().alias("contacts_of_contract"))


def checks(head: FileHead) -> list[Check]:
    """Every reason to refuse a row with all its fields, in the order in which reasons are listed to the creditor."""
    return [*_text_checks(head.columns), *_value_checks(), *_instalment_checks(head), *_contract_checks()]


def _text_checks(columns: Iterable[str]) -> Iterable[Check]:
    for column in columns:
        text = pl.col(column)
        yield Check(column, "control_character", "contains a control character", text.str.contains(CONTROL_CHARACTERS))
        too_long = text.str.len_chars() > MAX_TEXT_CHARACTERS
        yield Check(column, "too_long", f"is longer than {MAX_TEXT_CHARACTERS} characters", too_long)


def _value_checks() -> Iterable[Check]:
    yield Check("contract_number", "no_contract", "is empty", pl.col("contract_number").is_null())
    yield Check("debtor_name", "no_name", "is empty", pl.col("debtor_name").is_null())
    unknown = pl.col("debtor_kind").is_not_null() & pl.col("kind").is_null()
    yield Check("debtor_kind", "bad_kind", "is neither a person (Física) nor a company (Moral)", unknown)

    day, given = pl.col("due_on"), pl.col("due_date").is_not_null()
    outside = ~day.is_between(_FIRST_DAY, _LAST_DAY)
    yield Check("due_date", "bad_date", "is empty", ~given)
    yield Check(
        "due_date",
        "bad_date",
        "is not a date such as 30/11/2026 or 2026-11-30",
        given & day.is_null(),
    )
    yield Check("due_date", "bad_date", f"is not between {_FIRST_DAY} and {_LAST_DAY}", outside)

    amount, given = pl.col("amount"), pl.col("amount_due").is_not_null()
    yield Check("amount_due", "bad_amount", "is empty", ~given)
    unread = "is not an amount such as 1234.50 of at most 12 digits before the point and 2 after it"
    yield Check("amount_due", "bad_amount", unread, given & amount.is_null())
    yield Check("amount_due", "negative_amount", "is negative", amount < 0)
    yield Check("amount_due", "zero_amount", "is zero", amount == 0)


def _instalment_checks(head: FileHead) -> Iterable[Check]:
    if "instalment_number" not in head.columns:
        same = "has the contract number and due date of another row"
        yield Check("due_date", "duplicate_instalment", same, pl.col("twice"))
        return
    number = pl.col("number")
    bad = number.is_null() | (number < 1)
    yield Check("instalment_number", "bad_instalment_number", "is not a whole number of at least 1", bad)
    same = "has the contract number and instalment number of another row"
    yield Check("instalment_number", "duplicate_instalment", same, pl.col("twice"))


def _contract_checks() -> Iterable[Check]:
    """Half a debt is worse than none, so every row of a contract that is too large is refused."""
    known = pl.col("contract_number").is_not_null()
    for code, limited, limit, what in (
        ("too_many_instalments", "rows_of_contract", ROWS_OF_CONTRACT, f"{ROWS_OF_CONTRACT:,} rows"),
        (
            "too_many_contacts",
            "contacts_of_contract",
            CONTACTS_OF_CONTRACT,
            f"{CONTACTS_OF_CONTRACT} phones and e-mails",
        ),
        ("balance_too_large", "owed_by_contract", LARGEST_BALANCE, f"a balance of {LARGEST_BALANCE}"),
    ):
        reason = f"belongs to a contract with more than {what} in this file"
        yield Check("contract_number", code, reason, known & (pl.col(limited) > limit))
