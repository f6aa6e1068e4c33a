"""The daily jobs, for cron: staging, and the day's dialing list. Both are safe to run twice."""

import time
from typing import Annotated, Any
from uuid import UUID

import typer

from recobro.client import Client, connect
from recobro.data import DataFolder
from recobro.errors import Trouble
from recobro.loading import parsed_day
from recobro.terminal import DEFAULT_DATA, AsJson, Data, Url, amount, count, out, print_json, table_of

_ASK_EVERY_SECONDS = 0.5
_STAGING_SECONDS = 3600.0
# A list whose barrier is not reached fails after 15 minutes; so this ends.
_LIST_SECONDS = 20 * 60.0


def stage(
    as_of: Annotated[str, typer.Option(metavar="DATE", help="The business date to move to.")],
    portfolio: Annotated[UUID | None, typer.Option(metavar="ID", help="Only this portfolio; default: all.")] = None,
    data: Data = DEFAULT_DATA,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Move the business date forward and every contract whose day has come into its stage.

    Example: recobro stage --as-of 2026-11-23
    """
    body = {"as_of": str(parsed_day(as_of)), "portfolio_id": str(portfolio) if portfolio else None}
    with connect(DataFolder(data), url) as client:
        run = client.post("portfolio", "/v1/staging-runs", body, patience_seconds=_STAGING_SECONDS)
    if as_json:
        print_json(run)
        return
    out.print(f"Staged as of {run['as_of']}: {count(run['changed'])} contracts changed their stage.")
    table = table_of("stage", "open contracts")
    for name, contracts in run["by_stage"].items():
        table.add_row(name, count(contracts))
    out.print(table)


def publish_list(
    campaign: Annotated[UUID, typer.Option(metavar="ID", help="The campaign.")],
    date: Annotated[str, typer.Option(metavar="DATE", help="The business date that the list is for.")],
    data: Data = DEFAULT_DATA,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Publish a campaign's dialing list for a day and wait until it is live.

    Example: recobro list --campaign 0190a6f2-5a3c-7c1e-9f1b-2f6f3f0c9a11 --date 2026-11-23
    """
    with connect(DataFolder(data), url) as client:
        published = publish(client, str(campaign), str(parsed_day(date)))
        address = f"{client.address('dialer-feed')}/v1/lists/{published['list_id']}/entries"
    if as_json:
        print_json(published)
        return
    out.print(
        f"The list of {published['business_date']} is live: {count(published['entries'])} entries, "
        f"{amount(published['overdue_total'])} overdue."
    )
    out.print(f"Dialers read it at {address}", markup=False)


def publish(client: Client, campaign_id: str, business_date: str) -> dict[str, Any]:
    """Ask for the list of a day and wait until it is live; ``Trouble`` when it cannot be built."""
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
