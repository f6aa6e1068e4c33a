"""Read a portfolio file whole, in a process of its own, so that the service answers meanwhile and its memory returns.

    python -m portfolio.intake FILE FOLDER --jurisdiction MX --portfolio ID --creditor ID

writes into FOLDER what ``portfolio.reading`` does, and what the good rows say of each contract: ``contracts.csv``,
``contacts.csv``, ``addresses.csv``. It prints the summary as JSON, or {"problem": {code, detail}} and exits 1.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from uuid import UUID

import polars as pl

from portfolio.decoding import FileProblem
from portfolio.identities import address_id_of, contact_id_of, contract_id_of, debtor_id_of
from portfolio.reading import ACCEPTED_FILE, REJECTED_FILE, Summary, read_portfolio_file

CONTRACTS_FILE = "contracts.csv"
CONTACTS_FILE = "contacts.csv"
ADDRESSES_FILE = "addresses.csv"

_DEBTOR = ("debtor_number", "debtor_name", "debtor_kind", "tax_id", "product")
_ADDRESS = ("street", "exterior", "interior", "neighbourhood", "postal_code", "city", "state")
CONTRACT_COLUMNS = ("contract_number", "contract_id", "incomplete", "debtor_id", *_DEBTOR)
CONTACT_COLUMNS = ("contract_id", "contact_id", "kind", "value", "dialable", "timezone", "rank")
ADDRESS_COLUMNS = ("contract_id", "address_id", "kind", *_ADDRESS, "irregular_numbering", "issues")

_MOST_CONTACTS = 30_000
_NICENESS = 10


def take_in(file: Path, folder: Path, jurisdiction: str, portfolio_id: UUID, creditor_id: UUID) -> Summary:
    """What the command above does; ``FileProblem`` when nothing of the file can be loaded."""
    summary = read_portfolio_file(file, folder, jurisdiction)
    write_contracts(folder, portfolio_id, creditor_id)
    return summary


def write_contracts(folder: Path, portfolio_id: UUID, creditor_id: UUID) -> None:
    """Sum up ``accepted.csv`` and ``rejected.csv`` by contract, with the ids of contracts, debtors, points, addresses.

    A contract is called what its first row calls it. A contract that has bad rows alone is listed without a debtor.
    """
    rows = pl.read_csv(folder / ACCEPTED_FILE, infer_schema=False)
    rejected = pl.read_csv(folder / REJECTED_FILE, infer_schema=False, columns=["contract_number"])
    contracts = _contracts(rows, rejected, portfolio_id, creditor_id)
    contracts.select(CONTRACT_COLUMNS).write_csv(folder / CONTRACTS_FILE)
    rows = rows.join(contracts.select("contract_number", "contract_id"), on="contract_number", maintain_order="left")
    _contacts(rows).select(CONTACT_COLUMNS).write_csv(folder / CONTACTS_FILE)
    _addresses(rows).select(ADDRESS_COLUMNS).write_csv(folder / ADDRESSES_FILE)


def _contracts(rows: pl.DataFrame, rejected: pl.DataFrame, portfolio_id: UUID, creditor_id: UUID) -> pl.DataFrame:
    good = rows.group_by("contract_number").agg(pl.col(name).drop_nulls().first() for name in _DEBTOR)
    bad = rejected.drop_nulls().unique().with_columns(incomplete=pl.lit(value=True))
    contracts = good.join(bad, on="contract_number", how="full", coalesce=True).sort("contract_number")
    ids = [contract_id_of(portfolio_id, number) for number in contracts["contract_number"]]
    debtors = (
        debtor_id_of(creditor_id, number, contract_id) if name is not None else None
        for number, name, contract_id in zip(contracts["debtor_number"], contracts["debtor_name"], ids, strict=True)
    )
    return contracts.with_columns(
        _texts("contract_id", ids), _texts("debtor_id", debtors), pl.col("incomplete").fill_null(value=False)
    )


def _contacts(rows: pl.DataFrame) -> pl.DataFrame:
    def phones(column: str) -> pl.DataFrame:
        e164 = pl.col(f"{column}_e164")
        return rows.select(
            "contract_id",
            pl.lit("phone").alias("kind"),
            pl.coalesce(e164, column).alias("value"),
            e164.is_not_null().alias("dialable"),
            "timezone",
        )

    emails = rows.select(
        "contract_id",
        pl.lit("email").alias("kind"),
        pl.col("email").str.to_lowercase().alias("value"),
        pl.lit(value=False).alias("dialable"),
        pl.lit(None, pl.String).alias("timezone"),
    )
    points = pl.concat([phones("phone_1"), phones("phone_2"), emails]).filter(pl.col("value").is_not_null())
    points = points.unique(["contract_id", "kind", "value"], keep="first", maintain_order=True)
    points = points.with_columns(
        pl.int_range(pl.len()).over("contract_id").clip(upper_bound=_MOST_CONTACTS).alias("rank")
    )
    ids = (
        contact_id_of(UUID(contract), kind, value)
        for contract, kind, value in points.select("contract_id", "kind", "value").iter_rows()
    )
    return points.with_columns(_texts("contact_id", ids))


def _addresses(rows: pl.DataFrame) -> pl.DataFrame:
    addresses = (
        rows.filter(pl.col("address_kind").is_not_null())
        .rename({"address_kind": "kind", "address_issues": "issues"})
        .unique(["contract_id", "kind"], keep="first", maintain_order=True)
    )
    ids = (
        address_id_of(UUID(contract), kind) for contract, kind in addresses.select("contract_id", "kind").iter_rows()
    )
    return addresses.with_columns(_texts("address_id", ids))


def _texts(name: str, ids: Iterable[UUID | None]) -> pl.Series:
    return pl.Series(name, [None if one is None else str(one) for one in ids], dtype=pl.String)


def main(arguments: list[str] | None = None) -> int:
    """The command above."""
    parser = argparse.ArgumentParser(prog="python -m portfolio.intake", description="Read a portfolio file whole.")
    parser.add_argument("file", type=Path)
    parser.add_argument("folder", type=Path, help="where the CSV files go")
    parser.add_argument("--jurisdiction", required=True)
    parser.add_argument("--portfolio", type=UUID, required=True)
    parser.add_argument("--creditor", type=UUID, required=True)
    given = parser.parse_args(arguments)
    try:
        summary = take_in(given.file, given.folder, given.jurisdiction, given.portfolio, given.creditor)
    except FileProblem as problem:
        json.dump({"problem": {"code": problem.code, "detail": problem.detail}}, sys.stdout)
        return 1
    json.dump(asdict(summary) | {"amount_accepted": str(summary.amount_accepted)}, sys.stdout)
    return 0


if __name__ == "__main__":
    # Whoever waits for an answer goes first.
    os.nice(_NICENESS)
    sys.exit(main())
