"""The daily jobs for cron: staging, the day's dialing lists, the check of promises. Each is safe to run twice."""

import time
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Annotated, Any, NamedTuple
from uuid import UUID

import typer
from rich.text import Text

from recobro.business_day import DAY_METAVAR, TODAY, parsed_day, todays
from recobro.client import Client, Refused, connect
from recobro.data import DataFolder
from recobro.dead_letters import printable
from recobro.errors import Trouble
from recobro.terminal import DEFAULT_DATA, AsJson, Data, Url, amount, count, err, out, print_json, table_of

Yes = Annotated[bool, typer.Option("--yes", help="Confirm a day that is far ahead of today.")]

_ASK_EVERY_SECONDS = 0.5
_STAGING_SECONDS = 3600.0
# A list whose barrier is not reached fails after 15 minutes, so this wait ends.
_LIST_SECONDS = 20 * 60.0


def stage(
    as_of: Annotated[
        str,
        typer.Option(
            metavar=DAY_METAVAR,
            help="The business date to move to. today is the date in each portfolio's own time zone; "
            "the variable TZ does not matter.",
        ),
    ],
    portfolio: Annotated[UUID | None, typer.Option(metavar="ID", help="Only this portfolio; default: all.")] = None,
    data: Data = DEFAULT_DATA,
    url: Url = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Move the business date forward and stage every contract that is due.

    A day that is more than one day ahead of today is a question. The run goes on when this command is interrupted.

    Example: recobro stage --as-of today
    """
    only = str(portfolio) if portfolio else None
    day = None if as_of == TODAY else str(parsed_day(as_of))
    with connect(DataFolder(data), url) as client:
        asking = _Asking(yes, not as_json)
        run = _staged(client, day, only, asking) if day else _staged_today(client, only, asking)
    if as_json:
        print_json(run)
        return
    if run["as_of"] is None:
        out.print("No portfolio has had a file yet: there is nothing to stage.")
        return
    out.print(f"Staged as of {run['as_of']}: {count(run['changed'])} contracts changed their stage.")
    table = table_of("stage", "open contracts")
    for name, contracts in run["by_stage"].items():
        table.add_row(name, count(contracts))
    out.print(table)


def _far_ahead(problem: Mapping[str, Any]) -> str:
    """What a day far ahead of today would do, for the person who is asked."""
    named = "; ".join(
        f"{one['name'] or one['portfolio_id']}: {count(one['days_ahead'])} days after {one['today']}"
        for one in problem["portfolios"]
    )
    return f"{problem['as_of']} is far ahead of today ({named}). A move to this day cannot be taken back."


class _Asking(NamedTuple):
    """Whether a day far ahead of today is confirmed by ``yes`` already, and whether the person ``may_be_asked``."""

    yes: bool = False
    may_be_asked: bool = False

    def post(self, client: Client, service: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Post the day in ``body``. Raises ``Trouble`` when it is far ahead of today and nobody confirms it."""
        try:
            return self._posted(client, service, path, body | ({"confirm_future": True} if self.yes else {}))
        except Refused as refused:
            if refused.code != "confirm-future":
                raise
            question = _far_ahead(refused.problem)
            if not (self.may_be_asked and err.is_terminal):
                raise Trouble(f"{question} Nothing has been changed. If you mean this day, use --yes.") from None
            if not typer.confirm(f"{question} Go on?", err=True):
                raise Trouble("Nothing has been changed.") from None
        return self._posted(client, service, path, body | {"confirm_future": True})

    def _posted(self, client: Client, service: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = client.post(service, path, body, patience_seconds=_STAGING_SECONDS)
        return answer


def _staged(client: Client, day: str, portfolio_id: str | None, asking: _Asking) -> dict[str, Any]:
    return asking.post(client, "portfolio", "/v1/staging-runs", {"as_of": day, "portfolio_id": portfolio_id})


def _staged_today(client: Client, portfolio_id: str | None, asking: _Asking) -> dict[str, Any]:
    """Return the runs of all portfolios as one run.

    ``as_of`` is the latest of their days. It is null if no portfolio has had a file.
    """
    if portfolio_id is None:
        days = todays(client.items("portfolio", "/v1/portfolios"))
    else:
        days = todays([client.get("portfolio", f"/v1/portfolios/{portfolio_id}")])
    runs = [_staged(client, str(day), one, asking) for day, portfolios in days.items() for one in portfolios]
    by_stage: Counter[str] = Counter()
    for run in runs:
        by_stage.update(run["by_stage"])
    return {
        "as_of": runs[-1]["as_of"] if runs else None,
        "changed": sum(run["changed"] for run in runs),
        "by_stage": dict(by_stage),
    }


def publish_list(
    date: Annotated[
        str,
        typer.Option(
            metavar=DAY_METAVAR,
            help="The business date of the list. today is the date in the time zone of the campaign's "
            "portfolios; the variable TZ does not matter.",
        ),
    ],
    campaign: Annotated[UUID | None, typer.Option(metavar="ID", help="The campaign whose list is published.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every campaign, one after the other.")] = False,
    data: Data = DEFAULT_DATA,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Publish a campaign's dialing list for a day and wait until it is live.

    With --all, the command publishes the list of every campaign. If a list fails, it continues with the next campaign
    and ends with exit code 1.

    Example: recobro list --all --date today
    """
    if (campaign is None) != every:
        raise Trouble("Name one campaign with --campaign ID, or use --all for every campaign.")
    day = None if date == TODAY else str(parsed_day(date))
    with connect(DataFolder(data), url) as client:
        if campaign is None:
            raise typer.Exit(_publish_all(client, day, as_json=as_json))
        day = day or _todays_list(client, client.get("dialer-feed", f"/v1/campaigns/{campaign}"))
        published = publish(client, str(campaign), day)
        address = f"{client.address('dialer-feed')}/v1/lists/{published['list_id']}/entries"
    if as_json:
        print_json(published)
        return
    out.print(
        f"The list of {published['business_date']} is live: {count(published['entries'])} entries, "
        f"{amount(published['overdue_total'])} overdue."
    )
    out.print(f"Dialers read it at {address}", markup=False)


def _todays_list(client: Client, campaign: dict[str, Any]) -> str:
    """Return today's date for the campaign. Raises ``Trouble`` if its portfolios do not share exactly one."""
    only: Collection[str] | None = campaign["portfolio_ids"]
    days = [str(day) for day in todays(client.items("portfolio", "/v1/portfolios"), only)]
    if not days:
        raise Trouble("No portfolio of the campaign has had a file yet, so the campaign has no date.")
    if len(days) > 1:
        raise Trouble(f"Today is {' and '.join(days)} in the time zones of the portfolios. Choose one with --date.")
    return days[0]


def _publish_all(client: Client, day: str | None, *, as_json: bool) -> int:
    """Print the outcome of each campaign's list and return the exit code."""
    outcomes = [_outcome(client, campaign, day) for campaign in client.items("dialer-feed", "/v1/campaigns")]
    failed = [outcome for outcome in outcomes if outcome["trouble"] is not None]
    if as_json:
        print_json(outcomes)
    elif not outcomes:
        out.print("There is no campaign yet.")
    else:
        table = table_of("campaign", "day", "list", "entries", "overdue")
        for outcome in outcomes:
            table.add_row(Text(printable(outcome["name"])), *_cells(outcome["list"]))
        out.print(table)
        for outcome in failed:
            err.print(printable(f"{outcome['name']}: {outcome['trouble']}"), style="red", markup=False)
        if failed:
            err.print(
                f"{len(failed)} of {len(outcomes)} lists were not published. Fix the cause and run the command again."
            )
    return 1 if failed else 0


def _outcome(client: Client, campaign: dict[str, Any], day: str | None) -> dict[str, Any]:
    named = {"campaign_id": campaign["campaign_id"], "name": campaign["name"]}
    try:
        published = publish(client, campaign["campaign_id"], day or _todays_list(client, campaign))
    except Trouble as trouble:
        return {**named, "list": None, "trouble": str(trouble)}
    return {**named, "list": published, "trouble": None}


def _cells(published: dict[str, Any] | None) -> tuple[str, ...]:
    if published is None:
        return "–", "failed", "–", "–"
    shown = "live" if published["status"] == "published" else published["status"]
    return published["business_date"], shown, count(published["entries"]), amount(published["overdue_total"])


def publish(client: Client, campaign_id: str, business_date: str) -> dict[str, Any]:
    """Request the list of a day and wait until it is live. Raises ``Trouble`` if it cannot be built."""
    deadline = time.monotonic() + _LIST_SECONDS
    wanted = {"campaign_id": campaign_id, "business_date": business_date}
    dialing_list: dict[str, Any] = client.post("dialer-feed", "/v1/lists", wanted)
    while dialing_list["status"] == "building":
        if time.monotonic() > deadline:
            raise Trouble(f"The list is still waiting for {', '.join(dialing_list['waiting_for'])}.")
        time.sleep(_ASK_EVERY_SECONDS)
        dialing_list = client.get("dialer-feed", f"/v1/lists/{dialing_list['list_id']}")
    if dialing_list["status"] == "failed":
        raise Trouble(f"The list was not built: {dialing_list.get('error_detail') or dialing_list['error']}")
    return dialing_list


def check_promises(
    as_of: Annotated[
        str,
        typer.Option(
            metavar=DAY_METAVAR,
            help="Promises are decided as of the close of this day. today is the earliest date in the "
            "portfolios' time zones; the variable TZ does not matter.",
        ),
    ],
    data: Data = DEFAULT_DATA,
    url: Url = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Decide every promise whose time is over: kept, partly kept or broken.

    Staging also does this, for the portfolios that it moves. A day that is more than one day ahead of today is a
    question: all promises up to it would be broken.

    Example: recobro check-promises --as-of today
    """
    day = None if as_of == TODAY else str(parsed_day(as_of))
    with connect(DataFolder(data), url) as client:
        if day is None:
            days = todays(client.items("portfolio", "/v1/portfolios"))
            day = str(next(iter(days))) if days else None
        asking = _Asking(yes, not as_json)
        decided = asking.post(client, "promises", "/v1/promise-checks", {"as_of": day}) if day else {}
    if as_json:
        print_json({"as_of": day, **decided})
    elif day is None:
        out.print("No portfolio has had a file yet: there is no promise to check.")
    else:
        out.print(
            f"Promises as of {day}: {count(decided['kept'])} kept, {count(decided['partly_kept'])} partly kept, "
            f"{count(decided['broken'])} broken."
        )
