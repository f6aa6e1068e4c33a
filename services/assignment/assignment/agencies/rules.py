"""What a service contract has to hold to."""

from collections.abc import Sequence
from typing import Protocol

from recobro_events.contracts.assignment import PlacementKind


class Band(Protocol):
    """Days past due from ``from_days`` to ``to_days``, both inclusive; open-ended when null."""

    @property
    def kind(self) -> PlacementKind: ...
    @property
    def from_days(self) -> int: ...
    @property
    def to_days(self) -> int | None: ...


def overlapping_band(bands: Sequence[Band]) -> int | None:
    """Which of these overlaps one of its kind with fewer days; None when every age of debt has at most one fee."""
    last: dict[PlacementKind, int | None] = {}
    for index, band in sorted(enumerate(bands), key=lambda item: item[1].from_days):
        if band.kind in last:
            covered_to = last[band.kind]
            if covered_to is None or band.from_days <= covered_to:
                return index
        last[band.kind] = band.to_days
    return None
