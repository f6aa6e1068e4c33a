"""What a debtor does on the page. Each act goes the way of one that a colleague enters, and says by whom it is.

A problem changes nothing, and the page says why in words of its own.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from chassis import Conflict, FieldError, Invalid, Principal, Text, clock
from chassis.inconvenient import Inconvenient
from pydantic import TypeAdapter, ValidationError
from recobro_events import Row, Transaction
from recobro_events.contracts.promises import AgreementKind, ClarificationRequested, ConvenienceRequested, MadeIn

from promises.agreements.cancelling import cancel
from promises.agreements.deciding import Acceptance, NotPending, accept
from promises.agreements.proposing import propose
from promises.agreements.reaching import reach
from promises.agreements.reading import PENDING, AcceptedBy, Agreement, AgreementUnknown, read
from promises.agreements.terms import NewAgreement
from promises.debtor_page import queries
from promises.debtor_page.opening import ACTOR, actor_of
from promises.debtor_page.rules import MOST_ACTS, amount_typed
from promises.taking import queries as contract_queries
from promises.taking.cancelling import Cancellation
from promises.taking.making import NewPromise, make

DISPUTES = ("not_my_debt", "wrong_amount", "already_paid", "identity_theft", "other")
MEDIA = ("call", "sms", "whatsapp", "email", "visit")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DECLINED = "declined_by_debtor"
CLOSED = "debtor"
"""Why a link has ended that its debtor has closed."""
_DETAIL: TypeAdapter[str] = TypeAdapter(Text)


class DisputeKnown(Conflict):
    code = "dispute-known"
    detail = "The debtor has disputed this contract already."


class TooManyActs(Conflict):
    code = "too-many-acts"
    detail = f"A link takes {MOST_ACTS} acts."


@dataclass(frozen=True)
class Sent:
    """A form that the debtor has sent. Amounts are read as the debtor's country writes them."""

    fields: Mapping[str, list[str]]
    has_decimal_point: bool

    def one(self, name: str) -> str:
        return self.fields.get(name, [""])[0].strip()

    def many(self, name: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.fields.get(name, ())))

    def id(self, name: str) -> UUID:
        try:
            return UUID(self.one(name))
        except ValueError:
            raise AgreementUnknown() from None


Result = Mapping[str, Any]
"""What came of an act: ids, amounts and days. The page says it, and an operator reads it with the link."""
Does = Callable[[Transaction, Row, Principal, Sent], Awaitable[Result]]


async def act(tx: Transaction, link: Row, kind: str, form: str, sent: Sent) -> Result:
    """Do it and keep the outcome, once for each form. The link and its contract are locked."""
    known = await tx.fetchrow(queries.ACT, link["link_id"], form)
    if known is not None:
        result: Result = known["result"]
        return result
    if await tx.fetchval(queries.COUNT_ACTS, link["link_id"]) >= MOST_ACTS:
        raise TooManyActs()
    try:
        done = await ACTS[kind](tx, link, actor_of(link), sent)
    except ValidationError as error:
        raise _mistake(str((error.errors()[0]["loc"] or ("",))[0])) from error
    await tx.execute(queries.KEEP_ACT, link["link_id"], form, kind, dict(done), clock.now())
    return done


async def _promise(tx: Transaction, link: Row, who: Principal, sent: Sent) -> Result:
    amount = amount_typed(sent.one("amount"), has_decimal_point=sent.has_decimal_point)
    if amount is None:
        raise _mistake("amount")
    due_on = _day(sent.one("due_on"), "due_on")
    new = NewPromise.model_validate(
        {"contract_id": link["contract_id"], "amount": _written(amount), "due_on": due_on, "made_in": MadeIn.PORTAL}
    )
    made = await make(tx, who, new)
    return {
        "promise_id": str(made.promise_id),
        "amount": _written(made.amount),
        "currency": made.currency,
        "due_on": str(made.due_on),
    }


async def _choose(tx: Transaction, link: Row, who: Principal, sent: Sent) -> Result:
    new = NewAgreement.model_validate(
        {
            "contract_id": link["contract_id"],
            "kind": sent.one("kind"),
            "offer_id": sent.one("offer_id"),
            "made_in": MadeIn.PORTAL,
        }
    )
    agreement = await (reach if new.kind is AgreementKind.PLAN else propose)(tx, who, new)
    return _result(agreement)


async def _accept(tx: Transaction, link: Row, who: Principal, sent: Sent) -> Result:
    agreement = await _own(tx, link, who, sent)
    acceptance = Acceptance.model_validate({"by": AcceptedBy.CODE, "proof": sent.one("proof")})
    return _result(await accept(tx, who, agreement.agreement_id, acceptance))


async def _decline(tx: Transaction, link: Row, who: Principal, sent: Sent) -> Result:
    agreement = await _own(tx, link, who, sent)
    if agreement.state not in PENDING:
        raise NotPending()
    return _result(await cancel(tx, who, agreement.agreement_id, Cancellation(reason=DECLINED)))


async def _dispute(tx: Transaction, link: Row, _: Principal, sent: Sent) -> Result:
    """The portfolio opens the clarification, and with it the silence, as for one that is raised on a call."""
    reason = sent.one("reason")
    if reason not in DISPUTES:
        raise _mistake("reason")
    contract = await tx.fetchrow(contract_queries.CONTRACT, link["contract_id"], None, clock.now())
    if (contract is not None and contract["disputed"]) or await tx.fetchval(
        queries.HAS_DONE, link["link_id"], "dispute"
    ):
        raise DisputeKnown()
    said = " ".join(sent.one("detail").split())
    try:
        detail = _DETAIL.validate_python(said) if said else None
    except ValidationError:
        raise _mistake("detail") from None
    tx.publish(ClarificationRequested(contract_id=link["contract_id"], reason=reason, detail=detail, reported_by=ACTOR))
    return {"reason": reason}


async def _contact(tx: Transaction, link: Row, _: Principal, sent: Sent) -> Result:
    begins, ends = sent.one("from"), sent.one("to")
    hours = (f"{begins}-{ends}",) if begins or ends else ()
    given = {"not_hours": hours, "not_days": sent.many("days"), "not_media": sent.many("media")}
    try:
        said = Inconvenient.model_validate(given)
    except ValidationError:
        raise _mistake("contact") from None
    tx.publish(
        ConvenienceRequested(
            contract_id=link["contract_id"],
            not_hours=said.not_hours,
            not_days=said.not_days,
            not_media=said.not_media,
            reported_by=ACTOR,
        )
    )
    return {part: list(values) for part, values in given.items() if values}


async def _end(tx: Transaction, link: Row, _: Principal, __: Sent) -> Result:
    await tx.execute(queries.END, link["link_id"], clock.now(), CLOSED)
    return {}


async def _own(tx: Transaction, link: Row, who: Principal, sent: Sent) -> Agreement:
    """The agreement that the form names, if it is of this link's contract."""
    agreement = await read(tx, sent.id("agreement_id"), who)
    if agreement.contract_id != link["contract_id"]:
        raise AgreementUnknown()
    return agreement


def _result(agreement: Agreement) -> Result:
    return {
        "agreement_id": str(agreement.agreement_id),
        "kind": agreement.kind.value,
        "state": agreement.state.value,
        "total": _written(agreement.total),
        "currency": agreement.currency,
    }


def _written(amount: Decimal) -> str:
    return f"{amount:.2f}"


def _day(text: str, field: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise _mistake(field) from None


def _mistake(field: str) -> Invalid:
    return Invalid("A field of the form is wrong.", errors=[FieldError(f"/{field}", "is wrong")])


ACTS: Mapping[str, Does] = {
    "promise": _promise,
    "choice": _choose,
    "acceptance": _accept,
    "decline": _decline,
    "dispute": _dispute,
    "contact": _contact,
    "end": _end,
}
"""Every act, by the name in its path."""
