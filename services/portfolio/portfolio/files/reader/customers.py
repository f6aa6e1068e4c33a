"""Contracts whose rows name two customers. What is known of one customer would be said of the other."""

import polars as pl

from portfolio.files.reader.series import mapped
from portfolio.tabular.profiles import plain

TELLS_CUSTOMERS_APART = {
    "debtor_number": "customer numbers",
    "tax_id": "tax ids",
    "debtor_name": "names and no customer number",
}
"""The columns that tell customers apart, the surest first."""


def contracts_of_two_customers(cells: pl.DataFrame) -> pl.DataFrame:
    """Return the ``contract_number`` of each such contract, and in ``others`` the column that has two customers.

    Names have many spellings. They are compared only in contracts without any customer number and tax id.
    """
    found = [pl.DataFrame(schema={"contract_number": pl.String, "others": pl.String})]
    named = cells.select("contract_number", *TELLS_CUSTOMERS_APART).filter(pl.col("contract_number").is_not_null())
    for column in TELLS_CUSTOMERS_APART:
        several = _with_several(named, column)
        if column == "debtor_name":
            sure = named.filter(pl.col("debtor_number").is_not_null() | pl.col("tax_id").is_not_null())
            several = several.join(sure, on="contract_number", how="anti")
        several = _with_several(several.with_columns(mapped(several[column], plain).alias(column)), column)
        found.append(several.select("contract_number", pl.lit(column).alias("others")).unique())
    return pl.concat(found).unique("contract_number", keep="first", maintain_order=True)


def _with_several(named: pl.DataFrame, column: str) -> pl.DataFrame:
    """The distinct values of ``column`` of the contracts that have several."""
    distinct = named.select("contract_number", column).drop_nulls().unique()
    return distinct.filter(pl.len().over("contract_number") > 1)
