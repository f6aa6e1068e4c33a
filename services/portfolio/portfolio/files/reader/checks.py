"""Parses the cells of a portfolio file's rows and lists every reason to refuse a row.

All of these are expressions over whole columns. No row is handled alone.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

import polars as pl

from portfolio.files.reader.amounts import amounts
from portfolio.files.reader.columns import PARTY_PHONES
from portfolio.files.reader.components import component_faults, with_components
from portfolio.files.reader.customers import TELLS_CUSTOMERS_APART, contracts_of_two_customers
from portfolio.files.reader.days import days, is_day_first
from portfolio.files.reader.plans import due_date_of, with_plans
from portfolio.files.reader.series import cleaned, mapped, without_type
from portfolio.files.reader.written import DAYS, Written, written_in
from portfolio.ledger.limits import (
    CONTACTS_OF_CONTRACT,
    CONTACTS_OF_PARTY,
    LARGEST_BALANCE,
    PARTIES,
    PARTY_CHARACTERS,
    ROWS_OF_CONTRACT,
)
from portfolio.tabular.cells import text_of, value_of
from portfolio.tabular.layouts import UNKNOWN_LAYOUT, Layout
from portfolio.tabular.profiles import (
    AREA_CODES,
    COMPONENTS,
    FILE_COLUMNS,
    NAME_PARTS,
    PARTY_COLUMN,
    PEOPLE,
    REPEATED,
    SECOND_ADDRESS,
    plain,
)
from portfolio.tabular.records import CONTROL_CHARACTERS, FileHead

MAX_TEXT_CHARACTERS = 200
_FIRST_DAY, _LAST_DAY = date(2000, 1, 1), date(2100, 12, 31)
_DIGITS_WITH_AREA_CODE = 10
_NUMBER = r"^([0-9]{1,9})(?:[.,]0+| ?(?:/|de|of) ?[0-9]{1,9})?$"
"""The number of an instalment, also as 3/12 or 3 of 12."""
_DAY_NUMBER = r"^[1-9][0-9]{4}(\.[0-9]+)?$"
_DAY_OF_CALENDAR = r"^(?:[0-9]{1,2}[/.-][0-9]{1,2}[/.-][0-9]{4}|[0-9]{4}[/.-][0-9]{1,2}[/.-][0-9]{1,2})$"
_SHORT_YEAR = r"^[0-9]{1,2}([/.-])[0-9]{1,2}[/.-][0-9]{2}$"
_SCIENTIFIC = r"(?i)^[+-]?[0-9]+([.,][0-9]+)?E[+-][0-9]{1,3}$|^[+-]?[0-9]+[.,][0-9]+E[0-9]{1,3}$"
_DECIMAL = r"^[0-9]+[.,]0+$"
_SPREADSHEET_ERROR = r"^#(N/[AD]|#+|[¡¿]?[\p{Lu}\d_/]+[!?])$"
_LOST_LETTER = r"\x{FFFD}|[ÃÂ][\x{A1}-\x{BF}€‚ƒ„…†‡ˆ‰Š‹ŒŽ•˜™š›œžŸ]"
"""The sign for a lost letter, or UTF-8 that was taken for Windows-1252: Muñoz for Muñoz."""
_SIGN_IN_WORD = "[A-Za-z][¤¢£¥‚ƒ„†‡‰¦§±¬¡¿][A-Za-z]"
"""What is left of Muñoz or Garza García when DOS is taken for Windows."""
_TEXTS = frozenset(
    {
        "debtor_name",
        *NAME_PARTS,
        "debtor_kind",
        "product",
        "language",
        "original_creditor",
        "address_kind",
        "street",
        "exterior",
        "interior",
        "neighbourhood",
        "city",
        "state",
        "frequency",
        *(column for column in SECOND_ADDRESS if column != "postal_code_2"),
        *(name for name, column in PARTY_COLUMN.items() if column.what == "name"),
    }
)
"""The columns that hold text. The others hold values, of which each has one spelling."""
_NAMES = frozenset({"debtor_name", *NAME_PARTS})
_DEBTOR_KINDS = {
    "person": ("person", "fisica", "personafisica", "pf", "pfae", "individual", "natural"),
    "company": ("company", "moral", "personamoral", "pm", "juridica"),
}
_DEBTOR_KIND_OF = {written: kind for kind, ways in _DEBTOR_KINDS.items() for written in ways}


_CURRENCIES = {
    currency: frozenset(names.split())
    for currency, names in {
        "MXN": "mxp mn peso pesos pesomexicano pesosmexicanos monedanacional nacional",
        "BRL": "r real reais",
        "USD": "us dls dolar dolares dollar dollars dolaresamericanos",
        "EUR": "euro euros",
        "GBP": "libra libras pound pounds",
    }.items()
}
"""How files call a currency besides its code."""
_PHONES = (*REPEATED["phone"], *PARTY_PHONES)
_IDENTIFIERS = (
    *("contract_number", "debtor_number", "tax_id"),
    *(name for name, column in PARTY_COLUMN.items() if column.what == "tax_id"),
    *_PHONES,
)
TYPED = frozenset({"due_date", "amount_due", *COMPONENTS, *DAYS})
"""The columns whose numbers and dates a workbook keeps by their types."""


class Check(NamedTuple):
    """A reason to refuse a row. ``failed`` is true in rows whose ``column`` has this problem."""

    column: str
    code: str
    reason: str
    failed: pl.Expr


class Reading(NamedTuple):
    """How the cells of a file are read: by the country of the portfolio, its currency, and what a profile says."""

    jurisdiction: str
    currency: str | None = None
    layout: Layout = UNKNOWN_LAYOUT


def written_like(raw_of: Callable[[str], pl.DataFrame], head: FileHead, reading: Reading) -> Written:
    """How the file is written whose raw cells ``raw_of`` gives by column, with ``row_number``.

    Raises ``FileProblem`` when a whole column can be read in two ways.
    """
    return _written(lambda column: _filled(_cleaned(raw_of(column), head), head, reading.layout), head, reading)


def _written(cells_of: Callable[[str], pl.DataFrame], head: FileHead, reading: Reading) -> Written:
    return written_in(
        cells_of,
        head,
        reading.jurisdiction,
        reading.currency,
        decimal=reading.layout.decimal,
        days_first=is_day_first(head, reading.jurisdiction),
        order=reading.layout.dates,
    )


def _other_currency(cells: pl.DataFrame, currency: str | None) -> pl.Series:
    """True in rows that name another currency than that of the portfolio."""
    if "currency" not in cells.columns or currency is None:
        return pl.repeat(value=False, n=len(cells), eager=True)
    names = _CURRENCIES.get(currency, frozenset()) | {plain(currency), ""}
    known = mapped(cells["currency"], lambda text: "known" if plain(text) in names else None)
    return cells["currency"].is_not_null() & known.is_null()


def contract_numbers(raw: pl.DataFrame, head: FileHead, reading: Reading) -> pl.Series:
    """The contract numbers as ``parse`` reads them."""
    cells = raw.select("row_number", *(name for name in raw.columns if name == "contract_number"))
    return _filled(_cleaned(cells, head), head, reading.layout)["contract_number"]


def parse(raw: pl.DataFrame, head: FileHead, reading: Reading, written: Written | None = None) -> pl.DataFrame:
    """Clean the cells (an empty cell is null), and parse them into ``due_on``, ``amount``, ``number`` and ``kind``.

    ``raw`` has all rows of each contract that it has any of. ``written`` is how the whole file is written; without it
    these rows show it.

    ``twice`` marks all rows of an instalment that has several, including rows with other problems. Without instalment
    numbers the due date identifies an instalment of a contract. ``others`` names a column in which the rows of the
    contract name two customers. Raises ``FileProblem`` when a whole column can be read in two ways.
    """
    layout = reading.layout
    cells = _filled(_cleaned(raw, head), head, layout)
    number = pl.col("instalment_number")
    written = written or _written(lambda _: cells, head, reading)
    whose = (reading.jurisdiction, reading.currency)
    cells = cells.with_columns(
        days(cells, written.forms["due_date"], order=layout.dates).alias("due_on"),
        amounts(cells, *whose, written.decimals["amount_due"]).alias("amount"),
        number=number.str.extract(_NUMBER, 1).cast(pl.Int32, strict=False),
        other_currency=_other_currency(cells, reading.currency),
    )
    cells = with_components(cells, *whose, written, layout.dates)
    if head.has_plans:
        cells = with_plans(cells)
    count = pl.col("count").fill_null(1) if head.has_plans else pl.lit(1)
    owed = pl.col("amount").cast(pl.Decimal(38, 2)) * (count if head.amount_of_each else 1)
    identity = ["contract_number", "number" if "instalment_number" in head.columns else "due_on"]
    known = pl.all_horizontal(pl.col(identity).is_not_null())
    rows = cells.with_columns(
        mapped(cells["debtor_kind"], lambda text: _DEBTOR_KIND_OF.get(plain(text))).alias("kind"),
        (known & (pl.len().over(identity) > 1)).alias("twice"),
        (count.sum() if head.has_plans else pl.len()).over("contract_number").alias("rows_of_contract"),
        owed.sum().over("contract_number").alias("owed_by_contract"),
    )
    for facts in (_contacts_of_contracts(rows), contracts_of_two_customers(cells)):
        rows = rows.join(facts, on="contract_number", how="left", maintain_order="left")
    return rows


def _cleaned(raw: pl.DataFrame, head: FileHead) -> pl.DataFrame:
    def clean(column: str) -> pl.Series:
        # What a number is, its own column knows: elsewhere it is text.
        cells = raw[column] if column in TYPED else without_type(raw[column])
        return cleaned(cells, text_of if column in _TEXTS else value_of)

    return raw.select("row_number", *map(clean, (column for column in head.known if column in raw.columns)))


def _filled(cells: pl.DataFrame, head: FileHead, layout: Layout) -> pl.DataFrame:
    """Add the columns that the file lacks, the constants of the profile, and its defaults for empty cells."""

    def said(column: str, value: str) -> pl.Expr:
        return pl.lit((text_of if column in _TEXTS else value_of)(value) or None, pl.String)

    absent = [
        one
        for one in (*FILE_COLUMNS, *_of_stated_roles(head.columns, layout.constants))
        if one not in head.columns and one not in layout.constants
    ]
    cells = cells.with_columns(
        *(pl.lit(None, pl.String).alias(column) for column in absent),
        *(said(column, value).alias(column) for column, value in layout.constants.items()),
    )
    cells = _with_area_codes(_with_joined_names(cells))
    there = {*head.known, *FILE_COLUMNS}.intersection(cells.columns)
    return cells.with_columns(
        pl.col(column).fill_null(said(column, value)) for column, value in layout.defaults.items() if column in there
    )


def _with_joined_names(cells: pl.DataFrame) -> pl.DataFrame:
    """Join the parts of the debtor's name where no cell holds the whole name.

    Creditors write the whole name into the column of the given name too, beside those of the surnames.
    """
    parts = [part for part in NAME_PARTS if part in cells.columns]
    if not parts or "debtor_name" not in cells.columns:
        return cells
    first, rest = pl.col(parts[0]), pl.concat_str(parts[1:], separator=" ", ignore_nulls=True).replace("", None)
    plain_first, plain_rest = first.str.to_lowercase(), rest.str.to_lowercase()
    is_whole = plain_first.str.ends_with(" " + plain_rest) | plain_first.str.starts_with(plain_rest + " ")
    joined = pl.concat_str(first, rest, separator=" ", ignore_nulls=True).replace("", None)
    name = pl.when(is_whole).then(first).otherwise(joined)
    return cells.with_columns(pl.coalesce("debtor_name", name).alias("debtor_name"))


def _with_area_codes(cells: pl.DataFrame) -> pl.DataFrame:
    """Put the area code in front of a phone that is shorter than one with its area code."""
    pairs = zip(AREA_CODES, REPEATED["phone"], strict=True)
    return cells.with_columns(
        pl.when(pl.col(phone).str.count_matches("[0-9]") < _DIGITS_WITH_AREA_CODE)
        .then(pl.concat_str(code, phone, separator=" ", ignore_nulls=True))
        .otherwise(phone)
        .alias(phone)
        for code, phone in pairs
        if code in cells.columns and phone in cells.columns
    )


def _of_stated_roles(columns: Collection[str | None], constants: Collection[str]) -> Iterable[str]:
    """The columns of each person beside the debtor of whom the file says anything."""
    for names in PEOPLE.values():
        if any(name in columns or name in constants for name in names):
            yield from names


def _contacts_of_contracts(rows: pl.DataFrame) -> pl.DataFrame:
    """Count the distinct phones and e-mails of the contracts that may have too many."""
    columns = [name for names in REPEATED.values() for name in names if name in rows.columns]
    many = rows.filter(pl.col("rows_of_contract") * len(columns) > CONTACTS_OF_CONTRACT)
    values = many.unpivot(columns, index="contract_number").drop_nulls()
    return values.group_by("contract_number").agg(pl.col("value").n_unique().alias("contacts_of_contract"))


def checks(head: FileHead) -> list[Check]:
    """Every reason to refuse a row with all its fields, in the order in which reasons are listed to the creditor."""
    return [
        *text_checks(head.known),
        *_joined_name_checks(head),
        *identifier_checks(head.known, _IDENTIFIERS),
        *_value_checks(),
        *_currency_checks(head),
        *_instalment_checks(head),
        *_plan_checks(head),
        *(Check(*fault) for fault in component_faults()),
        *_contract_checks(),
        *_party_checks(head),
    ]


def _joined_name_checks(head: FileHead) -> Iterable[Check]:
    if head.name_parts:
        reason = f"makes a name longer than {MAX_TEXT_CHARACTERS} characters with the other parts"
        is_long = pl.col("debtor_name").str.len_chars() > MAX_TEXT_CHARACTERS
        # A cell that is too long by itself is reported already.
        cells = pl.max_horizontal(pl.col(one).str.len_chars() for one in head.known if one in _NAMES)
        yield Check(head.name_parts[0], "too_long", reason, is_long & (cells <= MAX_TEXT_CHARACTERS))


def code_page_checks(head: FileHead) -> Iterable[Check]:
    """Some rows may be in another code page than the file, when a creditor joins the files of its branches."""
    for column in head.known:
        if column in _TEXTS:
            reason = "contains a sign inside a word, as text in another code page has it"
            yield Check(column, "bad_encoding", reason, pl.col(column).str.contains(_SIGN_IN_WORD))


def amendment_checks(amends: UUID | None) -> Iterable[Check]:
    """``amended_file`` is the file to which the row says that it belongs."""
    if amends is not None:
        named = pl.col("amended_file").str.strip_chars().str.to_lowercase()
        other = named.is_not_null() & ~named.is_in(["", str(amends)])
        yield Check("file_id", "other_file", f"is not the file that is amended, {amends}", other)


def text_checks(columns: Iterable[str]) -> Iterable[Check]:
    """What no cell may hold."""
    for column in columns:
        text = pl.col(column)
        yield Check(column, "control_character", "contains a control character", text.str.contains(CONTROL_CHARACTERS))
        lost = "contains a letter that was lost or garbled before the file was sent"
        yield Check(column, "bad_encoding", lost, text.str.contains(_LOST_LETTER))
        error = "is an error value of a spreadsheet"
        yield Check(column, "spreadsheet_error", error, text.str.contains(_SPREADSHEET_ERROR))
        most = PARTY_CHARACTERS if column in PARTY_COLUMN else MAX_TEXT_CHARACTERS
        yield Check(column, "too_long", f"is longer than {most} characters", text.str.len_chars() > most)


def identifier_checks(columns: Iterable[str], identifiers: Iterable[str]) -> Iterable[Check]:
    """A spreadsheet took the identifier for a number or a formula, and digits may be lost.

    A phone that ends in .0 is kept as it is written and is not dialled, so that the debt is loaded all the same.
    """
    scientific = "is a number in scientific notation, whose last digits are lost; export the column as text"
    decimal = "ends in .0: it was taken for a number and may have lost zeros at its start; export the column as text"
    for column in identifiers:
        text = pl.col(column)
        if column in columns:
            yield Check(column, "spreadsheet_number", scientific, text.str.contains(_SCIENTIFIC))
        if column in columns and column not in _PHONES:
            yield Check(column, "spreadsheet_number", decimal, text.str.contains(_DECIMAL))
            yield Check(column, "formula", "is a formula of a spreadsheet, not a value", text.str.starts_with("="))


def _value_checks() -> Iterable[Check]:
    yield Check("contract_number", "no_contract", "is empty", pl.col("contract_number").is_null())
    yield Check("debtor_name", "no_name", "is empty", pl.col("debtor_name").is_null())
    unknown = pl.col("debtor_kind").is_not_null() & pl.col("kind").is_null()
    yield Check("debtor_kind", "bad_kind", "is neither a person (Física) nor a company (Moral)", unknown)
    yield from day_checks()
    yield from amount_checks()


def day_checks() -> Iterable[Check]:
    """``due_on`` is read from ``due_date``."""
    day, given = pl.col("due_on"), pl.col("due_date").is_not_null()
    short = pl.col("due_date").str.contains(_SHORT_YEAR) & day.is_null()
    counted = pl.col("due_date").str.contains(_DAY_NUMBER) & day.is_null()
    never = pl.col("due_date").str.contains(_DAY_OF_CALENDAR) & day.is_null()
    outside = ~day.is_between(_FIRST_DAY, _LAST_DAY)
    yield Check("due_date", "bad_date", "is empty", ~given)
    yield Check(
        "due_date",
        "bad_date",
        "is not a date such as 30/11/2026 or 2026-11-30",
        given & day.is_null() & ~short & ~counted & ~never,
    )
    yield Check("due_date", "bad_date", "is a day that the calendar does not have", never)
    number = "is the number by which a spreadsheet counts a day; format the column as a date, and save the file again"
    yield Check("due_date", "bad_date", number, counted)
    yield Check("due_date", "bad_date", "has a year of two digits; write all four", short)
    yield Check("due_date", "bad_date", f"is not between {_FIRST_DAY} and {_LAST_DAY}", outside)


def amount_checks() -> Iterable[Check]:
    """``amount`` is read from ``amount_due``."""
    amount, given = pl.col("amount"), pl.col("amount_due").is_not_null()
    yield Check("amount_due", "bad_amount", "is empty", ~given)
    unread = "is not an amount such as 1234.50 of at most 12 digits before the point and 2 after it"
    yield Check("amount_due", "bad_amount", unread, given & amount.is_null())
    yield Check("amount_due", "negative_amount", "is negative", amount < 0)
    yield Check("amount_due", "zero_amount", "is zero", amount == 0)


def _currency_checks(head: FileHead) -> Iterable[Check]:
    if "currency" in head.known:
        reason = "is another currency than that of the portfolio"
        yield Check("currency", "other_currency", reason, pl.col("other_currency"))


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


def _plan_checks(head: FileHead) -> Iterable[Check]:
    """A plan that cannot be read whole would be a debt that nobody owes."""
    if not head.has_plans:
        return
    count, every = pl.col("count"), pl.col("every")
    reason = f"is not a number of instalments from 1 to {ROWS_OF_CONTRACT:,}"
    yield Check("instalment_count", "bad_instalment_count", reason, count.is_null())
    unknown = "is not a frequency that is known, such as mensual, quincenal, semanal, monthly"
    yield Check("frequency", "bad_frequency", unknown, (count > 1) & every.is_null())
    late = due_date_of(count.cast(pl.Int64) - 1) > _LAST_DAY
    yield Check("due_date", "bad_date", f"is not between {_FIRST_DAY} and {_LAST_DAY}", (count > 1) & late)
    if not head.amount_of_each:
        little = pl.col("amount").gt(0) & (pl.col("amount") * 100 < count)
        yield Check("amount_due", "bad_amount", "is less than a cent for each instalment", little)


def _party_checks(head: FileHead) -> Iterable[Check]:
    """The people besides the debtor are facts of the contract, so too many of them refuse all of its rows."""
    known = pl.col("contract_number").is_not_null()
    stated = [columns for columns in PEOPLE.values() if any(one in head.known for one in columns)]
    parties = [_several(columns) for columns in stated]
    if not parties:
        return
    reason = f"belongs to a contract with more than {PARTIES} people besides the debtor in this file"
    yield Check("contract_number", "too_many_parties", reason, known & (pl.sum_horizontal(parties) > PARTIES))
    reason = f"has a person with more than {CONTACTS_OF_PARTY} phones and e-mails in this file"
    for columns in stated:
        kinds = ("phone", "email")
        contacts = [one for one in columns if one in head.known and PARTY_COLUMN[one].what in kinds]
        if contacts:
            person = ("contract_number", columns[0])
            many = pl.sum_horizontal(pl.col(column).drop_nulls().n_unique().over(person) for column in contacts)
            yield Check(contacts[0], "too_many_contacts", reason, known & (many > CONTACTS_OF_PARTY))


def _several(columns: Sequence[str]) -> pl.Expr:
    """How many people the rows of a contract name in these columns. A phone without a name is one more."""
    there = pl.any_horizontal(pl.col(column).is_not_null() for column in columns)
    name = pl.when(there).then(pl.col(columns[0]).fill_null(""))
    return name.drop_nulls().n_unique().over("contract_number")


def _contract_checks() -> Iterable[Check]:
    """Half a debt is worse than none, so every row of a contract that is too large is refused."""
    known = pl.col("contract_number").is_not_null()
    for column, what in TELLS_CUSTOMERS_APART.items():
        reason = f"belongs to a contract whose rows have different {what}; one contract has one customer"
        yield Check(column, "two_customers", reason, known & (pl.col("others") == column))
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
