"""The rules for the fees of a service contract."""

from collections.abc import Sequence
from typing import Protocol

from recobro_events.contracts.assignment import PlacementKind


class Band(Protocol):
    """A range of days past due, both ends inclusive. A null ``to_days`` leaves the range open."""

    @property
    def kind(self) -> PlacementKind: ...
    @property
    def from_days(self) -> int: ...
    @property
    def to_days(self) -> int | None: ...


def overlapping_band(bands: Sequence[Band]) -> int | None:
    """Return the index of a band that overlaps a lower one of its kind; None when no bands overlap."""
    last: dict[PlacementKind, int | None] = {}
    for index, band in sorted(enumerate(bands), key=lambda item: item[1].from_days):
        if band.kind in last:
            covered_to = last[band.kind]
            if covered_to is None or band.from_days <= covered_to:
                return index
        last[band.kind] = band.to_days
    return None
