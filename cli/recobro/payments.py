"""``recobro pay`` and ``recobro reverse``."""

from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

import typer

from recobro.asking import Answer, asks_platform
from recobro.business_day import DAY_METAVAR
from recobro.client import Client, Refused
from recobro.errors import Trouble
from recobro.language import day, tr, word
from recobro.lookup import InPortfolio, Number, Record, contract_numbered, day_of_contract
from recobro.terminal import amount, count, out, printable

Amount = Annotated[
    str, typer.Argument(metavar="AMOUNT", help="The amount, such as 1234.50, with a point and no other sign.")
]


def parsed_amount(text: str) -> str:
    """Return the amount as the services take it. Raises ``Trouble`` if it is not written like 1234.50."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = None
    if value is None or not value.is_finite() or value <= 0 or "," in text or -int(value.as_tuple().exponent) > 2:
        raise Trouble(tr("{text} is not an amount such as 1234.50.", text=printable(text)))
    return f"{value:.2f}"


@asks_platform
def pay(
    client: Client,
    number: Number,
    paid: Amount,
    on: Annotated[str, typer.Option(metavar=DAY_METAVAR, help="The day on which the debtor paid.")] = "today",
    channel: Annotated[
        str, typer.Option(metavar="CHANNEL", help="How it was paid, such as bank, spei, card, cash, store or branch.")
    ] = "bank",
    reference: Annotated[
        str | None, typer.Option(metavar="TEXT", help="The bank's reference. With it, a payment counts only once.")
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="It is another payment, although it looks like the one before.")
    ] = False,
    portfolio: InPortfolio = None,
) -> Answer:
    """Enter a payment. The contract leaves the dialing lists at once.

    Example: recobro pay CLR-070000008 1500.00 --on 2026-11-22 --channel branch --reference R-1001
    """
    money = parsed_amount(paid)
    contract = contract_numbered(client, number, portfolio)
    body: dict[str, Any] = {"amount": money, "channel": channel, "reference": reference}
    body |= {"paid_on": day_of_contract(client, contract, on)} | ({"again": True} if again else {})
    try:
        receipt = client.post("portfolio", f"/v1/contracts/{contract['contract_id']}/payments", body)
    except Refused as refused:
        if refused.code != "payment-doubtful":
            raise
        raise Trouble(f"{refused}\n{tr('If it is another payment, add --again.')}") from None
    yield receipt
    out.print(tr("Paid: {amount}.", amount=amount(receipt["amount"])))
    if Decimal(receipt["credit"]) > 0:
        out.print(tr("{amount} of it paid no instalment and is a credit.", amount=amount(receipt["credit"])))
    print_balance(receipt)


def print_balance(receipt: Record) -> None:
    """Print where the contract stands after a payment or its reversal."""
    out.print(
        tr(
            "Still overdue: {overdue}; in total {total}. Stage {stage}, {days} days past due.",
            overdue=amount(receipt["overdue_balance"]),
            total=amount(receipt["total_balance"]),
            stage=word(receipt["stage"]),
            days=count(receipt["days_past_due"]),
        )
    )


@asks_platform
def reverse(
    client: Client,
    number: Number,
    reason: Annotated[str, typer.Argument(metavar="REASON", help="Why the payment does not count.")],
    reference: Annotated[str | None, typer.Option(metavar="TEXT", help="The reference of the payment.")] = None,
    paid: Annotated[str | None, typer.Option("--amount", metavar="AMOUNT", help="The amount of the payment.")] = None,
    paid_on: Annotated[str | None, typer.Option(metavar="DATE", help="The day of the payment.")] = None,
    on: Annotated[
        str | None,
        typer.Option(
            metavar=DAY_METAVAR,
            help="The bank's day of the reversal. Default: today or the portfolio's business date, whichever is later.",
        ),
    ] = None,
    portfolio: InPortfolio = None,
) -> Answer:
    """Take back a payment of a contract, as if the payment had never been made.

    If the contract has several payments, say which one by its reference, amount or day.

    Example: recobro reverse CLR-070000008 "cheque returned" --reference R-1001
    """
    wanted = {"reference": reference, "amount": paid and parsed_amount(paid)}
    contract = contract_numbered(client, number, portfolio)
    wanted["paid_on"] = paid_on and day_of_contract(client, contract, paid_on)
    payments = client.items("portfolio", f"/v1/contracts/{contract['contract_id']}/payments")
    payment = _the_one([one for one in payments if not one["reversed_at"]], wanted, number)
    body = {"reason": reason} | ({"reversed_on": day_of_contract(client, contract, on)} if on else {})
    reversal = client.post("portfolio", f"/v1/payments/{payment['payment_id']}/reversal", body)
    yield reversal
    paid_day = day(payment["paid_on"])
    out.print(tr("Reversed: {amount}, paid on {day}.", amount=amount(payment["amount"]), day=paid_day))
    print_balance(reversal)


def _the_one(payments: list[Record], wanted: dict[str, str | None], number: str) -> Record:
    """Return the only payment that is as wanted. Raises ``Trouble`` with the candidates otherwise."""
    matching = [one for one in payments if all(value is None or one[name] == value for name, value in wanted.items())]
    if len(matching) == 1:
        return matching[0]
    if not matching:
        raise Trouble(tr("{number} has no such payment.", number=printable(number)))
    lines = [tr("{number} has several. Say which: --reference, --amount or --paid-on.", number=printable(number))]
    lines += [f"  {day(one['paid_on'])}  {amount(one['amount'])}  {one['reference'] or '–'}" for one in matching]
    raise Trouble("\n".join(map(printable, lines)))
