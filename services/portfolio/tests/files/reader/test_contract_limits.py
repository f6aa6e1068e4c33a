"""A contract that is too large is rejected whole, with a sentence for each of its rows. The others are read."""

import json
from collections.abc import Iterable
from pathlib import Path

import pytest
from portfolio.ledger.limits import CONTACTS_OF_CONTRACT, ROWS_OF_CONTRACT
from portfolio_files import file_of, line, read


def rows(number: int, contract: str = "BIG") -> Iterable[str]:
    return (line(contract_number=contract, instalment_number=str(n + 1)) for n in range(number))


def contacts(number: int) -> Iterable[str]:
    for n in range(number):
        yield line(contract_number="BIG", instalment_number=str(n + 1), phone_1="", email=f"person{n}@example.org")


@pytest.mark.parametrize(
    ("big", "code", "reason"),
    [
        (list(rows(ROWS_OF_CONTRACT + 1)), "too_many_instalments", "more than 1,000 rows in this file"),
        (list(rows(15_000)), "too_many_instalments", "more than 1,000 rows in this file"),
        (list(contacts(CONTACTS_OF_CONTRACT + 1)), "too_many_contacts", "more than 50 phones and e-mails in this file"),
        (
            [line(contract_number="BIG", instalment_number=str(n), amount_due="999999999999.99") for n in (1, 2)],
            "balance_too_large",
            "more than a balance of 999999999999.99 in this file",
        ),
    ],
    ids=["rows", "rows of the attack", "contacts", "balance"],
)
def test_every_row_of_a_contract_that_is_too_large_is_rejected(
    tmp_path: Path, big: list[str], code: str, reason: str
) -> None:
    found = read(file_of(tmp_path, line(), *big))
    assert found.accepted_numbers == [2]
    assert len(found.rejected) == len(big)
    for row in found.rejected:
        [error] = json.loads(row["errors"])
        assert (error["column"], error["code"]) == ("No. Contrato", code)
        assert error["reason"] == f"belongs to a contract with {reason}"


def test_a_contract_at_its_limits_is_accepted(tmp_path: Path) -> None:
    shared = (line(contract_number="C-2", instalment_number=str(n + 1)) for n in range(ROWS_OF_CONTRACT))
    found = read(file_of(tmp_path, *contacts(CONTACTS_OF_CONTRACT), *shared))
    assert (len(found.accepted), found.rejected) == (CONTACTS_OF_CONTRACT + ROWS_OF_CONTRACT, [])


def test_rows_without_a_contract_number_are_no_contract(tmp_path: Path) -> None:
    found = read(file_of(tmp_path, *(line(contract_number="") for _ in range(ROWS_OF_CONTRACT + 1))))
    assert {code for codes in found.codes.values() for code in codes} == {"no_contract"}


def test_the_total_of_a_file_may_have_more_digits_than_an_amount(tmp_path: Path) -> None:
    found = read(file_of(tmp_path, *(line(contract_number=f"C-{n}", amount_due="999999999999.99") for n in range(40))))
    assert f"{found.summary.amount_accepted}" == "39999999999999.60"
