"""Ids that anyone can compute again: UUIDv5 (RFC 9562) of what a thing is called in the trade."""

from uuid import UUID, uuid5


def contract_id_of(portfolio_id: UUID, contract_number: str) -> UUID:
    return uuid5(portfolio_id, contract_number)


def debtor_id_of(creditor_id: UUID, debtor_number: str | None, contract_id: UUID) -> UUID:
    """A contract whose file names no debtor has a debtor of its own."""
    return uuid5(creditor_id, debtor_number or str(contract_id))


def contact_id_of(contract_id: UUID, kind: str, value: str) -> UUID:
    return uuid5(contract_id, f"{kind}:{value}")


def address_id_of(contract_id: UUID, kind: str) -> UUID:
    """A contract has at most one address of a kind."""
    return uuid5(contract_id, f"address:{kind}")
