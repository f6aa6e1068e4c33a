"""What people do with a contract and its agreements. Each move asks the services, then tells the model."""

from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from decimal import ROUND_FLOOR, Decimal
from typing import Any

import httpx
from quarter.model import Charge, Contract, Deal, Payment, Promise
from quarter.play import Quarter

CENT = Decimal("0.01")


async def pays(quarter: Quarter, one: Contract) -> None:
    """The debtor pays what is due next, or any amount. The bank tells of it up to six days later."""
    chance = quarter.chance
    deal = one.active
    amount = Decimal(chance.randint(100, 40_000)) / 100
    if deal is not None and deal.schedule and chance.random() < 0.7:
        amount = deal.total if chance.random() < 0.3 else chance.choice(deal.schedule)[1]
    await pay(quarter, one, amount, max(quarter.first, quarter.day - timedelta(days=chance.choice([0, 0, 0, 1, 3, 6]))))


async def pays_all(quarter: Quarter, one: Contract) -> None:
    """The debtor pays today what the agreement asks for."""
    await pay(quarter, one, one.deals[-1].total, quarter.day)


async def pay(quarter: Quarter, one: Contract, amount: Decimal, paid_on: date) -> None:
    quarter.names += 1
    new = {"amount": f"{amount:.2f}", "paid_on": str(paid_on), "channel": "bank", "reference": f"R-{quarter.names}"}
    made = await quarter.post("portfolio", f"/v1/contracts/{one.contract_id}/payments", new)
    one.payments.append(Payment(made["payment_id"], amount, paid_on))
    quarter.tell(one, f"pays {amount} on {paid_on}")


async def reverses(quarter: Quarter, one: Contract) -> None:
    if one.standing_payments:
        payment = quarter.chance.choice(one.standing_payments)
        body = {"reason": "bounced", "reversed_on": str(quarter.day)}
        await quarter.post("portfolio", f"/v1/payments/{payment.payment_id}/reversal", body)
        payment.reversed = True
        quarter.tell(one, f"{payment.amount} of {payment.paid_on} bounces")


async def charges(quarter: Quarter, one: Contract) -> None:
    """The creditor adds a fee to an open debt, or takes the newest one back."""
    standing = [charge for charge in one.charges if not charge.reversed]
    if one.balance and quarter.chance.random() < 0.7:
        amount = Decimal(quarter.chance.randint(100, 5_000)) / 100
        body = {"kind": "fee", "amount": f"{amount:.2f}", "charged_on": str(quarter.day), "reason": "late"}
        made = await quarter.post("portfolio", f"/v1/contracts/{one.contract_id}/charges", body)
        one.charges.append(Charge(made["charge_id"], amount, quarter.day))
        quarter.played["charge"] += 1
        quarter.tell(one, f"a fee of {amount}")
    elif one.balance and standing:
        await quarter.post("portfolio", f"/v1/charges/{standing[-1].charge_id}/reversal", {"reason": "mistake"})
        standing[-1].reversed = True
        quarter.played["charge reversed"] += 1
        quarter.tell(one, f"the fee of {standing[-1].amount} is taken back")
    one.review(quarter.day)


async def takes_offer(quarter: Quarter, one: Contract) -> None:
    """Ana proposes one of the offers of the day."""
    offers = (await quarter.get("promises", "/v1/offers", contract_id=one.contract_id))["items"]
    # Of less than one unit of money no discount and no instalment of an offer may be left.
    if bool(offers) != (one.refused_contact() is None) and not 0 < one.balance < 1:
        quarter.differ(one, "offers", offers, one.balance)
    if offers:
        offer = quarter.chance.choice(offers)
        if Decimal(offer["total"]) + Decimal(offer["discount"]) != one.balance:
            quarter.differ(one, "offer", offer, one.balance)
        body = {"kind": offer["kind"], "offer_id": offer["offer_id"]}
        refused = one.refused_proposal("ana", offer["kind"], Decimal(offer["discount"]), by_offer=True)
        await propose(quarter, one, "ana", body, refused)


async def proposes(quarter: Quarter, one: Contract) -> None:
    """Somebody proposes a discount that they may give, or more."""
    chance = quarter.chance
    who = chance.choice(["ana", "ana", "eva", "luz"])
    kind = chance.choice(["settlement", "settlement", "settlement", "restructure", "forgiveness"])
    balance = one.balance
    percent = 0 if kind == "restructure" else chance.choice([10, 25, 30, 31, 45, 50, 60])
    discount = (balance * percent / 100).quantize(CENT, ROUND_FLOOR)
    count = 0 if kind == "forgiveness" else chance.choice([1, 2, 3])
    due = [quarter.day + timedelta(days=chance.randint(0, 9) + 10 * n) for n in range(count)]
    each = ((balance - discount) / count).quantize(CENT, ROUND_FLOOR) if count else CENT
    if balance > 0 and (each <= 0 or (discount <= 0 and kind != "restructure")):
        return
    amounts = [each] * (count - 1) + [balance - discount - each * (count - 1)] if count else []
    if balance == 0:
        amounts, discount = [Decimal("1.00")] * count, Decimal("1.00")
    body: dict[str, Any] = {"kind": kind, "discount": f"{discount:.2f}" if discount else None}
    if count:
        body["schedule"] = [
            {"due_on": str(day), "amount": f"{amount:.2f}"} for day, amount in zip(due, amounts, strict=True)
        ]
    await propose(quarter, one, who, body, one.refused_proposal(who, kind, discount))


async def propose(quarter: Quarter, one: Contract, who: str, body: dict[str, Any], refused: str | None) -> None:
    answer = await quarter.ask(who, "/v1/agreements", {"contract_id": one.contract_id} | body)
    quarter.same(one, f"{who} proposes {body}", answer, refused)
    if refused is None:
        made = answer.json()
        one.deals.append(
            Deal(
                made["agreement_id"],
                made["kind"],
                [(date.fromisoformat(part["due_on"]), Decimal(part["amount"])) for part in made["instalments"]],
                Decimal(made["discount"]),
                one.balance,
                date.fromisoformat(made["valid_until"]),
                who,
                needs_approval=made["needs_approval"],
            )
        )
        quarter.codes[made["agreement_id"]] = made["acceptance_code"]


async def settles(quarter: Quarter, one: Contract) -> None:
    """A settlement comes into force: 30 % less if the rest is paid within nine days."""
    discount = (one.balance * 30 / 100).quantize(CENT, ROUND_FLOOR)
    due_on = str(quarter.day + timedelta(days=9))
    body = {"kind": "settlement", "schedule": [{"due_on": due_on, "amount": f"{one.balance - discount:.2f}"}]}
    await propose(quarter, one, "ana", body, None)
    deal = one.deals[-1]
    for who, act, sent in (("eva", "approval", None), ("ana", "acceptance", {"by": "recording", "proof": "call 1"})):
        answer = await quarter.ask(who, f"/v1/agreements/{deal.agreement_id}/{act}", sent)
        quarter.same(one, act, answer, None)
    deal.approved = deal.accepted = True
    one.goes_on(deal, quarter.day, promise_ids(answer))


async def decides(quarter: Quarter, one: Contract) -> None:
    """Somebody approves, accepts, refuses or cancels the newest agreement, whether they may or not."""
    if not one.deals:
        return
    chance, deal = quarter.chance, one.deals[-1]
    who = chance.choice(["ana", "eva", "eva", "luz", "luz"])
    act = chance.choice(["approval", "acceptance", "acceptance", "refusal"])
    if deal.needs_approval and not deal.approved and chance.random() < 0.7:
        act, who = "approval", "luz" if deal.proposed_by != "luz" else who
    by = chance.choice(["recording", "recording", "code", "signature"])
    body = {"by": by, "proof": quarter.codes[deal.agreement_id]} if act == "acceptance" else None
    if act == "refusal":
        if chance.random() < 0.7:
            return
        refused = "agreement-not-pending" if not deal.is_pending else None
        refused = "same-person" if deal.is_pending and who == deal.proposed_by else refused
        body = {"reason": "no"}
    else:
        refused = one.refused_decision(deal, who, act, quarter.day, by)
    answer = await quarter.ask(who, f"/v1/agreements/{deal.agreement_id}/{act}", body)
    quarter.same(one, f"{act} by {who} ({by}) of {deal.agreement_id[-6:]}", answer, refused)
    if refused is None:
        if act == "refusal":
            deal.state = "cancelled"
            return
        if act == "approval":
            deal.approved, deal.discount = True, one.discount_now(deal) or Decimal("0.00")
        else:
            deal.accepted = True
        if deal.is_complete:
            deal.discount = one.discount_now(deal) or Decimal("0.00")
        one.goes_on(deal, quarter.day, promise_ids(answer))


def promise_ids(answer: httpx.Response) -> list[str]:
    """The promises of an agreement in force; before, its instalments have no ids."""
    return [part["promise_id"] for part in answer.json()["instalments"]]


async def plans(quarter: Quarter, one: Contract) -> None:
    """Ana agrees on a plan about all or a part of the debt, on days that may have promises."""
    chance = quarter.chance
    count = chance.choice([2, 3])
    days = [quarter.day + timedelta(days=chance.randint(0, 6) + 8 * n) for n in range(count)]
    total = one.balance if chance.random() < 0.5 else one.balance / 2
    each = max(CENT, (total / count).quantize(CENT, ROUND_FLOOR))
    schedule = [(day, each) for day in days]
    body = {
        "contract_id": one.contract_id,
        "kind": "plan",
        "schedule": [{"due_on": str(day), "amount": f"{amount:.2f}"} for day, amount in schedule],
    }
    if one.balance and each * count > one.balance:
        return
    refused = one.refused_promises(schedule, is_plan=True)
    answer = await quarter.ask("ana", "/v1/agreements", body)
    quarter.same(one, f"plan {[(str(day), str(amount)) for day, amount in schedule]}", answer, refused)
    if refused is None:
        made = answer.json()
        deal = Deal(
            made["agreement_id"],
            "plan",
            schedule,
            Decimal("0.00"),
            one.balance,
            days[0],
            "ana",
            needs_approval=False,
            accepted=True,
        )
        one.deals.append(deal)
        quarter.codes[deal.agreement_id] = "none"
        one.begins(deal, quarter.day, promise_ids(answer))


async def promises(quarter: Quarter, one: Contract) -> None:
    """The debtor or a joint obligor promises a part of the debt."""
    chance = quarter.chance
    due_on = quarter.day + timedelta(days=chance.randint(0, 9))
    amount = max(CENT, (one.balance * chance.choice([10, 40, 100]) / 100).quantize(CENT, ROUND_FLOOR))
    body = {"contract_id": one.contract_id, "amount": f"{amount:.2f}", "due_on": str(due_on), "made_in": "call"}
    if chance.random() < 0.5:
        body["party_id"] = one.party_id
    refused = one.refused_promises([(due_on, amount)], is_plan=False)
    answer = await quarter.ask("ana", "/v1/promises", body)
    quarter.same(one, f"promise of {amount} for {due_on}", answer, refused)
    if refused is None:
        made = answer.json()
        if made["party_id"] != body.get("party_id"):
            quarter.differ(one, "who promised", made["party_id"], body.get("party_id"))
        one.promises.append(Promise(made["promise_id"], quarter.day, due_on, amount))
        one.review(quarter.day)


async def disputes(quarter: Quarter, one: Contract) -> None:
    """The debtor disputes the debt, or the creditor answers that it is right."""
    if one.clarification_id:
        path = f"/v1/clarifications/{one.clarification_id}/resolution"
        await quarter.post("portfolio", path, {"outcome": "rejected"})
        one.clarification_id = ""
    elif one.balance:
        path = f"/v1/contracts/{one.contract_id}/clarifications"
        made = await quarter.post("portfolio", path, {"reason": "amount", "opened_by": "debtor"})
        one.clarification_id = made["clarification_id"]
    quarter.tell(one, f"dispute: {'opened' if one.clarification_id else 'none now'}")


async def cancels(quarter: Quarter, one: Contract) -> None:
    deal = one.pending or one.active
    if deal is not None and quarter.chance.random() < 0.2:
        answer = await quarter.ask("ana", f"/v1/agreements/{deal.agreement_id}/cancellation", {"reason": "another"})
        quarter.same(one, "cancellation", answer, None)
        one.cancels(deal, quarter.day)


MOVES: tuple[Callable[[Quarter, Contract], Awaitable[None]], ...] = (
    *(
        pays,
        pays,
        pays,
        reverses,
        takes_offer,
        proposes,
        proposes,
        decides,
        decides,
        decides,
        decides,
        decides,
        cancels,
        plans,
        promises,
        promises,
        disputes,
        charges,
    ),
)
