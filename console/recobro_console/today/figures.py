"""The day's figures as the page shows them: added over portfolios, never over currencies."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit


@dataclass(frozen=True)
class Waiting:
    """How many of a kind wait for a person, and the page that lists them."""

    figure: str
    count: int
    path: str
    is_bad: bool


_SHOWN = {
    "files.needs_confirmation": ("/files", True),
    "files.failed": ("/files", True),
    "contracts.undecided": ("/files?undecided=true", True),
    "payments.unidentified": ("/payments/unidentified", True),
    "clarifications.past_deadline": ("/today/disputes", True),
    "clarifications.due_soon": ("/today/disputes", False),
    "letters.to_deliver": ("/today/letters", False),
    "reports.open": ("/today/reports", False),
    "files.loading": ("/files", False),
    "files.received": ("/files", False),
    "files.loaded": ("/files", False),
}
_FILTERS = ("status", "finished_on", "deadline_before")


def waiting(figures: Sequence[Mapping[str, Any]]) -> list[Waiting]:
    """The figures that a person looks at, in their order. Of several portfolios the last day bounds the page."""
    counts: defaultdict[str, int] = defaultdict(int)
    filters: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for each in figures:
        counts[each["figure"]] += each["count"]
        asked = parse_qs(urlsplit(each["items"]).query)
        for name in _FILTERS:
            if name in asked:
                filters[each["figure"]][name] = max(filters[each["figure"]].get(name, ""), asked[name][0])
    return [
        Waiting(figure, counts[figure], _path(page, filters[figure]), is_bad)
        for figure, (page, is_bad) in _SHOWN.items()
        if figure in counts
    ]


def _path(page: str, filters: Mapping[str, str]) -> str:
    return f"{page}?{urlencode(filters)}" if filters else page


@dataclass
class StageOfDay:
    """What is open in a stage at the end of the day, and how much more that is than the day before."""

    stage: str
    contracts: int = 0
    overdue: Decimal = Decimal(0)
    more_contracts: int = 0
    more_overdue: Decimal = Decimal(0)


def differences(steps: Iterable[Mapping[str, Any]]) -> dict[str, list[StageOfDay]]:
    """The stages of each currency, from the steps of the day's waterfall."""
    found: defaultdict[str, dict[str, StageOfDay]] = defaultdict(dict)
    for step in steps:
        stage = found[step["currency"]].setdefault(step["stage"], StageOfDay(step["stage"]))
        contracts, overdue = step["contracts"], Decimal(step["overdue"])
        if step["step"] == "closing":
            stage.contracts += contracts
            stage.overdue += overdue
        if step["step"] in ("closing", "opening"):
            sign = 1 if step["step"] == "closing" else -1
            stage.more_contracts += sign * contracts
            stage.more_overdue += sign * overdue
    return {currency: list(stages.values()) for currency, stages in found.items()}


@dataclass
class MoneyOfDay:
    """What was paid and reversed on a day in one currency, and the disputes of its portfolios."""

    currency: str
    payments: int = 0
    paid: Decimal = Decimal(0)
    reversals: int = 0
    reversed: Decimal = Decimal(0)
    opened: int = 0
    resolved: int = 0


def sums_by_currency(totals: Iterable[Mapping[str, Any]]) -> dict[str, MoneyOfDay]:
    """The totals of a day's portfolios, added up by currency."""
    found: dict[str, MoneyOfDay] = {}
    for each in totals:
        day = found.setdefault(each["currency"], MoneyOfDay(each["currency"]))
        day.payments += each["payments"]
        day.paid += Decimal(each["paid"])
        day.reversals += each["reversals"]
        day.reversed += Decimal(each["reversed"])
        day.opened += each["clarifications_opened"]
        day.resolved += each["clarifications_resolved"]
    return found
