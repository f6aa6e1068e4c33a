"""Ids that anyone can compute again: UUIDv5 (RFC 9562) of what a thing is called in the trade.

Whatever is written again after a restore, by the same event or by hand, is then the same thing to everybody.
"""

from uuid import UUID, uuid5

from recobro_events import new_event_id


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


def payment_id_of(portfolio_id: UUID, channel: str, reference: str | None) -> UUID:
    """A payment without a reference can be told from no other: its id is new each time."""
    if reference is None:
        return new_event_id()
    # Both may hold colons: the length says where the channel ends.
    return uuid5(portfolio_id, f"payment:{len(channel)}:{channel}:{reference}")


def clarification_id_of(contract_id: UUID, received: UUID | None) -> UUID:
    """``received``: the event that asked for it, if one did; a contract may have several that were opened by hand."""
    return new_event_id() if received is None else uuid5(contract_id, f"clarification:{received}")
