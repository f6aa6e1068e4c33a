"""Reproducible ids: UUIDv5 (RFC 9562) of the name by which the trade knows a thing.

A row that is written again after a restore, by the same event or by hand, therefore gets the same id as before. The
process that reads files imports this module, so it imports nothing heavy.
"""

import unicodedata
from uuid import UUID, uuid5


def contract_id_of(portfolio_id: UUID, contract_number: str) -> UUID:
    return uuid5(portfolio_id, contract_number)


def debtor_id_of(creditor_id: UUID, debtor_number: str | None, contract_id: UUID) -> UUID:
    """A contract without a debtor number in its file gets a debtor of its own."""
    return uuid5(creditor_id, debtor_number or str(contract_id))


def contact_id_of(contract_id: UUID, kind: str, value: str) -> UUID:
    return uuid5(contract_id, f"{kind}:{value}")


def party_id_of(contract_id: UUID, role: str, name: str) -> UUID:
    """Somebody besides the debtor. Accents, case and blanks do not tell two names of one role apart."""
    letters = "".join(one for one in unicodedata.normalize("NFKD", name) if not unicodedata.combining(one))
    return uuid5(contract_id, f"party:{role}:{' '.join(letters.casefold().split())}")


def party_contact_id_of(party_id: UUID, kind: str, value: str) -> UUID:
    """A phone or e-mail of a party. Two parties may share a phone, and the debtor may have it too."""
    return uuid5(party_id, f"{kind}:{value}")


def address_id_of(contract_id: UUID, kind: str) -> UUID:
    """A contract has at most one address of a kind."""
    return uuid5(contract_id, f"address:{kind}")


def found_address_id_of(contract_id: UUID, place: str) -> UUID:
    """An address that was given at the door. ``place`` is its one spelling."""
    return uuid5(contract_id, f"found:{place}")
