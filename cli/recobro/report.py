"""``recobro report``: what happened on a day, in every service."""

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated

import typer

from recobro.asking import Answer, asks_platform
from recobro.business_day import DAY_METAVAR
from recobro.client import Client
from recobro.language import day, tr, word
from recobro.lookup import Record, agency_names, day_typed
from recobro.terminal import (
    amount,
    clean,
    count,
    out,
    show_table,
    text_table,
    working,
)

_PAGE = 1000


@asks_platform
def report(
    client: Client,
    on: Annotated[str, typer.Argument(metavar=DAY_METAVAR, help="The day.")] = "today",
) -> Answer:
    """Show what happened on a day: files, payments, disputes, lists, promises, visits and commissions.

    The day is the portfolios' business date.

    Example: recobro report 2026-11-22
    """
    with working(tr("Looking at the day")):
        of_day = _report(client, day_typed(client, on))
    yield of_day
    out.print(tr("The day {day}", day=day(of_day["day"])), style="bold")
    _print_portfolios(of_day["portfolios"])
    _print_files(of_day["files"])
    _print_lists(of_day["lists"])
    _print_promises(of_day["promises"])
    _print_visits(of_day["visits"])
    _print_commissions(of_day["commissions"])


def _report(client: Client, on: str) -> Record:
    campaigns = {one["campaign_id"]: one["name"] for one in client.items("dialer-feed", "/v1/campaigns", limit=_PAGE)}
    files = client.items("portfolio", "/v1/files", order="desc", limit=_PAGE)
    promises = client.items("promises", "/v1/promises", due_from=on, due_to=on, limit=_PAGE)
    visits = client.items("field-visits", "/v1/visits", visit_on=on, limit=_PAGE)
    return {
        "day": on,
        "portfolios": client.get("portfolio", "/v1/day-totals", day=on),
        "files": [one for one in files if one["as_of"] == on],
        "lists": [
            one | {"campaign": campaigns.get(one["campaign_id"])} | _withdrawals(client, one)
            for one in client.items("dialer-feed", "/v1/lists", business_date=on, limit=_PAGE)
        ],
        "promises": _promises_by_state(promises),
        "visits": dict(Counter(_came_of(one) for one in visits)),
        "commissions": [
            {"agency": name, **total}
            for agency_id, name in agency_names(client).items()
            if agency_id is not None
            for total in client.get(
                "assignment", f"/v1/agencies/{agency_id}/commissions", **{"from": on, "to": on, "limit": 1}
            )["totals"]
        ],
    }


def _withdrawals(client: Client, dialing_list: Record) -> Record:
    if dialing_list["status"] not in ("published", "closed"):
        return {"wrongful_calls": None}
    answer = client.get("dialer-feed", "/v1/withdrawal-report", list_id=dialing_list["list_id"])
    return {"wrongful_calls": answer["wrongful_calls"]}


def _promises_by_state(promises: Iterable[Record]) -> list[Record]:
    """Return the number and the sums of the promises in each state and currency."""
    found: dict[tuple[str, str], list[Record]] = {}
    for one in promises:
        found.setdefault((one["state"], one["currency"]), []).append(one)
    return [
        {
            "state": state,
            "currency": currency,
            "promises": len(group),
            "promised": str(sum(Decimal(one["amount"]) for one in group)),
            "paid": str(sum(Decimal(one["paid"]) for one in group)),
        }
        for (state, currency), group in sorted(found.items())
    ]


def _came_of(visit: Record) -> str:
    return str(visit["result"]["outcome"] if visit["result"] else visit["state"])


def _print_portfolios(totals: list[Record]) -> None:
    headings = [tr("portfolio"), tr("what"), tr("number"), tr("amount")]
    table = text_table(*headings, figures=headings[2:])
    for one in totals:
        name = clean(one["name"])
        lines = (
            (tr("payments"), one["payments"], f"{amount(one['paid'])} {one['currency']}"),
            (tr("reversals"), one["reversals"], f"{amount(one['reversed'])} {one['currency']}"),
            (tr("disputes opened"), one["clarifications_opened"], ""),
            (tr("disputes resolved"), one["clarifications_resolved"], ""),
        )
        for what, number, money in lines:
            table.add_row(name, what, count(number), money)
            name = clean(" ")
    if totals:
        show_table(table)


def _print_files(files: list[Record]) -> None:
    headings = [tr("file"), tr("state"), tr("rows"), tr("rejected")]
    table = text_table(*headings, figures=headings[2:])
    for one in files:
        counts = ("–" if one[name] is None else count(one[name]) for name in ("rows_read", "rows_rejected"))
        table.add_row(clean(one["filename"]), word(one["status"]), *counts)
    if files:
        show_table(table)


def _print_lists(lists: list[Record]) -> None:
    headings = [tr("list"), tr("state"), tr("entries"), tr("withdrawals"), tr("forbidden calls")]
    table = text_table(*headings, figures=headings[2:])
    for one in lists:
        counts = ("–" if one[name] is None else count(one[name]) for name in ("entries", "withdrawn", "wrongful_calls"))
        table.add_row(clean(one["campaign"]), word(one["status"]), *counts)
    if lists:
        show_table(table)


def _print_promises(promises: list[Record]) -> None:
    headings = [tr("promises due"), tr("number"), tr("promised"), tr("paid")]
    table = text_table(*headings, figures=headings[1:])
    for one in promises:
        money = (f"{amount(one[name])} {one['currency']}" for name in ("promised", "paid"))
        table.add_row(word(one["state"]), count(one["promises"]), *money)
    if promises:
        show_table(table)


def _print_visits(visits: dict[str, int]) -> None:
    table = text_table(tr("visits"), tr("number"), figures=(tr("number"),))
    for outcome, number in sorted(visits.items()):
        table.add_row(word(outcome), count(number))
    if visits:
        show_table(table)


def _print_commissions(commissions: list[Record]) -> None:
    headings = [tr("commissions"), tr("number"), tr("amount")]
    table = text_table(*headings, figures=headings[1:])
    for one in commissions:
        table.add_row(clean(one["agency"]), count(one["items"]), f"{amount(one['amount'])} {one['currency']}")
    if commissions:
        show_table(table)
