"""``recobro create-campaign``."""

from typing import Annotated, Any

import typer

from recobro.asking import Answer, asks_platform
from recobro.client import Client
from recobro.language import tr
from recobro.lookup import agency_named, portfolio_id_of
from recobro.payments import parsed_amount
from recobro.terminal import out, printable


@asks_platform
def create_campaign(
    client: Client,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of the new campaign.")],
    portfolio: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only this portfolio, by name or id; may be repeated. Default: all."),
    ] = None,
    agency: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The agency that dials, by name or id; default: the creditor's own people."),
    ] = None,
    stage: Annotated[
        list[str] | None,
        typer.Option(metavar="STAGE", help="Contracts in this stage; may be repeated. Default: early and late."),
    ] = None,
    min_overdue: Annotated[
        str, typer.Option(metavar="AMOUNT", help="Only contracts with more than this amount overdue.")
    ] = "100.00",
) -> Answer:
    """Make a campaign, which has a dialing list every day.

    Example: recobro create-campaign Recordatorio --portfolio "Tarjetas 2026"
    """
    body: dict[str, Any] = {"name": name, "min_overdue": parsed_amount(min_overdue)}
    body["stages"] = stage or ["early", "late"]
    body["portfolio_ids"] = [portfolio_id_of(client, one) for one in portfolio or ()] or None
    body["agency_id"] = agency_named(client, agency)["agency_id"] if agency else None
    made = client.post_when_known("dialer-feed", "/v1/campaigns", body)
    yield made
    out.print(tr("The campaign {name} is made.", name=printable(name)), markup=False)
    out.print(tr("To publish its list: recobro list --campaign NAME --date DATE"))
