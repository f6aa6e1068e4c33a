"""Shows how a file would be read: its columns, the first rows, and what is not understood."""

from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from portfolio.files.reader.amounts import decimal_in
from portfolio.files.reader.checks import Reading, checks, parse
from portfolio.files.reader.components import READ_AS
from portfolio.files.reader.rows import frames_of, refused_rows
from portfolio.files.reader.trailers import TrailerFinder
from portfolio.tabular.code_pages import UNKNOWN, CodePages, CodePageUnsure
from portfolio.tabular.csv import encoding_of, records
from portfolio.tabular.heads import checked_head, meaning_of, named_file, profile_fields
from portfolio.tabular.opening import Opened, first_bytes_of, opened
from portfolio.tabular.profiles import FIELDS, SPANISH_HEADERS, named
from portfolio.tabular.records import FileHead, FileProblem
from portfolio.tabular.typed import NUMBER_SIGN

ROWS_SHOWN = 20
EXAMPLES = 3
_ROWS_READ = 2_000
"""So many first rows show how dates and amounts are written."""
_EXAMPLE_CHARACTERS = 60
_READ_AS = {"due_date": "due_on", "amount_due": "amount", "instalment_number": "number"} | READ_AS


def preview(path: Path, folder: Path, reading: Reading, code_pages: CodePages = UNKNOWN) -> dict[str, Any]:
    """Return how the file would be read, as JSON. Missing or doubled columns are warnings.

    Raises ``FileProblem`` when the file cannot be opened at all.
    """
    reading = reading._replace(layout=replace(reading.layout, is_draft=True))
    source = opened(path, folder, reading.layout)
    head, warnings = source.head, [*source.warnings]
    problem = _problem_of(head, reading)
    encoding = source.encoding
    if encoding is None:
        try:
            encoding = encoding_of(source.path, code_pages)
        except CodePageUnsure as unsure:
            encoding = unsure.readings[0].code_page
            warnings.append("It is not sure in which code page the file is. When it is loaded, a person is asked.")
    trailer = TrailerFinder(head, reading.layout)
    found = trailer.without(islice(records(source.path, encoding, head), _ROWS_READ))
    whole, unreadable = frames_of(found, head)
    warnings += trailer.warnings
    rows, rejects = pl.DataFrame(), pl.DataFrame()
    if problem is None:
        rows, rejects, problem = _read(whole, unreadable, head, reading)
    elif head.known:
        rows, _ = _parsed(whole, head, reading)
    if problem is not None:
        warnings.insert(0, problem.detail)
    meaning = meaning_of(_names(head), reading.layout)
    warnings += _passed_over(head, reading)
    return {
        "format": source.format,
        "encoding": encoding if source.format == "csv" else None,
        "separator": head.delimiter if source.format == "csv" else None,
        "sheet": source.sheet,
        "header_row": source.header_row,
        "columns": _columns(head, whole, dict(zip(_names(head), meaning.confidences, strict=False))),
        "rows": [_row(row, head, reading) for row in rows.head(ROWS_SHOWN).iter_rows(named=True)],
        "rejects": [_reject(row) for row in rejects.head(ROWS_SHOWN).iter_rows(named=True)],
        "warnings": warnings,
        "problem": None if problem is None else problem.code,
        "profile": _profile(source, encoding, whole, reading, loads=problem is None),
        "is_rejects": bool(head.ours),
        "names_file": _file_named(source, whole),
    }


def _problem_of(head: FileHead, reading: Reading) -> FileProblem | None:
    names = _names(head)
    layout = replace(reading.layout, is_draft=False)
    try:
        checked_head(names, meaning_of(names, layout), layout, head.delimiter, head.skipped_lines)
    except FileProblem as problem:
        return problem
    return None


def _names(head: FileHead) -> tuple[str, ...]:
    return head.header


def _read(
    whole: pl.DataFrame, unreadable: pl.DataFrame, head: FileHead, reading: Reading
) -> tuple[pl.DataFrame, pl.DataFrame, FileProblem | None]:
    rows, problem = _parsed(whole, head, reading)
    accepted, rejected = refused_rows(rows, whole, head, checks(head), unreadable)
    return accepted, rejected, problem


def _parsed(whole: pl.DataFrame, head: FileHead, reading: Reading) -> tuple[pl.DataFrame, FileProblem | None]:
    try:
        return parse(whole, head, reading), None
    except FileProblem as ambiguous:
        # The rows are shown in one of the two ways, so that a person sees what is meant.
        sure = replace(reading.layout, decimal=reading.layout.decimal or ".", dates=reading.layout.dates or "dmy")
        return parse(whole, head, reading._replace(layout=sure)), ambiguous


def _columns(head: FileHead, whole: pl.DataFrame, confidences: dict[str, float]) -> list[dict[str, Any]]:
    names = [name for name in whole.columns if name in head.known or name.startswith("foreign ")]
    return [
        {
            "source": source,
            "field": field,
            "confidence": confidences.get(source, 0.0) if field is not None else 0.0,
            "examples": _examples(whole[name]),
        }
        for source, field, name in zip(head.header, profile_fields(head), names, strict=True)
    ]


def _examples(cells: pl.Series) -> list[str]:
    distinct = cells.head(200).str.strip_chars().replace("", None).drop_nulls().unique(maintain_order=True)
    return [cell.replace(NUMBER_SIGN, "").replace("\0", "\u2400")[:_EXAMPLE_CHARACTERS] for cell in distinct[:EXAMPLES]]


def _row(row: dict[str, Any], head: FileHead, reading: Reading) -> dict[str, Any]:
    shown: dict[str, Any] = {"row_number": row["row_number"]}
    said = {
        *head.known,
        *(["debtor_name"] if head.name_parts else ()),
        *reading.layout.constants,
        *reading.layout.defaults,
    }
    for field in (one for one in FIELDS if one in said and one in row):
        value = row[_READ_AS.get(field, field)]
        shown[field] = None if value is None else str(value)
    return shown


def _reject(row: dict[str, Any]) -> dict[str, Any]:
    return {"row_number": row["row_number"], "errors": row["errors"], "cells": row["cells"]}


def _passed_over(head: FileHead, reading: Reading) -> list[str]:
    warnings = []
    if head.name_parts:
        joined = ", ".join(repr(head.header_of(part)[:_EXAMPLE_CHARACTERS]) for part in head.name_parts)
        whole = repr(head.header_of("debtor_name")[:_EXAMPLE_CHARACTERS])
        where = f", where {whole} is empty" if "debtor_name" in head.columns else ""
        warnings.append(f"The name is joined from these columns{where}: {joined}.")
    for field, names in meaning_of(_names(head), reading.layout).passed.items():
        shown = ", ".join(repr(name[:_EXAMPLE_CHARACTERS]) for name in names)
        warnings.append(f"These columns may be {named(field, SPANISH_HEADERS)} too, and are left alone: {shown}.")
    if foreign := [name for name, column in zip(head.header, head.columns, strict=True) if column is None and name]:
        shown = ", ".join(repr(name[:_EXAMPLE_CHARACTERS]) for name in foreign[:50])
        warnings.append(f"These columns are not understood, and are left alone: {shown}.")
    return warnings


def _profile(source: Opened, encoding: str, whole: pl.DataFrame, reading: Reading, *, loads: bool) -> dict[str, Any]:
    head, layout = source.head, reading.layout
    decimal = layout.decimal
    if decimal is None and loads and "amount_due" in whole.columns:
        decimal = decimal_in(_trimmed(whole), head, reading.jurisdiction, reading.currency)
    return {
        "format": source.format,
        "encoding": encoding if source.format == "csv" and encoding.startswith("utf-16") else None,
        "separator": head.delimiter if source.format == "csv" else None,
        "sheet": source.sheet if layout.sheet is not None else None,
        "header_row": layout.header_row,
        "columns": [
            {"source": name, "field": field}
            for name, field in zip(head.header, profile_fields(head), strict=True)
            if name
        ],
        "constants": dict(layout.constants),
        "defaults": dict(layout.defaults),
        "decimal": decimal,
        "dates": layout.dates,
        "trailer": None if layout.trailer is None else vars(layout.trailer),
    }


def _trimmed(whole: pl.DataFrame) -> pl.DataFrame:
    return whole.select("row_number", pl.col("amount_due").str.strip_chars())


def _file_named(source: Opened, whole: pl.DataFrame) -> str | None:
    if "file_id" not in source.head.our_columns:
        return None
    named = whole["amended_file"].drop_nulls().str.strip_chars().replace("", None).drop_nulls()
    return named[0] if len(named) else named_file(first_bytes_of(source.path), source.head)
