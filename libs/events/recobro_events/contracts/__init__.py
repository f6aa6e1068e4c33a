"""Event contracts, version 1: one frozen model per event, a registry by wire name."""

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
