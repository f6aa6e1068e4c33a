"""Derives contracts, contact points and addresses from the good rows of a portfolio file."""

from collections.abc import Iterable
from pathlib import Path
from uuid import UUID

import polars as pl
from jurisdictions import places_of_phone

from portfolio.files.reader.columns import (
    ADDRESS_COLUMNS,
    ADDRESSES_FILE,
    CONTACT_COLUMNS,
    CONTACTS_FILE,
    CONTRACT_COLUMNS,
    CONTRACTS_FILE,
    DEBTOR_COLUMNS,
    PARTIES_FILE,
    PARTY_CONTACTS_FILE,
    append,
)
from portfolio.files.reader.emails import normalised_email
from portfolio.files.reader.parties import parties_of
from portfolio.files.reader.series import mapped
from portfolio.ledger.identities import address_id_of, contact_id_of, contract_id_of, debtor_id_of
from portfolio.tabular.profiles import ADDRESS_COLUMNS as PROFILE_ADDRESS
from portfolio.tabular.profiles import REPEATED

_MOST_CONTACTS = 30_000
_OF_ADDRESS = (*PROFILE_ADDRESS, "irregular_numbering", "address_issues")


class Contracts:
    """Writes the contracts of a file with their contact points, addresses and parties, and computes all ids.

    Each detail of a contract comes from the first row that has it. A contract with bad rows only is listed without a
    debtor. A phone has the time zone of its row's address, else the zone of its area code.
    """

    def __init__(self, folder: Path, jurisdiction: str, portfolio_id: UUID, creditor_id: UUID) -> None:
        self._folder = folder
        self._jurisdiction = jurisdiction
        self._portfolio_id = portfolio_id
        self._creditor_id = creditor_id
        self._found: list[pl.DataFrame] = []

    def add(self, rows: pl.DataFrame) -> None:
        """Write what these good rows say. They are all good rows of their contracts."""
        contracts = rows.group_by("contract_number").agg(pl.col(name).drop_nulls().first() for name in DEBTOR_COLUMNS)
        contracts = contracts.with_columns(self._contract_ids(contracts))
        self._found.append(contracts)
        rows = rows.join(
            contracts.select("contract_number", "contract_id"), on="contract_number", maintain_order="left"
        )
        append(self._folder / CONTACTS_FILE, _contacts(rows, self._jurisdiction).select(CONTACT_COLUMNS))
        append(self._folder / ADDRESSES_FILE, _addresses(rows).select(ADDRESS_COLUMNS))
        parties, contacts = parties_of(rows, self._jurisdiction)
        append(self._folder / PARTIES_FILE, parties)
        append(self._folder / PARTY_CONTACTS_FILE, contacts)

    def end(self, rejected: pl.DataFrame) -> None:
        """Write the contracts, also those of rejected rows."""
        bad = rejected.select("contract_number").drop_nulls().unique().with_columns(incomplete=pl.lit(value=True))
        contracts = pl.concat(self._found).join(bad, on="contract_number", how="full", coalesce=True)
        contracts = contracts.sort("contract_number")
        contracts = contracts.with_columns(self._contract_ids(contracts))
        debtors = (
            debtor_id_of(self._creditor_id, number, UUID(contract_id)) if name is not None else None
            for number, name, contract_id in contracts.select("debtor_number", "debtor_name", "contract_id").iter_rows()
        )
        contracts = contracts.with_columns(_texts("debtor_id", debtors), pl.col("incomplete").fill_null(value=False))
        append(self._folder / CONTRACTS_FILE, contracts.select(CONTRACT_COLUMNS))

    def _contract_ids(self, contracts: pl.DataFrame) -> pl.Series:
        return _texts(
            "contract_id", [contract_id_of(self._portfolio_id, number) for number in contracts["contract_number"]]
        )


def _contacts(rows: pl.DataFrame, jurisdiction: str) -> pl.DataFrame:
    def zone(number: str) -> str | None:
        return next((place.timezone for place in places_of_phone(jurisdiction, number)), None)

    def phones(column: str) -> pl.DataFrame:
        e164 = pl.col(f"{column}_e164")
        alone = rows.select(pl.when(pl.col("timezone").is_null()).then(e164)).to_series()
        return rows.select(
            "contract_id",
            pl.lit("phone").alias("kind"),
            pl.coalesce(e164, column).alias("value"),
            e164.is_not_null().alias("dialable"),
            pl.coalesce("timezone", mapped(alone, zone)).alias("timezone"),
            pl.lit(column).alias("stated_in"),
        )

    def emails(column: str) -> pl.DataFrame:
        return rows.select(
            "contract_id",
            pl.lit("email").alias("kind"),
            mapped(rows[column], normalised_email).alias("value"),
            pl.lit(value=False).alias("dialable"),
            pl.lit(None, pl.String).alias("timezone"),
            pl.lit(column).alias("stated_in"),
        )

    stated = [phones(name) for name in REPEATED["phone"] if name in rows.columns]
    stated += [emails(name) for name in REPEATED["email"] if name in rows.columns]
    points = pl.concat(stated).filter(pl.col("value").is_not_null())
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
    stated = [rows.select("contract_id", *_OF_ADDRESS)]
    if "address_kind_2" in rows.columns:
        stated.append(rows.select("contract_id", *(pl.col(f"{name}_2").alias(name) for name in _OF_ADDRESS)))
    addresses = (
        pl.concat(stated)
        .filter(pl.col("address_kind").is_not_null())
        .rename({"address_kind": "kind", "address_issues": "issues"})
        .unique(["contract_id", "kind"], keep="first", maintain_order=True)
    )
    ids = (
        address_id_of(UUID(contract), kind) for contract, kind in addresses.select("contract_id", "kind").iter_rows()
    )
    return addresses.with_columns(_texts("address_id", ids))


def _texts(name: str, ids: Iterable[UUID | None]) -> pl.Series:
    return pl.Series(name, [None if one is None else str(one) for one in ids], dtype=pl.String)
