"""Reproducible ids of facts. A fact that cannot be recognised again gets a new id."""

from uuid import UUID, uuid5

from recobro_events import new_event_id


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
