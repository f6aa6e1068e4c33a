"""Event contracts, version 1: one frozen model per event, a registry by wire name."""

from events.contracts import dialer_feed, portfolio, runtime
from events.contracts.base import (
    REGISTRY,
    ContractEvent,
    Currency,
    Envelope,
    Event,
    Lane,
    Money,
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
    "bulk_sources",
    "dialer_feed",
    "portfolio",
    "runtime",
]
