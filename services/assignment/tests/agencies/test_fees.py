"""The fees of a service contract may not overlap."""

import pytest
from assignment.agencies.rules import overlapping_band
from recobro_events.contracts.assignment import PlacementKind


class Fee:
    def __init__(self, kind: PlacementKind, from_days: int, to_days: int | None) -> None:
        self.kind, self.from_days, self.to_days = kind, from_days, to_days


@pytest.mark.parametrize(
    ("bands", "overlapping"),
    [
        ([], None),
        ([(0, 30), (31, 60), (61, None)], None),
        ([(61, None), (31, 60), (0, 30)], None),
        ([(0, 30), (30, 60)], 1),
        ([(0, None), (400, None)], 1),
        ([(90, 120), (0, 200)], 0),
        ([(5, 5), (5, 5)], 1),
    ],
)
def test_fees_of_one_kind_may_not_overlap(bands: list[tuple[int, int | None]], overlapping: int | None) -> None:
    fees = [Fee(PlacementKind.DIALING, *band) for band in bands]
    assert overlapping_band(fees) == overlapping
    assert overlapping_band([*fees, Fee(PlacementKind.VISITS, 0, None)]) == overlapping
