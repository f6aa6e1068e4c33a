"""``recobro promise``, ``recobro promises`` and ``recobro cancel-promise``."""

from itertools import islice
from typing import Annotated, Literal

import typer

from recobro.asking import Answer, asks_platform
from recobro.business_day import parsed_day
from recobro.client import Client
from recobro.errors import Trouble
from recobro.language import day, tr, word
from recobro.lookup import InPortfolio, Number, contract_numbered, day_of_contract, with_numbers
from recobro.payments import Amount, parsed_amount
from recobro.terminal import (
    amount,
    clean,
    out,
    printable,
    show_table,
    text_table,
)


@asks_platform
def promise(
    client: Client,
    number: Number,
    promised: Amount,
    due: Annotated[str, typer.Option(metavar="DATE", help="The day by which the debtor pays.")],
    made_in: Annotated[
        Literal["call", "visit", "portal", "agency"], typer.Option(help="Where the debtor promised.")
    ] = "call",
    portfolio: InPortfolio = None,
) -> Answer:
    """Enter a promise to pay. Nobody contacts the debtor while the promise is open.

    Example: recobro promise CLR-070000008 5000.00 --due 2026-12-05
    """
    money = parsed_amount(promised)
    contract = contract_numbered(client, number, portfolio)
    due_on = day_of_contract(client, contract, due)
    body = {"contract_id": contract["contract_id"], "amount": money, "due_on": due_on, "made_in": made_in}
    made = client.post_when_known("promises", "/v1/promises", body)
    yield made
    promised, due_on, silent = amount(made["amount"]), day(made["due_on"]), day(made["silent_until"])
    out.print(tr("Promised: {amount} by {day}. No contact until {silent}.", amount=promised, day=due_on, silent=silent))


@asks_platform
def promises(
    client: Client,
    due_from: Annotated[str | None, typer.Option(metavar="DATE", help="Only those due on this day or later.")] = None,
    due_to: Annotated[str | None, typer.Option(metavar="DATE", help="Only those due on this day or earlier.")] = None,
    state: Annotated[
        Literal["open", "kept", "partly_kept", "broken", "cancelled", "all"],
        typer.Option(help="Only promises in this state."),
    ] = "open",
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=1000, help="The most promises to list.")] = 50,
) -> Answer:
    """List promises with what is paid of them, the oldest first.

    Example: recobro promises --due-to 2026-12-05
    """
    wanted = {
        "state": None if state == "all" else state,
        "due_from": due_from and str(parsed_day(due_from)),
        "due_to": due_to and str(parsed_day(due_to)),
    }
    listed = list(islice(client.items("promises", "/v1/promises", **wanted), limit + 1))
    found = list(with_numbers(client, listed[:limit]))
    yield found
    if not found:
        out.print(tr("There are no such promises."))
        return
    headings = [tr("contract"), tr("due on"), tr("promised"), tr("paid"), tr("state")]
    table = text_table(*headings, figures=headings[1:4])
    for one in found:
        money = (amount(one["amount"]), amount(one["paid"]))
        table.add_row(clean(one["contract_number"]), day(one["due_on"]), *money, word(one["state"]))
    show_table(table)
    if len(listed) > limit:
        out.print(tr("There are more. To see them, use --limit."))


@asks_platform
def cancel_promise(
    client: Client,
    number: Number,
    reason: Annotated[str, typer.Argument(metavar="REASON", help="Why the promise no longer holds.")],
    portfolio: InPortfolio = None,
) -> Answer:
    """Cancel the open promise of a contract.

    Example: recobro cancel-promise CLR-070000008 "entered for the wrong contract"
    """
    contract = contract_numbered(client, number, portfolio)
    found = list(client.items("promises", "/v1/promises", contract_id=contract["contract_id"], state="open"))
    if not found:
        raise Trouble(tr("{number} has no open promise.", number=printable(number)))
    cancelled = client.post("promises", f"/v1/promises/{found[0]['promise_id']}/cancellation", {"reason": reason})
    yield cancelled
    out.print(tr("Cancelled: {amount} by {day}.", amount=amount(cancelled["amount"]), day=day(cancelled["due_on"])))
