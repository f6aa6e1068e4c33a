"""An agreement by itself: what a second person's decision rests on, and the decision."""

import asyncio
from decimal import Decimal
from typing import Any
from uuid import UUID

from starlette.exceptions import HTTPException
from starlette.responses import Response

from recobro_console.calls import Refused, Trouble
from recobro_console.forms import KEY
from recobro_console.pages import CurrentPage, Page, Router

PENDING = ("proposed", "awaiting_approval", "awaiting_acceptance")
_DECISIONS = {"approval": "It is approved, and now: {state}.", "refusal": "The agreement is refused."}
router = Router()


@router.get("/promises/agreements/{agreement_id}")
async def agreement(page: CurrentPage, agreement_id: UUID) -> Response:
    """The agreement with its calculation, its payments, its offer and its way so far."""
    return await _agreement(page, agreement_id)


async def _agreement(page: Page, agreement_id: UUID, reason: str = "", wrong: Trouble | None = None) -> Response:
    found = await page.services.get("promises", f"/v1/agreements/{agreement_id}")
    contract_id = found["contract_id"]
    contract, offers = await asyncio.gather(
        page.attempt(page.services.get("portfolio", f"/v1/contracts/{contract_id}")),
        page.attempt(page.services.get("promises", "/v1/offers", contract_id=contract_id)),
    )
    status = 200 if wrong is None else wrong.status if isinstance(wrong, Refused) else 503
    undecided = found["state"] in PENDING and found["needs_approval"] and not found["decided_at"]
    return page.show(
        "promises/agreement.html",
        status,
        agreement=found,
        contract=contract,
        parties={} if isinstance(contract, Trouble) else {one["party_id"]: one["name"] for one in contract["parties"]},
        offer=_offer(found["offer_id"], offers),
        share=None if isinstance(contract, Trouble) else _share(found["discount"], contract["total_balance"]),
        pending=found["state"] in PENDING,
        may=page.session.may("promises:write"),
        undecided=undecided,
        own=found["proposed_by"] == page.session.subject,
        reason=reason,
        wrong=wrong,
    )


def _share(discount: str, balance: str | None) -> Decimal | None:
    """The discount as a share of what is owed now."""
    return Decimal(discount) / Decimal(balance) if balance and Decimal(balance) > 0 else None


def _offer(offer_id: str | None, offers: Any) -> Any:
    """The offer that the agreement took, priced as of today. Its id names the rules, the code, the step and the day."""
    if offer_id is None or isinstance(offers, Trouble):
        return None
    _, code, step, _ = offer_id.split(".")
    same = (each for each in offers["items"] if each["offer_id"].split(".")[1:3] == [code, step])
    return next(same, {"code": code, "price": None})


@router.post("/promises/agreements/{agreement_id}/{decision}")
async def decide(page: CurrentPage, agreement_id: UUID, decision: str) -> Response:
    """Approve or refuse it. A refusal of the service is shown above the page, which keeps the typed text."""
    if decision not in _DECISIONS:
        raise HTTPException(404)
    typed = await page.form()
    reason = typed.get("reason", "")
    body = {"reason": reason} if decision == "refusal" else None
    path = f"/v1/agreements/{agreement_id}/{decision}"
    try:
        now = await page.services.post("promises", path, body, key=typed.get(KEY))
    except Trouble as trouble:
        return await _agreement(page, agreement_id, reason, trouble)
    here = f"/promises/agreements/{agreement_id}"
    return page.done(here, _DECISIONS[decision], state=page.reader.word(f"plan {now['state']}"))
