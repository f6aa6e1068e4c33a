"""Reads the amounts of a column. The column shows which sign is the decimal one; a single row is never guessed."""

import re

import polars as pl

from portfolio.tabular.records import FileHead, FileProblem
from portfolio.tabular.typed import NUMBER_SIGN

_CURRENCY_SIGNS = {
    "MXN": r"\$|MX\$|M\.? ?N\.?|pesos",
    "BRL": r"R?\$|reais",
    "GBP": "£",
    "USD": r"(?:US)?\$|dollars",
    "EUR": "€|euros",
}
_SIGNS_OF_COUNTRY = {"BR": r"R?\$", "GB": "[£$]"}
_ANY_CURRENCY_SIGN = r"\$"
_SIGNED = r"(?i)^(?:-? ?(?:{sign})?|(?:{sign}) ?-) ?([0-9][0-9., ]*)$"
_TYPED = rf"^{NUMBER_SIGN}-?[0-9]+(\.[0-9]{{1,2}})?0*$"
_GROUPED_BY_SPACES = r"^[1-9][0-9]{0,2}( [0-9]{3})+([.,][0-9]+)?$"
_SHOWS = (
    r"^(?:[1-9][0-9]{{0,2}}(?:(?:{group}[0-9]{{3}})+{decimal}[0-9]+|(?:{group}[0-9]{{3}}){{2,}})"
    r"|[0-9]+{decimal}(?:[0-9]{{1,2}}|[0-9]{{4,}})|(?:0[0-9]*|[0-9]{{4,}}){decimal}[0-9]{{3}})$"
)
"""Amounts that can be read with this decimal sign alone.

They have groups and a decimal sign, or several groups, or other than three digits after the sign, or before it a 0 or
more than three digits, which no group has.
"""
_READ = r"^(?:[0-9]{{1,12}}|[1-9][0-9]{{0,2}}(?:{group}[0-9]{{3}}){{1,3}})(?:{decimal}[0-9]{{1,2}}0{{0,4}})?$"
_UNDECIDED = r"^[1-9][0-9]{0,2}[.,][0-9]{3}$"
_POINT, _COMMA = ({"decimal": r"\.", "group": ","}, {"decimal": ",", "group": r"\."})


def amounts(
    cells: pl.DataFrame, jurisdiction: str, currency: str | None, decimal: str, column: str = "amount_due"
) -> pl.Series:
    """Parse ``column``. The result is null for a text that is no amount, and for fractions of a cent.

    ``decimal`` is the decimal sign, ``.`` or ``,``. Numbers that had a type are read as they are.
    """
    signed = _signed(cells, signs_of(jurisdiction, currency), column)
    typed = pl.when(pl.col("written").str.contains(_TYPED)).then(
        pl.col("written").str.strip_prefix(NUMBER_SIGN).cast(pl.Decimal(14, 2), strict=False)
    )
    read = _read(pl.col("amount"), _COMMA if decimal == "," else _POINT)
    has_types = cells[column].str.contains(NUMBER_SIGN, literal=True).any()
    return signed.select(pl.coalesce(typed, read) if has_types else read).to_series()


def signs_of(jurisdiction: str, currency: str | None) -> str:
    """A pattern of what may stand before or behind an amount: the currency's code and signs."""
    known = _SIGNS_OF_COUNTRY.get(jurisdiction, _ANY_CURRENCY_SIGN)
    named = (re.escape(currency), _CURRENCY_SIGNS.get(currency)) if currency is not None else ()
    return "|".join(sign for sign in (known, *named) if sign is not None)


def _signed(cells: pl.DataFrame, sign: str, column: str) -> pl.DataFrame:
    text = _minus_in_front(pl.col(column), sign)
    written = pl.col(column).alias("written")
    return cells.select("row_number", written, amount=_digits(text, _SIGNED.format(sign=sign)))


def decimal_in(
    cells: pl.DataFrame, head: FileHead, jurisdiction: str, currency: str | None, column: str = "amount_due"
) -> str | None:
    """The decimal sign that the column shows, ``.`` or ``,``. None if it shows none.

    Raises ``FileProblem`` (ambiguous_amounts) when rows of the column contradict each other, or nothing in it shows
    whether 1,500 has a fraction.
    """
    signed = _signed(cells, signs_of(jurisdiction, currency), column)
    point, comma = (_first(signed, _SHOWS.format(**signs)) for signs in (_POINT, _COMMA))
    named = f"Column {head.header_of(column)!r}"
    if point and comma:
        raise FileProblem(
            "ambiguous_amounts",
            f"{named}: {point} has a decimal point, {comma} a decimal comma. Write all amounts in one way, such as "
            "1234.50.",
        )
    undecided = _first(signed, _UNDECIDED)
    if undecided and not (point or comma):
        raise FileProblem(
            "ambiguous_amounts",
            f"{named}: nothing shows whether {undecided} has a group of thousands or a fraction. Write all amounts "
            "with two decimals, such as 1500.00.",
        )
    return "," if comma else "." if point else None


def _minus_in_front(text: pl.Expr, sign: str) -> pl.Expr:
    """Accountants write a negative amount as (5.00) or 5.00-, and zero as a dash. A currency may stand behind it."""
    bare = text.str.replace(rf"(?i)^(?:{sign})? ?-$", "0")
    bare = bare.str.replace(rf"(?i)^(.*[0-9)\-]) ?(?:{sign})$", "$1")
    return bare.str.replace(rf"(?i)^(?:{sign})? ?\((.*)\)$", "-$1").str.replace(r"^(.*[0-9]) ?-$", "-$1")


def _digits(text: pl.Expr, pattern: str) -> pl.Expr:
    """The sign, digits and separators; null for other text. Groups may be separated by spaces."""
    body = text.str.extract(pattern, 1)
    spaced = body.str.contains(" ", literal=True)
    grouped = pl.when(body.str.contains(_GROUPED_BY_SPACES)).then(body.str.replace_all(" ", "", literal=True))
    sign = pl.when(text.str.contains("-", literal=True)).then(pl.lit("-")).otherwise(pl.lit(""))
    return pl.struct(sign=sign, body=pl.when(spaced).then(grouped).otherwise(body))


def _first(signed: pl.DataFrame, pattern: str) -> str | None:
    """The first row whose amount has the pattern, in words."""
    found = signed.filter(pl.col("amount").struct.field("body").str.contains(pattern)).head(1)
    return f"row {found['row_number'][0]} ({found['written'][0][:40]})" if len(found) else None


def _read(amount: pl.Expr, signs: dict[str, str]) -> pl.Expr:
    body = amount.struct.field("body")
    plain = body.str.replace_all(signs["group"], "").str.replace(signs["decimal"], ".")
    cents = plain.str.replace(r"(\.[0-9]{2})0+$", "$1")
    written = pl.concat_str(amount.struct.field("sign"), cents)
    return pl.when(body.str.contains(_READ.format(**signs))).then(written).cast(pl.Decimal(14, 2), strict=False)
