"""The daily jobs for cron: staging, the day's dialing lists, the check of promises. Each is safe to run twice."""

import time
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from recobro.business_day import DAY_METAVAR, TODAY, parsed_day, todays
from recobro.client import Client, Refused, connect
from recobro.data import DataFolder
from recobro.errors import Trouble
from recobro.language import day as said_day
from recobro.language import tr, word
from recobro.lookup import OnlyPortfolio, campaign_named, file_name_of, portfolio_id_of
from recobro.terminal import (
    DEFAULT_DATA,
    AsJson,
    Data,
    Url,
    amount,
    clean,
    count,
    err,
    out,
    print_json,
    printable,
    show_table,
    text_table,
    working,
)

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
    portfolio: OnlyPortfolio = None,
    data: Data = DEFAULT_DATA,
    url: Url = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Move the business date forward and stage every contract that is due.

    The command asks before it accepts a day that is more than one day ahead of today. The run goes on when this command
    is interrupted.

    Example: recobro stage --as-of today
    """
    day = None if as_of == TODAY else str(parsed_day(as_of))
    with connect(DataFolder(data), url) as client:
        asking = _Asking(yes, not as_json)
        only = portfolio and portfolio_id_of(client, portfolio)
        run = _staged(client, day, only, asking) if day else _staged_today(client, only, asking)
    if as_json:
        print_json(run)
        return
    if run["as_of"] is None:
        out.print(tr("No portfolio has had a file yet: there is nothing to stage."))
        return
    staged_to, changed = said_day(run["as_of"]), count(run["changed"])
    out.print(tr("Staged as of {day}: {count} contracts changed their stage.", day=staged_to, count=changed))
    table = text_table(tr("stage"), tr("open contracts"), figures=(tr("open contracts"),))
    for name, contracts in run["by_stage"].items():
        table.add_row(word(name), count(contracts))
    show_table(table)


def _far_ahead(problem: Mapping[str, Any]) -> str:
    """What a day far ahead of today would do, for the person who is asked."""
    named = "; ".join(
        tr(
            "{portfolio}: {days} days after {today}",
            portfolio=one["name"] or one["portfolio_id"],
            days=count(one["days_ahead"]),
            today=said_day(one["today"]),
        )
        for one in problem["portfolios"]
    )
    return tr(
        "{day} is far ahead of today ({portfolios}). A move to this day cannot be taken back.",
        day=said_day(problem["as_of"]),
        portfolios=named,
    )


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
                raise Trouble(
                    f"{question} {tr('Nothing has been changed. If you mean this day, use --yes.')}"
                ) from None
            if not typer.confirm(f"{question} {tr('Go on?')}", err=True):
                raise Trouble(tr("Nothing has been changed.")) from None
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
        days = todays(client.items("portfolio", "/v1/portfolios", returned=False))
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
    campaign: Annotated[
        str | None, typer.Option(metavar="NAME", help="The campaign whose list is published, by name or id.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every campaign, one after the other.")] = False,
    save: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Save each list here as a CSV file, for people.")
    ] = None,
    data: Data = DEFAULT_DATA,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Publish a campaign's dialing list for a day and wait until it is live.

    With --all, the command publishes the list of every campaign. If a list fails, the command continues with the next
    campaign and ends with exit code 1.

    Example: recobro list --all --date today
    """
    if (campaign is None) != every:
        raise Trouble(tr("Name one campaign with --campaign NAME, or use --all for every campaign."))
    day = None if date == TODAY else str(parsed_day(date))
    with connect(DataFolder(data), url) as client:
        if campaign is None:
            raise typer.Exit(_publish_all(client, day, save, as_json=as_json))
        one = campaign_named(client, campaign)
        day = day or _todays_list(client, one)
        published = publish(client, one["campaign_id"], day)
        saved = _save_list(client, one["name"], published, save) if save else None
        address = f"{client.address('dialer-feed')}/v1/lists/{published['list_id']}/entries"
    if as_json:
        print_json(published)
        return
    out.print(
        tr(
            "The list of {day} is live: {entries} entries, {overdue} overdue.",
            day=said_day(published["business_date"]),
            entries=count(published["entries"]),
            overdue=amount(published["overdue_total"]),
        )
    )
    if saved:
        out.print(tr("Saved: {file}", file=saved), markup=False)
    out.print(tr("Dialers read it at {address}", address=address), markup=False)


def _todays_list(client: Client, campaign: dict[str, Any]) -> str:
    """Return today's date for the campaign. Raises ``Trouble`` if its portfolios do not share exactly one."""
    only: Collection[str] | None = campaign["portfolio_ids"]
    days = [str(day) for day in todays(client.items("portfolio", "/v1/portfolios", returned=False), only)]
    if not days:
        raise Trouble(tr("No portfolio of the campaign has had a file yet, so the campaign has no date."))
    if len(days) > 1:
        raise Trouble(
            tr(
                "Today is {days} in the time zones of the portfolios. Choose one with --date.",
                days=tr(" and ").join(map(said_day, days)),
            )
        )
    return days[0]


def _campaigns_at_work(client: Client) -> list[dict[str, Any]]:
    """Return the campaigns that have a portfolio which its creditor has not taken back."""
    campaigns = list(client.items("dialer-feed", "/v1/campaigns"))
    if all(one["portfolio_ids"] is None for one in campaigns):
        return campaigns
    at_work = {one["portfolio_id"] for one in client.items("portfolio", "/v1/portfolios", returned=False)}
    return [one for one in campaigns if one["portfolio_ids"] is None or at_work & set(one["portfolio_ids"])]


def _publish_all(client: Client, day: str | None, save: Path | None, *, as_json: bool) -> int:
    """Print the outcome of each campaign's list and return the exit code."""
    outcomes = [_outcome(client, campaign, day) for campaign in _campaigns_at_work(client)]
    failed = [outcome for outcome in outcomes if outcome["trouble"] is not None]
    built = [(outcome["name"], outcome["list"]) for outcome in outcomes if outcome["list"] is not None]
    saved = [file for name, one in built if save and (file := _save_list(client, name, one, save))]
    if as_json:
        print_json(outcomes)
    elif not outcomes:
        out.print(tr("There is no campaign yet."))
    else:
        headings = [tr("campaign"), tr("day"), tr("list"), tr("entries"), tr("overdue")]
        table = text_table(*headings, figures=(headings[1], *headings[3:]))
        for outcome in outcomes:
            table.add_row(clean(outcome["name"]), *_cells(outcome["list"]))
        show_table(table)
        for outcome in failed:
            err.print(printable(f"{outcome['name']}: {outcome['trouble']}"), style="red", markup=False)
        for file in saved:
            out.print(tr("Saved: {file}", file=file), markup=False)
        if failed:
            err.print(
                tr(
                    "{failed} of {all} lists were not published. Fix the cause and run the command again.",
                    failed=count(len(failed)),
                    all=count(len(outcomes)),
                )
            )
    return 1 if failed else 0


def _save_list(client: Client, campaign: str, published: dict[str, Any], folder: Path) -> Path | None:
    """Save the entries of a live list and return the file. A list of a day that is over has none."""
    if published["status"] != "published":
        return None
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{file_name_of(campaign)}-{published['business_date']}.csv"
    client.save("dialer-feed", f"/v1/lists/{published['list_id']}/entries?format=csv", file)
    return file


def _outcome(client: Client, campaign: dict[str, Any], day: str | None) -> dict[str, Any]:
    named = {"campaign_id": campaign["campaign_id"], "name": campaign["name"]}
    try:
        published = publish(client, campaign["campaign_id"], day or _todays_list(client, campaign))
    except Trouble as trouble:
        return {**named, "list": None, "trouble": str(trouble)}
    return {**named, "list": published, "trouble": None}


def _cells(published: dict[str, Any] | None) -> tuple[str, ...]:
    if published is None:
        return "–", word("failed"), "–", "–"
    shown = word("live" if published["status"] == "published" else published["status"])
    return said_day(published["business_date"]), shown, count(published["entries"]), amount(published["overdue_total"])


def publish(client: Client, campaign_id: str, business_date: str) -> dict[str, Any]:
    """Request the list of a day and wait until it is live. Raises ``Trouble`` if it cannot be built."""
    with working(tr("Building the list")):
        return _published(client, campaign_id, business_date)


def _published(client: Client, campaign_id: str, business_date: str) -> dict[str, Any]:
    deadline = time.monotonic() + _LIST_SECONDS
    wanted = {"campaign_id": campaign_id, "business_date": business_date}
    dialing_list: dict[str, Any] = client.post("dialer-feed", "/v1/lists", wanted)
    while dialing_list["status"] == "building":
        if time.monotonic() > deadline:
            raise Trouble(
                tr("The list is still waiting for {services}.", services=", ".join(dialing_list["waiting_for"]))
            )
        time.sleep(_ASK_EVERY_SECONDS)
        dialing_list = client.get("dialer-feed", f"/v1/lists/{dialing_list['list_id']}")
    if dialing_list["status"] == "failed":
        why = dialing_list.get("error_detail") or dialing_list["error"]
        raise Trouble(tr("The list was not built: {why}", why=why))
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

    Staging also does this, for the portfolios that it moves. The command asks before it accepts a day that is more than
    one day ahead of today: all promises up to that day would be broken.

    Example: recobro check-promises --as-of today
    """
    day = None if as_of == TODAY else str(parsed_day(as_of))
    with connect(DataFolder(data), url) as client:
        if day is None:
            days = todays(client.items("portfolio", "/v1/portfolios", returned=False))
            day = str(next(iter(days))) if days else None
        asking = _Asking(yes, not as_json)
        decided = asking.post(client, "promises", "/v1/promise-checks", {"as_of": day}) if day else {}
    if as_json:
        print_json({"as_of": day, **decided})
    elif day is None:
        out.print(tr("No portfolio has had a file yet: there is no promise to check."))
    else:
        out.print(
            tr(
                "Promises as of {day}: {kept} kept, {partly} partly kept, {broken} broken.",
                day=said_day(day),
                kept=count(decided["kept"]),
                partly=count(decided["partly_kept"]),
                broken=count(decided["broken"]),
            )
        )
