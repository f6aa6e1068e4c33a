"""Derives the people besides the debtor, and their phones and e-mails, from the good rows of a portfolio file."""

from uuid import UUID

import polars as pl
from jurisdictions import places_of_phone

from portfolio.files.reader.columns import PARTY_COLUMNS, PARTY_CONTACT_COLUMNS
from portfolio.files.reader.emails import normalised_email
from portfolio.files.reader.series import mapped
from portfolio.ledger.identities import party_contact_id_of, party_id_of
from portfolio.tabular.profiles import PARTY_COLUMN, PEOPLE

_NOBODY = pl.DataFrame(schema={"contract_id": pl.String, "role": pl.String, "name": pl.String, "tax_id": pl.String})
_NO_CONTACT = pl.DataFrame(schema=dict.fromkeys(PARTY_CONTACT_COLUMNS, pl.String))


def parties_of(rows: pl.DataFrame, jurisdiction: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the parties of the contracts and their contact points, with all ids.

    Rows of one contract and role with one name mean one party. A party without a name has a phone or an e-mail.
    """
    people_of = {person: [c for c in columns if c in rows.columns] for person, columns in PEOPLE.items()}
    stated = pl.concat([_NOBODY, *(_of_person(rows, columns) for columns in people_of.values() if columns)])
    people = stated.select("contract_id", "role", "name").rows()
    ids = [str(party_id_of(UUID(contract), role, name or "")) for contract, role, name in people]
    stated = stated.with_columns(pl.Series("party_id", ids, pl.String))
    parties = stated.group_by("party_id", maintain_order=True).agg(
        pl.col("contract_id", "role", "name").first(), pl.col("tax_id").drop_nulls().first()
    )
    parties = parties.with_columns(pl.int_range(pl.len()).over("contract_id").alias("rank"))
    found = [
        _contacts(rows, columns[0], column, jurisdiction)
        for columns in people_of.values()
        for column in columns
        if PARTY_COLUMN[column].what in ("phone", "email")
    ]
    if not any(len(one) for one in found):
        return parties.select(PARTY_COLUMNS), _NO_CONTACT
    contacts = pl.concat(found).unique(["party_id", "kind", "value"], keep="first", maintain_order=True)
    points = contacts.select("party_id", "kind", "value").rows()
    ids = [str(party_contact_id_of(UUID(party), kind, value)) for party, kind, value in points]
    rank = pl.int_range(pl.len()).over("party_id").alias("rank")
    contacts = contacts.with_columns(pl.Series("contact_id", ids, pl.String), rank)
    return parties.select(PARTY_COLUMNS), contacts.select(PARTY_CONTACT_COLUMNS)


def _of_person(rows: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    """What the rows say of one person each. The first of the columns is that of the name."""
    there = pl.any_horizontal(pl.col(column).is_not_null() for column in columns)
    tax_ids = [column for column in columns if PARTY_COLUMN[column].what == "tax_id"]
    tax_id = pl.col(tax_ids[0]) if tax_ids else pl.lit(None, pl.String)
    role = pl.lit(PARTY_COLUMN[columns[0]].role).alias("role")
    return rows.filter(there).select("contract_id", role, pl.col(columns[0]).alias("name"), tax_id.alias("tax_id"))


def _contacts(rows: pl.DataFrame, name: str, column: str, jurisdiction: str) -> pl.DataFrame:
    def zone(number: str) -> str | None:
        return next((place.timezone for place in places_of_phone(jurisdiction, number)), None)

    given = rows.filter(pl.col(column).is_not_null())
    role = PARTY_COLUMN[column].role
    people = given.select("contract_id", name).rows()
    ids = [str(party_id_of(UUID(contract), role, person or "")) for contract, person in people]
    if PARTY_COLUMN[column].what == "phone":
        e164 = given[f"{column}_e164"]
        values = given.select(pl.coalesce(f"{column}_e164", column)).to_series()
        zones, kind, dialable = mapped(e164, zone), "phone", e164.is_not_null()
    else:
        values = mapped(given[column], normalised_email)
        kind, dialable = "email", pl.repeat(value=False, n=len(given), eager=True)
        zones = pl.repeat(None, len(given), dtype=pl.String, eager=True)
    return pl.DataFrame(
        [
            given["contract_id"],
            pl.Series("party_id", ids, pl.String),
            pl.Series("kind", [kind] * len(given), pl.String),
            values.alias("value"),
            dialable.alias("dialable"),
            zones.alias("timezone"),
        ]
    )
