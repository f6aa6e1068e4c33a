"""The demo's tables: the services' answers in readable form."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich.table import Table

from recobro.language import tag, tr, word
from recobro.terminal import amount, count, table_of

Record = dict[str, Any]
_DAYS = {"current": "0", "early": "1–30", "late": "31–90", "legal": "> 90"}


def stages(rows: Mapping[str, Record]) -> Table:
    """Return the contracts and the overdue balance of each stage."""
    table = table_of(tr("stage"), tr("days past due"), tr("contracts"), tr("overdue, MXN"))
    for name, row in rows.items():
        table.add_row(word(name), _DAYS.get(name, ""), count(row["contracts"]), amount(row["overdue_balance"]))
    return table


def placements(contracts: Mapping[str, int]) -> Table:
    """Return the number of contracts of each agency, and its share."""
    table = table_of(tr("agency"), tr("contracts"), tr("share"))
    total = sum(contracts.values())
    for name, number in contracts.items():
        table.add_row(name, count(number), f"{100 * number / max(total, 1):.1f} %")
    return table


def judged(of: str, found: Record, words: Record) -> Table:
    """Return the open contracts of each segment or step: ``of`` says which. ``words`` name them in each language."""
    table = table_of(tr(of), tr("contracts"), tr("overdue, MXN"))
    for move in (*found["unchanged"], *found["moves"]):
        code = move[f"to_{of}"]
        name = "–" if code is None else words.get(code, {}).get(tag()[:2], code)
        table.add_row(name, count(move["contracts"]), amount(move["overdue_balance"]))
    return table


def entries(rows: Sequence[Record]) -> Table:
    """Return the entries of a dialing list, without the debtors' names."""
    table = table_of(tr("contract"), tr("days past due"), tr("overdue, MXN"), tr("phone"), tr("may be called"))
    for row in rows:
        table.add_row(
            row["contract_number"],
            str(row["days_past_due"]),
            amount(row["overdue_balance"]),
            f"••• {row['phones'][0][-4:]}",
            _hours(row),
        )
    return table


def withdrawal_report(report: Record) -> Table:
    """Return the delays of withdrawals."""
    table = table_of(tr("from the event to"), tr("half within"), tr("99 % within"), tr("slowest"))
    for label, times in (
        (tr("the list"), report["seconds_to_list"]),
        (tr("the dialer's acknowledgement"), report["seconds_to_acknowledgement"]),
    ):
        table.add_row(label, *(_milliseconds(times[point]) for point in ("p50", "p99", "max")))
    return table


def _milliseconds(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds * 1000:,.0f} ms"


def _hours(entry: Record) -> str:
    """Return the hours at which the debtor may be called, in the debtor's local time."""
    if entry["callable_from"] is None:
        return tr("not on this day")
    zone = ZoneInfo(entry["timezone"])
    opens, closes = (datetime.fromisoformat(entry[end]).astimezone(zone) for end in ("callable_from", "callable_until"))
    return f"{opens:%H:%M}–{closes:%H:%M}"
