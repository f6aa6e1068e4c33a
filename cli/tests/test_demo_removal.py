"""Removing the demo ends in time, however many recalls its agencies have to acknowledge."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from recobro import demo_removal


class Assignment:
    """The placements of one agency, each recalled. An answer to an acknowledgement takes a second."""

    def __init__(self, placements: int) -> None:
        self.now = 0.0
        self.pending = [str(n) for n in range(placements)]

    def items(self, _service: str, path: str, **parameters: Any) -> Iterator[Any]:
        if path == "/v1/contracts":
            return iter([{"contract_id": one} for one in self.pending])
        shown = self.pending if parameters["state"] == "recall_pending" else []
        return iter(
            [{"placement_id": one, "contract_id": one, "agency_id": "a", "state": "recall_pending"} for one in shown]
        )

    def post(self, _service: str, _path: str, body: Any) -> None:
        self.now += 1
        self.pending = sorted(set(self.pending).difference(body["placement_ids"]))


@pytest.mark.parametrize(("placements", "left"), [(5, 0), (1_200, 0), (61_000, 500)])
def test_recalls_are_acknowledged_for_two_minutes_at_most(
    monkeypatch: pytest.MonkeyPatch, placements: int, left: int
) -> None:
    assignment: Any = Assignment(placements)
    clock = SimpleNamespace(monotonic=lambda: assignment.now, sleep=lambda _seconds: None)
    monkeypatch.setattr("recobro.demo_removal.time", clock)
    assert demo_removal._acknowledge(assignment, [{"portfolio_id": "p"}], {"a": assignment}) == left
