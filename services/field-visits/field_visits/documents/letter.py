"""The notification letter, for a closed unmarked envelope: company, address and balance."""

from documents.press import Document
from documents.wording import address_lines, breakable, long_date, money, paper
from recobro_events import Row


def letter_of(visit: Row, owed: Row) -> Document:
    """Return the letter's contents: company, address and outstanding balance, as of the business date."""
    address = dict(visit) | {"state": visit["address_state"]}

    def amount(column: str) -> str:
        return money(owed[column], owed["currency"], visit["jurisdiction"])

    return {
        "paper": paper(visit["jurisdiction"]),
        "company": breakable(owed["company"]),
        "name": breakable(visit["name"]),
        "address": [breakable(line) for line in address_lines(address, visit["jurisdiction"])],
        "contract_number": breakable(visit["contract_number"]),
        "overdue_balance": amount("overdue_balance"),
        "total_balance": amount("total_balance"),
        "as_of": long_date(owed["as_of"]),
    }
