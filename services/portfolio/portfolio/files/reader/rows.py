"""Turns a portfolio file into two CSV files for COPY: the accepted and the rejected rows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from pathlib import Path
from uuid import UUID

import polars as pl
from jurisdictions import dialable_phone, profile

from portfolio.files.reader.addresses import with_address_findings
from portfolio.files.reader.checks import Check, amendment_checks, checks, code_page_checks, parse
from portfolio.files.reader.columns import ACCEPTED_COLUMNS, ACCEPTED_FILE, REJECTED_COLUMNS, REJECTED_FILE
from portfolio.files.reader.series import mapped
from portfolio.tabular.cells import value_of
from portfolio.tabular.code_pages import UNKNOWN, CodePages
from portfolio.tabular.csv import HEAD_BYTES, MAX_KEPT_CHARACTERS, encoding_of, inspect_head, records
from portfolio.tabular.records import CONTROL_CHARACTERS, FileHead, FileProblem, Record

MAX_REJECTED_ROWS = 200_000
"""A file with more rejected rows is refused whole. Nobody corrects so many rows one by one."""
_ROWS_AT_ONCE = 20_000
_ERROR = pl.Struct({"column": pl.String, "code": pl.String, "reason": pl.String})
_OURS = {"row_number": "rejected_row", "file_id": "amended_file"}
"""What a file of rejected rows says of each row: its number in the file to which it belongs, and that file."""
_UNREADABLE: dict[str, pl.DataType | type[pl.DataType]] = {
    "row_number": pl.Int64,
    "contract_number": pl.String,
    "faults": pl.List(_ERROR),
    "fields": pl.List(pl.String),
}


@dataclass(frozen=True)
class Summary:
    """The counts of a file.

    ``contracts`` counts contracts with at least one accepted row. ``amount_accepted`` is the sum of the accepted rows.
    """

    rows_read: int
    rows_accepted: int
    rows_rejected: int
    amount_accepted: Decimal
    contracts: int
    header: tuple[str, ...]


def read_portfolio_file(
    path: Path, out: Path, jurisdiction: str, code_pages: CodePages = UNKNOWN, amends: UUID | None = None
) -> Summary:
    """Read and check all of ``path``, and write ``accepted.csv`` and ``rejected.csv`` into the folder ``out``.

    ``amends`` is the file that this one amends. A row that names another file is rejected.

    Their columns are ``ACCEPTED_COLUMNS`` and ``REJECTED_COLUMNS``; an empty field is NULL. Raises ``FileProblem`` when
    nothing of the file can be loaded, ``CodePageUnsure``, and ``UnknownJurisdiction``.
    """
    profile(jurisdiction)
    with path.open("rb") as file:
        head = inspect_head(file.read(HEAD_BYTES))
    whole, unreadable = _frames(records(path, encoding_of(path, code_pages), head), head)
    if whole.is_empty() and unreadable.is_empty():
        raise FileProblem("empty", "The file has a header but no rows.")
    rows = parse(whole, head, jurisdiction).with_columns(whole.select(_OURS.values()))
    # A person who has confirmed the code page has seen the words.
    other_pages = code_page_checks(head) if code_pages.confirmed is None else ()
    rules = [*checks(head), *other_pages, *amendment_checks(amends)]
    accepted, rejected = _checked(rows, whole, head, rules, MAX_REJECTED_ROWS - len(unreadable))
    accepted = _completed(accepted, head, jurisdiction)
    rejected = pl.concat([rejected, _rejected_rows(unreadable)]).sort("row_number")
    amount = _total(accepted["amount"])
    accepted.write_csv(out / ACCEPTED_FILE)
    rejected.write_csv(out / REJECTED_FILE)
    return Summary(
        rows_read=len(accepted) + len(rejected),
        rows_accepted=len(accepted),
        rows_rejected=len(rejected),
        amount_accepted=amount,
        contracts=accepted["contract_number"].n_unique(),
        header=head.header,
    )


def _total(amounts: pl.Series) -> Decimal:
    total = amounts.cast(pl.Decimal(38, 2)).sum()
    return total if isinstance(total, Decimal) else Decimal("0.00")


def _frames(found: Iterable[Record], head: FileHead) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the readable records as text, and the unreadable records with their faults."""
    ours = {_OURS[column]: place for place, column in enumerate(head.our_columns) if column in _OURS}
    names = (*head.columns, *_OURS.values())
    schema: dict[str, type[pl.DataType]] = {"row_number": pl.Int64} | dict.fromkeys(names, pl.String)
    whole, unreadable = [pl.DataFrame(schema=schema)], [pl.DataFrame(schema=_UNREADABLE)]
    found = iter(found)
    while some := list(islice(found, _ROWS_AT_ONCE)):
        good = [record for record in some if not record.faults]
        columns = zip(*(record.fields for record in good), strict=True) if good else ((),) * len(head.columns)
        numbers = pl.Series("row_number", [record.number for record in good], dtype=pl.Int64)
        texts = (pl.Series(name, texts, dtype=pl.String) for name, texts in zip(head.columns, columns, strict=True))
        added = (
            pl.Series(name, [r.ours[ours[name]] if name in ours else None for r in good], dtype=pl.String)
            for name in _OURS.values()
        )
        whole.append(pl.DataFrame([numbers, *texts, *added]))
        bad = [_unreadable_row(record, head) for record in some if record.faults]
        unreadable.append(pl.DataFrame(bad, schema=_UNREADABLE, orient="row"))
    return pl.concat(whole), pl.concat(unreadable)


def _unreadable_row(record: Record, head: FileHead) -> tuple[object, ...]:
    place = head.columns.index("contract_number")
    contract = value_of(record.fields[place]) if place < len(record.fields) else None
    faults = [{"column": None, "code": fault.code, "reason": fault.reason} for fault in record.faults]
    return record.number, contract, faults, record.fields


def _checked(
    rows: pl.DataFrame, raw: pl.DataFrame, head: FileHead, rules: Sequence[Check], most_rejected: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the parsed rows without a problem, and the other rows as ``rejected.csv`` has them, with every problem.

    Raises ``FileProblem`` for more than ``most_rejected`` of the others.
    """
    failed = rows.select(rule.failed.fill_null(value=False).alias(str(place)) for place, rule in enumerate(rules))
    is_bad = failed.select(pl.any_horizontal(pl.all())).to_series()
    if is_bad.sum() > most_rejected:
        raise FileProblem("too_many_rejects", f"More than {MAX_REJECTED_ROWS:,} rows have problems. Correct the file.")
    errors = [_error(rule, head) for rule, rows_failed in zip(rules, failed, strict=True) if rows_failed.any()]
    refused = rows.filter(is_bad).with_columns(
        raw.filter(is_bad).select(pl.concat_list(head.columns).alias("fields")).to_series()
    )
    rejected = [_rejected_rows(pl.DataFrame(schema=_UNREADABLE))]
    # The rows are taken in slices, because every row of a big file may have many problems.
    for some in refused.iter_slices(_ROWS_AT_ONCE):
        faults = pl.concat_list(errors).list.drop_nulls().alias("faults")
        rejected.append(_rejected_rows(some.with_columns(faults)))
    return rows.filter(~is_bad), pl.concat(rejected)


def _error(rule: Check, head: FileHead) -> pl.Expr:
    error = pl.struct(
        pl.lit(head.header_of(rule.column)).alias("column"),
        pl.lit(rule.code).alias("code"),
        pl.lit(rule.reason).alias("reason"),
    )
    return pl.when(rule.failed).then(error)


def _rejected_rows(refused: pl.DataFrame) -> pl.DataFrame:
    # A contract number with control characters still identifies the incomplete contract, so they are removed from it.
    contract = pl.col("contract_number").str.replace_all(CONTROL_CHARACTERS, "").str.strip_chars()
    # PostgreSQL cannot store NUL in text or jsonb. The symbol for NUL takes its place.
    kept = pl.element().str.head(MAX_KEPT_CHARACTERS).str.replace_all("\0", "\u2400", literal=True)
    fields = pl.col("fields").list.eval(kept)
    return refused.select(
        "row_number",
        contract.str.head(200).replace("", None),
        _json_array(pl.col("faults")).alias("errors"),
        _json_array(fields).alias("cells"),
    ).select(REJECTED_COLUMNS)


def _json_array(items: pl.Expr) -> pl.Expr:
    """polars encodes only structs as JSON, so the list is wrapped in a struct and the wrapping is removed again."""
    wrapped = pl.struct(items.alias("x")).struct.json_encode()
    return wrapped.str.strip_prefix('{"x":').str.head(-1)


def _completed(rows: pl.DataFrame, head: FileHead, jurisdiction: str) -> pl.DataFrame:
    """Add derived columns to the good rows: instalment numbers, dialable phones and findings about addresses."""
    if "instalment_number" not in head.columns:
        by_due_date = pl.col("due_on").rank("ordinal").over("contract_number")
        rows = rows.with_columns(by_due_date.cast(pl.Int32).alias("number"))
    phones = [
        mapped(rows[phone], lambda raw: dialable_phone(raw, jurisdiction)).alias(f"{phone}_e164")
        for phone in ("phone_1", "phone_2")
    ]
    rejected_row = pl.when(pl.col("rejected_row").str.contains(r"^[0-9]{1,9}$")).then("rejected_row").cast(pl.Int32)
    rows = rows.with_columns(
        *phones, rejected_row, pl.col("number").alias("instalment_number"), pl.col("kind").alias("debtor_kind")
    )
    return with_address_findings(rows, jurisdiction).select(ACCEPTED_COLUMNS)
