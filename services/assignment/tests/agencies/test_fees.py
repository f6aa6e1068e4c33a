"""Of a service contract's fees, one is for each age of a debt."""

import pytest
from assignment.agencies.rules import overlapping_band
from recobro_events.contracts.assignment import PlacementKind


class Fee:
    def __init__(self, kind: PlacementKind, from_days: int, to_days: int | None) -> None:
        self.kind, self.from_days, self.to_days = kind, from_days, to_days


@pytest.mark.parametrize(
    ("bands", "double"),
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
def test_an_age_of_debt_has_one_fee(bands: list[tuple[int, int | None]], double: int | None) -> None:
    fees = [Fee(PlacementKind.DIALING, *band) for band in bands]
    assert overlapping_band(fees) == double
    assert overlapping_band([*fees, Fee(PlacementKind.VISITS, 0, None)]) == double
