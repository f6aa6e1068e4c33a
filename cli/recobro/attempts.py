"""``recobro attempt``: the creditor's own people tried to reach a debtor."""

from typing import Annotated, Literal

import typer

from recobro.asking import Answer, asks_platform
from recobro.client import Client
from recobro.language import day, tr
from recobro.lookup import InPortfolio, Number, contract_numbered
from recobro.terminal import out

Outcome = Literal[
    "right_party",
    "refused",
    "third_party",
    "wrong_number",
    "no_answer",
    "busy",
    "voicemail",
    "failed",
    "sent",
    "answered",
]


@asks_platform
def attempt(
    client: Client,
    number: Number,
    outcome: Annotated[
        Outcome,
        typer.Argument(
            metavar="OUTCOME",
            help="How the attempt ended. A message is sent or answered; all other values are for calls.",
        ),
    ],
    note: Annotated[str | None, typer.Option(metavar="TEXT", help="A note for colleagues.")] = None,
    portfolio: InPortfolio = None,
) -> Answer:
    """Enter that one of us called the debtor or wrote a message. A call counts for call frequency.

    Example: recobro attempt CLR-070000008 no_answer
    """
    contract = contract_numbered(client, number, portfolio)
    channel = "message" if outcome in ("sent", "answered") else "call"
    body = {"channel": channel, "outcome": outcome, "note": note}
    made = client.post("portfolio", f"/v1/contracts/{contract['contract_id']}/attempts", body)
    yield made
    out.print(tr("Entered. The attempt counts on {day}.", day=day(made["business_date"])))
