"""Findings from the cells of an address: its kind, its time zone, irregular numbering, and its issues."""

import polars as pl
from jurisdictions import places_of_address, postal_code_issue, state_named

from portfolio.files.reader.series import mapped
from portfolio.tabular.profiles import ADDRESS_COLUMNS, SECOND_ADDRESS, plain

_KINDS = {
    "personal": ("personal", "particular"),
    "commercial": ("commercial", "comercial"),
    "fiscal": ("fiscal",),
    "legal": ("legal",),
}
_KIND_OF = {written: kind for kind, ways in _KINDS.items() for written in ways}
OTHER_KIND = "other"
KINDS = (*_KINDS, OTHER_KIND)
"""The kinds of addresses. A contract has at most one address of each."""
PARTS = ("street", "exterior", "interior", "neighbourhood", "postal_code", "city", "state")
_IRREGULAR = r"(?i)^(s\s*/?\s*n\.?|sin n[uú]m(ero|\.)?|(mza?|manzana|lte?|lote|km)\b.*)$"


def with_address_findings(rows: pl.DataFrame, jurisdiction: str) -> pl.DataFrame:
    """Return ``rows`` with address_kind, timezone, irregular_numbering and address_issues.

    The issues are separated by blanks: unknown_kind, no_street, unknown_state, and those of ``postal_code_issue``. A
    row without an address has no issues and no kind.
    """
    kind = mapped(rows["address_kind"], lambda text: _KIND_OF.get(plain(text), OTHER_KIND))
    known_state = mapped(rows["state"], lambda text: state_named(jurisdiction, text))
    found = _joined(rows, jurisdiction).with_columns(kind.alias("kind_read"), known_state.alias("state_read"))
    # A column Estado may hold the status of the account, and Ext. the extension of a phone: alone they are no address.
    places = [part for part in PARTS if part not in ("state", "exterior", "interior")]
    has_address = pl.any_horizontal(pl.col(places).is_not_null()) | pl.col("state_read").is_not_null()
    issues = pl.concat_str(
        pl.when(pl.col("kind_read") == OTHER_KIND).then(pl.lit("unknown_kind")),
        pl.when(pl.col("street").is_null()).then(pl.lit("no_street")),
        pl.when(pl.col("state").is_not_null() & pl.col("state_read").is_null()).then(pl.lit("unknown_state")),
        pl.col("postal_code_issue"),
        separator=" ",
        ignore_nulls=True,
    ).replace("", None)
    return found.with_columns(
        pl.when(has_address).then(pl.col("kind_read").fill_null(OTHER_KIND)).alias("address_kind"),
        pl.when(has_address).then(issues).alias("address_issues"),
        pl.col("exterior").str.contains(_IRREGULAR).fill_null(value=False).alias("irregular_numbering"),
    )


def with_second_address(rows: pl.DataFrame, jurisdiction: str) -> pl.DataFrame:
    """Return ``rows`` with the same findings about the second address, if the rows have one."""
    if "address_kind_2" not in rows.columns:
        return rows
    parts = [column for column in SECOND_ADDRESS if column in rows.columns]
    second = rows.select(pl.col(column).alias(column.removesuffix("_2")) for column in parts)
    second = second.with_columns(
        pl.lit(None, pl.String).alias(column) for column in ADDRESS_COLUMNS if column not in second.columns
    )
    names = (*ADDRESS_COLUMNS, "timezone", "irregular_numbering", "address_issues")
    found = with_address_findings(second, jurisdiction).select(pl.col(name).alias(f"{name}_2") for name in names)
    return rows.drop(parts).hstack(found)


def _joined(rows: pl.DataFrame, jurisdiction: str) -> pl.DataFrame:
    """Return ``rows`` with ``timezone`` and ``postal_code_issue``, each computed once for each distinct place."""
    places = rows.select("state", "postal_code", "city").unique()
    zones = [
        plausible[0].timezone if (plausible := places_of_address(jurisdiction, *parts)) else None
        for parts in places.rows()
    ]
    codes = rows.select("postal_code", "state").unique()
    issues = [postal_code_issue(jurisdiction, code, state) for code, state in codes.rows()]
    return rows.join(
        places.with_columns(pl.Series("timezone", zones, dtype=pl.String)),
        on=["state", "postal_code", "city"],
        how="left",
        nulls_equal=True,
        maintain_order="left",
    ).join(
        codes.with_columns(pl.Series("postal_code_issue", issues, dtype=pl.String)),
        on=["postal_code", "state"],
        how="left",
        nulls_equal=True,
        maintain_order="left",
    )
