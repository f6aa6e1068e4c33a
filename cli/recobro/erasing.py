"""``recobro erase`` and ``recobro erasures``."""

from typing import Annotated

import typer

from recobro.asking import Answer, asks_in_role, asks_platform
from recobro.client import Client
from recobro.errors import Trouble
from recobro.language import day, tr
from recobro.lookup import InPortfolio, Number, contract_numbered
from recobro.terminal import count, out, printable, show_table, table_of


@asks_in_role("supervisor")
def erase(
    client: Client,
    number: Number,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why, such as the number of the request. Name nobody.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    portfolio: InPortfolio = None,
) -> Answer:
    """Erase the personal data of a contract's customer, in all services. It cannot be taken back.

    Names, phones, e-mails, addresses, tax ids, photos and notes of all contracts of the person are erased. Amounts,
    history and opt-outs stay. No contract of the person may be open. The command needs the role supervisor.

    Example: recobro erase CLR-070000008 --reason "request 118/2026"
    """
    contract = contract_numbered(client, number, portfolio)
    path = f"/v1/people/{contract['debtor_id']}/erasure"
    state = client.get("portfolio", path)
    if state["kept_until"] is not None:
        raise Trouble(tr("The law asks for the records of this person until {day}.", day=day(state["kept_until"])))
    if not yes and not state["open_contracts"]:
        question = tr("The personal data of {name} are erased for good.", name=printable(contract["debtor_name"]))
        if not typer.confirm(f"{question} {tr('Go on?')}", err=True):
            raise typer.Exit(1)
    erased = client.post("portfolio", path, {"reason": reason})
    yield erased
    out.print(tr("Erased. Contracts: {count}.", count=count(len(erased["contract_ids"]))))
    out.print(tr("Backups still hold the data. After a restore: recobro reenter, or recobro erase again."))


@asks_platform
def erasures(client: Client) -> Answer:
    """List the erasures, which have to be repeated after the restore of an older backup. The list names nobody.

    Example: recobro erasures --json > erasures.json
    """
    found = list(client.items("portfolio", "/v1/erasures"))
    yield found
    table = table_of(tr("erased on"), tr("contracts"), tr("reason"), tr("person"))
    for one in found:
        table.add_row(
            one["erased_at"][:10], count(len(one["contract_ids"])), printable(one["reason"]), one["person_id"]
        )
    show_table(table)
