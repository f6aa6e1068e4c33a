"""The event contracts of the platform: one frozen model per event type, and the registry of all types by name.

An event contract says which fields an event has. It is not a debtor's contract, which is what most events are about.
"""

from recobro_events.contracts import agency, assignment, dialer_feed, field_visits, portfolio, promises, runtime
from recobro_events.contracts.base import (
    REGISTRY,
    ContractEvent,
    Currency,
    Envelope,
    Event,
    Lane,
    Money,
    Part,
    Percent,
    bulk_sources,
)

__all__ = [
    "REGISTRY",
    "ContractEvent",
    "Currency",
    "Envelope",
    "Event",
    "Lane",
    "Money",
    "Part",
    "Percent",
    "agency",
    "assignment",
    "bulk_sources",
    "dialer_feed",
    "field_visits",
    "portfolio",
    "promises",
    "runtime",
]
