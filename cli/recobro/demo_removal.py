"""Takes what the demo has left on a platform out of the work: its portfolios are given back, its rules end."""

import re
import time
from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from rich.progress import MofNCompleteColumn, Progress, TextColumn

from recobro.client import Client
from recobro.demo import AGENCIES, CREDITOR, PORTFOLIO, AsAgency
from recobro.figures import Record
from recobro.language import tr
from recobro.terminal import count, err, may_show, out, printable

_PLAYED = re.compile(rf"{PORTFOLIO} \d+")
_FIRST_RULE = "Default dialing"
"""The rule of the demo of earlier releases. It held for every portfolio."""

_RECALLED_SECONDS = 120.0
_AT_ONCE = 500
"""So many recalls an agency acknowledges in one request."""


def remove(client: Client, as_agency: AsAgency) -> None:
    """Give the demo's portfolios back to their invented creditor, and end its rules. Safe to repeat.

    Giving back closes the contracts, so they leave lists, agencies, visits and promises. ``as_agency`` makes a client
    with an agency's token: the invented agencies acknowledge their recalls. Names and history stay: nothing that
    somebody has done here is deleted.
    """
    creditors = {one["creditor_id"] for one in client.items("portfolio", "/v1/creditors") if one["name"] == CREDITOR}
    # Somebody may have given the creditor a portfolio of another name. It is none of the demo's.
    played = [
        one
        for one in client.items("portfolio", "/v1/portfolios")
        if one["creditor_id"] in creditors and _PLAYED.fullmatch(one["name"])
    ]
    closed = sum(_give_back(client, one["portfolio_id"]) for one in played)
    names = {name for name, _ in AGENCIES}
    agencies = [one["agency_id"] for one in client.items("assignment", "/v1/agencies") if one["name"] in names]
    _end_rules(client, {one["portfolio_id"] for one in played}, set(agencies))
    left = _acknowledge(client, played, {one: as_agency(UUID(one)) for one in agencies})
    if not played:
        out.print(tr("The demo has left nothing here."))
        return
    for one in played:
        out.print(tr("Out of the work: {portfolio}", portfolio=printable(one["name"])), markup=False)
    out.print(tr("{count} contracts are closed and leave lists, agencies, visits and promises.", count=count(closed)))
    if left:
        out.print(
            tr(
                "{count} recalls wait for their agency still, and become final after the days of grace. Run this"
                " command again to acknowledge more of them now.",
                count=count(left),
            )
        )
    out.print(tr("What stays, and in no report of another day: the names of the demo, and its history."))


def _give_back(client: Client, portfolio_id: str) -> int:
    """Return how many contracts were closed. A request closes a part of a large portfolio."""
    closed, left = 0, 1
    while left:
        answer = client.post("portfolio", f"/v1/portfolios/{portfolio_id}/return", {"reason": tr("end of the demo")})
        closed, left = closed + answer["closed"], answer["left"]
    return closed


def _end_rules(client: Client, portfolio_ids: set[str], agencies: set[str]) -> None:
    for rule in client.items("assignment", "/v1/placement-rules"):
        named = set(rule["when"]["portfolio_ids"] or ())
        shares = {share["agency_id"] for share in rule["shares"]}
        was_first = rule["name"] == _FIRST_RULE and shares <= agencies
        if rule["ended_at"] is None and (was_first or (named and named <= portfolio_ids)):
            client.post("assignment", f"/v1/placement-rules/{rule['rule_id']}/end", {})


def _acknowledge(client: Client, played: Sequence[Record], agencies: Mapping[str, Client]) -> int:
    """Acknowledge the recalls of the closed contracts, which assignment learns of through events, as the agencies.

    Returns how many placements are left when the time is over.
    """
    contracts = {
        contract["contract_id"]
        for one in played
        for contract in client.items("portfolio", "/v1/contracts", portfolio_id=one["portfolio_id"], limit=1000)
    }
    deadline = time.monotonic() + _RECALLED_SECONDS
    columns = (TextColumn("{task.description}", markup=False), MofNCompleteColumn())
    with Progress(*columns, console=err, transient=True, disable=not may_show()) as progress:
        task = progress.add_task(tr("The agencies acknowledge their recalls"), total=None)
        while placements := _recalled(client, contracts, agencies):
            progress.update(task, total=max(progress.tasks[0].total or 0, len(placements)))
            for agency_id, agency in agencies.items():
                pending = [
                    one["placement_id"]
                    for one in placements
                    if (one["agency_id"], one["state"]) == (agency_id, "recall_pending")
                ]
                for start in range(0, len(pending), _AT_ONCE):
                    if time.monotonic() > deadline:
                        return len(_recalled(client, contracts, agencies))
                    some = pending[start : start + _AT_ONCE]
                    answer = {"placement_ids": some, "reason": tr("end of the demo")}
                    agency.post("assignment", "/v1/placements/acknowledgements", answer)
                    progress.advance(task, len(some))
            time.sleep(0.2)
    return 0


def _recalled(client: Client, contracts: Collection[str], agencies: Collection[str]) -> list[Record]:
    """The placements of these contracts that are recalled, or will be in a moment."""
    return [
        placement
        for agency_id in agencies
        for state in ("active", "recall_pending")
        for placement in client.items("assignment", "/v1/placements", agency_id=agency_id, state=state, limit=1000)
        if placement["contract_id"] in contracts
    ]
