"""``recobro dispute``, ``recobro disputes`` and ``recobro resolve``."""

from itertools import islice
from typing import Annotated, Any, Literal

import typer

from recobro.asking import Answer, asks_platform
from recobro.business_day import parsed_day
from recobro.client import Client, Refused
from recobro.errors import Trouble
from recobro.language import day, tr, word
from recobro.lookup import InPortfolio, Number, OnlyPortfolio, Record, contract_numbered, portfolio_id_of
from recobro.payments import parsed_amount
from recobro.terminal import (
    amount,
    clean,
    out,
    printable,
    show_table,
    text_table,
)

Outcome = Literal["upheld", "partly_upheld", "rejected", "verified", "withdrawn"]


@asks_platform
def dispute(
    client: Client,
    number: Number,
    reason: Annotated[str, typer.Argument(metavar="REASON", help="What the debtor disputes, in a few words.")],
    by: Annotated[
        Literal["debtor", "agent", "visitor", "creditor"], typer.Option(help="Who reports the dispute.")
    ] = "debtor",
    detail: Annotated[str | None, typer.Option(metavar="TEXT", help="The whole statement.")] = None,
    instalment: Annotated[
        list[int] | None, typer.Option(metavar="N", help="Only this instalment is disputed; may be repeated.")
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="It is another dispute, although one with this reason is open.")
    ] = False,
    portfolio: InPortfolio = None,
) -> Answer:
    """Enter that a debt is disputed. Nobody contacts the debtor until somebody resolves it.

    Example: recobro dispute CLR-070000008 "amount in doubt" --detail "says that October was paid"
    """
    contract = contract_numbered(client, number, portfolio)
    body = {"reason": reason, "detail": detail, "opened_by": by, "instalments": instalment or []}
    try:
        path = f"/v1/contracts/{contract['contract_id']}/clarifications"
        opened = client.post("portfolio", path, body | ({"again": True} if again else {}))
    except Refused as refused:
        if refused.code != "clarification-exists":
            raise
        raise Trouble(f"{refused}\n{tr('If it is another dispute, add --again.')}") from None
    yield opened
    out.print(tr("Disputed: nobody contacts the debtor. Answer by {day}.", day=day(opened["deadline_on"])))
    out.print(tr("To resolve it: recobro resolve {number} OUTCOME", number=printable(number)), markup=False)


@asks_platform
def disputes(
    client: Client,
    state: Annotated[
        Literal["open", "upheld", "partly_upheld", "rejected", "verified", "withdrawn", "all"],
        typer.Option(help="Only disputes in this state."),
    ] = "open",
    before: Annotated[
        str | None, typer.Option(metavar="DATE", help="Only those that must be answered before this day.")
    ] = None,
    portfolio: OnlyPortfolio = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=10000, help="The most disputes to list.")] = 50,
) -> Answer:
    """List disputes, oldest first, with the day by which each must be answered.

    Example: recobro disputes --before 2026-12-01
    """
    deadline = before and str(parsed_day(before))
    only = portfolio_id_of(client, portfolio) if portfolio else None
    wanted = {"state": None if state == "all" else state, "deadline_before": deadline, "portfolio_id": only}
    found = list(islice(client.items("portfolio", "/v1/clarifications", **wanted), limit + 1))
    yield found[:limit]
    if not found:
        out.print(tr("There are no such disputes."))
        return
    headings = [tr("contract"), tr("reason"), tr("opened on"), tr("answer by"), tr("state")]
    table = text_table(*headings, figures=headings[2:4])
    for one in found[:limit]:
        opened, until = day(one["opened_on"]), day(one["deadline_on"])
        table.add_row(
            clean(one["contract_number"]), clean(word(one["reason"])), opened, until, tr(f"outcome {one['state']}")
        )
    show_table(table)
    if len(found) > limit:
        out.print(tr("There are more. To see them, use --limit."))


@asks_platform
def resolve(
    client: Client,
    number: Number,
    outcome: Annotated[
        Outcome,
        typer.Argument(
            metavar="OUTCOME",
            help="How the dispute ends. Upheld and partly upheld need --correct: the debtor is right.",
        ),
    ],
    detail: Annotated[str | None, typer.Option(metavar="TEXT", help="Why, for the debtor and the auditor.")] = None,
    correct: Annotated[
        list[str] | None,
        typer.Option(metavar="N=AMOUNT", help="The right amount of instalment N; may be repeated."),
    ] = None,
    document: Annotated[str | None, typer.Option(metavar="TEXT", help="For verified: the document sent.")] = None,
    proof: Annotated[str | None, typer.Option(metavar="TEXT", help="For verified: the proof of sending.")] = None,
    about: Annotated[
        str | None, typer.Option(metavar="REASON", help="The reason of the dispute, if the contract has several.")
    ] = None,
    portfolio: InPortfolio = None,
) -> Answer:
    """Resolve the open dispute of a contract.

    Example: recobro resolve CLR-070000008 partly_upheld --correct 1=40000.00 --detail "October was paid in part"
    """
    body: dict[str, Any] = {"outcome": outcome, "detail": detail, "document": document, "proof_of_sending": proof}
    body["corrections"] = [_correction(text) for text in correct or ()]
    contract = contract_numbered(client, number, portfolio)
    view = client.get("portfolio", f"/v1/contracts/{contract['contract_id']}")
    open_ones = [one for one in view["clarifications"] if one["state"] == "open"]
    one = _the_one(open_ones, about, number)
    resolved = client.post("portfolio", f"/v1/clarifications/{one['clarification_id']}/resolution", body)
    yield resolved
    overdue, total = amount(resolved["overdue_balance"]), amount(resolved["total_balance"])
    out.print(tr("Resolved: {outcome}.", outcome=tr(f"outcome {resolved['outcome']}")))
    out.print(tr("Overdue: {overdue}; in total {total}.", overdue=overdue, total=total))
    if resolved["contact_may_resume"]:
        out.print(tr("This dispute no longer forbids contact."))
    else:
        out.print(tr("Nobody may contact the debtor yet."))


def _correction(text: str) -> dict[str, Any]:
    number, equals, value = text.partition("=")
    if not (equals and number.isdecimal()):
        raise Trouble(tr("{text} is not a correction such as 1=1234.50.", text=printable(text)))
    return {"instalment": int(number), "amount": "0.00" if value in ("0", "0.00") else parsed_amount(value)}


def _the_one(found: list[Record], about: str | None, number: str) -> Record:
    matching = [one for one in found if about in (None, one["reason"])]
    if len(matching) == 1:
        return matching[0]
    if not matching:
        raise Trouble(tr("{number} has no such open dispute.", number=printable(number)))
    lines = [tr("{number} has several open disputes. Say which: --about REASON.", number=printable(number))]
    lines += [f"  {day(one['opened_on'])}  {one['reason']}" for one in matching]
    raise Trouble("\n".join(map(printable, lines)))
