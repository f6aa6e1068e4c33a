"""Reproducible ids: UUIDv5 (RFC 9562) of the name by which the trade knows a thing.

A row that is written again after a restore, by the same event or by hand, therefore gets the same id as before.
"""

from uuid import UUID, uuid5

from recobro_events import new_event_id


def contract_id_of(portfolio_id: UUID, contract_number: str) -> UUID:
    return uuid5(portfolio_id, contract_number)


def debtor_id_of(creditor_id: UUID, debtor_number: str | None, contract_id: UUID) -> UUID:
    """A contract without a debtor number in its file gets a debtor of its own."""
    return uuid5(creditor_id, debtor_number or str(contract_id))


def contact_id_of(contract_id: UUID, kind: str, value: str) -> UUID:
    return uuid5(contract_id, f"{kind}:{value}")


def address_id_of(contract_id: UUID, kind: str) -> UUID:
    """A contract has at most one address of a kind."""
    return uuid5(contract_id, f"address:{kind}")


def found_address_id_of(contract_id: UUID, place: str) -> UUID:
    """An address that was given at the door. ``place`` is its one spelling."""
    return uuid5(contract_id, f"found:{place}")


def payment_id_of(portfolio_id: UUID, channel: str, reference: str | None, booking: int = 1) -> UUID:
    """The id of the n-th ``booking`` of a reference. All earlier ones are reversed, and consumers know them as such.

    A payment without a reference cannot be recognised again, so its id is new each time.
    """
    if reference is None:
        return new_event_id()
    # Channel and reference may hold colons. The length shows where the channel ends.
    name = f"payment:{len(channel)}:{channel}:{reference}"
    return uuid5(portfolio_id, name if booking == 1 else f"{name}:{booking}")


def clarification_id_of(contract_id: UUID, received: UUID | None) -> UUID:
    """``received`` is the id of the event that requested the clarification. One opened by hand gets a new id."""
    return new_event_id() if received is None else uuid5(contract_id, f"clarification:{received}")
