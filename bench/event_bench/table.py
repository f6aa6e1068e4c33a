"""The table: every figure with its median and spread, then every goal with the measured value."""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass

Figures = dict[str, list[float]]
_RATES = (20, 100, 200)


@dataclass(frozen=True)
class Goal:
    """The required value of a ratio of two figures' medians, or of one figure if ``against`` is empty."""

    what: str
    figure: str
    against: str
    must: float
    aim: float
    at_most: bool = False

    def line(self, figures: Mapping[str, list[float]]) -> tuple[str, ...] | None:
        """Return the goal's cells, or None if it was not measured."""
        if self.figure not in figures or (self.against and self.against not in figures):
            return None
        value = statistics.median(figures[self.figure])
        over = list(figures[self.figure])
        if self.against:
            value /= statistics.median(figures[self.against])
            over = [a / b for a, b in zip(figures[self.figure], figures[self.against], strict=True)]
        unit = " ×" if self.against else ""
        verdict = "aim" if self._meets(value, self.aim) else "ok" if self._meets(value, self.must) else "MISSED"
        return (
            self.what,
            f"{_number(value)}{unit}",
            f"{_number(min(over))} – {_number(max(over))}",
            f"{self.must:g}{unit}",
            f"{self.aim:g}{unit}",
            verdict,
        )

    def _meets(self, value: float, wanted: float) -> bool:
        return value <= wanted if self.at_most else value >= wanted


def _waiting(log: str, rate: int) -> list[Goal]:
    place = f"{log}, {rate} a second"
    return [
        Goal(
            f"commit → applied against the floor, {place}, {p}",
            f"ours, {place}, {p}",
            f"floor, {place}, {p}",
            must,
            aim,
            at_most=True,
        )
        for p, must, aim in (("p50", 3.0, 2.0), ("p99", 8.0, 4.0))
    ]


def _amid_bulk(log: str) -> list[Goal]:
    return [
        Goal(f"urgent fact amid bulk, {log}, p99 ms", f"urgent amid bulk, {log}, p99", "", 250.0, 50.0, at_most=True),
        Goal(
            f"memory of the consumer under that, {log}, MB",
            f"consumer's memory, {log}, MB",
            "",
            300.0,
            150.0,
            at_most=True,
        ),
    ]


GOALS = [
    Goal(
        "consumer on Kafka against FastStream per event, at its best",
        "consumer, kafka",
        "FastStream, an event a call, 12 workers",
        20,
        50,
    ),
    Goal(
        "consumer on Kafka against FastStream per event, as it comes",
        "consumer, kafka",
        "FastStream, an event a call, as it comes",
        20,
        50,
    ),
    Goal(
        "consumer on Kafka against bare consume, then bare upsert",
        "consumer, kafka",
        "bare consume, then bare upsert",
        0.35,
        0.6,
    ),
    Goal("relay → Kafka, acks=all, against bare produce", "relay, kafka", "bare produce", 0.5, 0.8),
    Goal("rows with their events against rows alone", "rows with their events", "rows alone", 0.25, 0.5),
    Goal("embedded log end to end against Kafka", "end to end, embedded", "end to end, kafka", 0.5, 1),
    *(goal for log in ("kafka", "embedded") for rate in _RATES for goal in _waiting(log, rate)),
    *(goal for log in ("kafka", "embedded") for goal in _amid_bulk(log)),
]


def render(figures: Mapping[str, list[float]]) -> str:
    """Return all figures and goals as one Markdown table."""
    head = ("what", "median", "min – max", "must", "aim", "")
    measured = [
        (name, _number(statistics.median(samples)), f"{_number(min(samples))} – {_number(max(samples))}", "", "", "")
        for name, samples in figures.items()
    ]
    goals = [line for goal in GOALS if (line := goal.line(figures)) is not None]
    lines = [head, *measured, *goals]
    widths = [max(len(line[n]) for line in lines) for n in range(len(head))]
    rule = tuple("-" * width for width in widths)
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
        for line in (head, rule, *measured, *goals)
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
