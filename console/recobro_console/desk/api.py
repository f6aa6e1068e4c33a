"""The desk of the creditor's own people: the next person, the debt, the notes, and the outcome."""

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from starlette.responses import Response

from recobro_console import names
from recobro_console.calls import Refused, Trouble
from recobro_console.desk import editing
from recobro_console.forms import KEY
from recobro_console.pages import STAFF, CurrentPage, Page, Router
from recobro_console.sessions.store import Role

router = Router(STAFF)
_SHOWN = 3
"""So many contracts of a person are read whole, for their phones and history."""
_LINES = 8
CALLS = (
    *("right_party", "refused", "third_party", "wrong_number", "no_answer", "busy", "voicemail", "failed"),
    *("sent", "answered"),
)
_MESSAGES = ("sent", "answered")
_PERMIT = "permit_id"


@router.get("/desk")
async def desk(page: CurrentPage) -> Response:
    """The worklists, whom the user has now, and what waits for a supervisor."""
    services = page.services
    own = services.get("portfolio", "/v1/desk-items", operator=page.session.subject, state="given", limit=1)
    escalated = services.get("portfolio", "/v1/desk-items", state="escalated", limit=50)
    worklists, held, waiting, done = await asyncio.gather(
        page.attempt(services.get("portfolio", "/v1/worklists")),
        page.attempt(own),
        page.attempt(escalated),
        page.attempt(services.get("portfolio", "/v1/desk-productivity")),
    )
    return page.show(
        "desk/desk.html",
        worklists=worklists,
        held=held,
        waiting=waiting,
        done=done,
        supervises=page.session.role is Role.SUPERVISOR,
        may=page.session.may("portfolio:write"),
    )


@router.post("/desk/worklists/{worklist_id}/next")
async def give_next(page: CurrentPage, worklist_id: UUID) -> Response:
    """Go to the next person of the worklist."""
    return await _next(page, str(worklist_id), (await page.form()).get(KEY))


async def _next(page: Page, worklist_id: str, key: str | None = None, sentence: str | None = None) -> Response:
    found = await page.services.post("portfolio", f"/v1/worklists/{worklist_id}/next", key=key)
    if found["item"] is None and found["filling"]:
        return page.done("/desk", "The worklist is being filled. Ask for the next person again in a few seconds.")
    if found["item"] is None:
        return page.done("/desk", "Nobody of this worklist can be given now. Choose another one, or look in later.")
    path = f"/desk/items/{found['item']['item_id']}"
    return page.done(path, sentence or "This person is yours for 30 minutes.")


@router.get("/desk/items/{item_id}")
async def item(page: CurrentPage, item_id: UUID) -> Response:
    """A person with their contracts, phones, history and notes, and the forms that end the work."""
    return await _item(page, item_id)


async def _item(
    page: Page, item_id: UUID, typed: Mapping[str, str] | None = None, wrong: Trouble | None = None
) -> Response:
    found = await page.services.get("portfolio", f"/v1/desk-items/{item_id}")
    ids = [one["contract_id"] for one in found["contracts"][:_SHOWN]]
    contracts, lines = await asyncio.gather(
        asyncio.gather(*(page.attempt(page.services.get("portfolio", f"/v1/contracts/{one}")) for one in ids)),
        page.attempt(page.services.get("portfolio", f"/v1/contracts/{ids[0]}/history", order="desc", limit=_LINES)),
    )
    status = 200 if wrong is None else wrong.status if isinstance(wrong, Refused) else 503
    return page.show(
        "desk/item.html",
        status,
        item=found,
        contracts=contracts,
        lines=lines,
        zone=await _zone(page, found),
        outcomes=CALLS,
        typed=typed or {},
        wrong=wrong,
        own=found["operator"] == page.session.subject or page.session.role is Role.SUPERVISOR,
        supervises=page.session.role is Role.SUPERVISOR,
        may=page.session.may("portfolio:write"),
        asks=page.session.may("dialer-feed:write"),
    )


async def _zone(page: Page, found: Mapping[str, Any]) -> str | None:
    """The zone of the first contract's portfolio, in which times are typed and shown."""
    path = f"/v1/portfolios/{found['contracts'][0]['portfolio_id']}"
    portfolio = await page.attempt(page.services.get("portfolio", path))
    return None if isinstance(portfolio, Trouble) else str(portfolio["timezone"])


@router.get("/desk/items/{item_id}/parts/state")
async def state(page: CurrentPage, item_id: UUID) -> Response:
    """The contracts as they stand now. A silence that has begun is shown at once."""
    found = await page.attempt(page.services.get("portfolio", f"/v1/desk-items/{item_id}"))
    segments = {} if isinstance(found, Trouble) else await _segments(page, found)
    return page.show("desk/state.html", item=found, segments=segments)


async def _segments(page: Page, found: Mapping[str, Any]) -> dict[str, names.Names]:
    """The segments of each portfolio of the item, in the reader's words."""
    ids = sorted({contract["portfolio_id"] for contract in found["contracts"]})
    return dict(zip(ids, await asyncio.gather(*(names.segments(page, one) for one in ids)), strict=True))


@router.post("/desk/items/{item_id}/permit")
async def ask_to_call(page: CurrentPage, item_id: UUID) -> Response:
    """Whether one call may be made now, as a part of the page. The last permit that was given goes with the outcome."""
    typed = await page.form()
    found = await page.services.get("portfolio", f"/v1/desk-items/{item_id}")
    asked = {name: typed.get(name, "") for name in ("contract_id", "phone")}
    answer = await page.attempt(page.services.post("dialer-feed", "/v1/permits", asked))
    permit_id = typed.get(_PERMIT) if isinstance(answer, Trouble) else answer[_PERMIT]
    said = ""
    if isinstance(answer, Refused) and "reason" in answer.problem:
        # The console's meaning of a code such as `outside-hours` is about visits. The permit's sentence is about calls.
        said = answer.detail
    elif isinstance(answer, Trouble):
        said = page.said(answer)
    zone = await _zone(page, found)
    return page.show("desk/permit.html", answer=answer, said=said, phone=asked["phone"], permit_id=permit_id, zone=zone)


@router.post("/desk/items/{item_id}/outcome")
async def finish(page: CurrentPage, item_id: UUID) -> Response:
    """Enter the outcome, and go to the next person if the user wants that."""
    typed = await page.form()
    outcome = typed.get("outcome", "")
    body: dict[str, Any] = {"channel": "message" if outcome in _MESSAGES else "call", "outcome": outcome}
    body |= {"note": typed["note"]} if typed.get("note") else {}
    body |= {_PERMIT: typed[_PERMIT]} if typed.get(_PERMIT) and outcome not in _MESSAGES else {}
    ended = await _try(page, item_id, "outcome", body, typed)
    if isinstance(ended, Response):
        return ended
    if "next" in typed:
        return await _next(page, ended["worklist_id"], sentence="The outcome is entered. This is the next person.")
    return page.done("/desk", "The outcome is entered.")


@router.post("/desk/items/{item_id}/notes")
async def note(page: CurrentPage, item_id: UUID) -> Response:
    """Keep a note for colleagues."""
    typed = await page.form()
    kept = await _try(page, item_id, "notes", {"note": typed.get("note", "")}, typed)
    return kept if isinstance(kept, Response) else page.done(f"/desk/items/{item_id}", "The note is kept.")


@router.post("/desk/items/{item_id}/rescheduling")
async def reschedule(page: CurrentPage, item_id: UUID) -> Response:
    """Let the person rest until a time."""
    typed = await page.form()
    found = await page.services.get("portfolio", f"/v1/desk-items/{item_id}")
    again_at = editing.moment_of(typed.get("again_at", ""), await _zone(page, found))
    body = {"again_at": again_at} | ({"reason": typed["reason"]} if typed.get("reason") else {})
    ended = await _try(page, item_id, "rescheduling", body, typed)
    return ended if isinstance(ended, Response) else page.done("/desk", "Nobody gets the person before that time.")


@router.post("/desk/items/{item_id}/escalation")
async def escalate(page: CurrentPage, item_id: UUID) -> Response:
    """Ask a supervisor."""
    typed = await page.form()
    ended = await _try(page, item_id, "escalation", {"reason": typed.get("reason", "")}, typed)
    return ended if isinstance(ended, Response) else page.done("/desk", "A supervisor decides. Nobody calls before.")


@router.post("/desk/items/{item_id}/release")
async def release(page: CurrentPage, item_id: UUID) -> Response:
    """Give the person back."""
    ended = await _try(page, item_id, "release", None, await page.form())
    return ended if isinstance(ended, Response) else page.done("/desk", "The person is back in the worklist.")


@router.post("/desk/items/{item_id}/decision")
async def decide(page: CurrentPage, item_id: UUID) -> Response:
    """A supervisor's word on a person who was escalated."""
    typed = await page.form()
    body = {"decision": typed.get("decision", "")} | ({"note": typed["note"]} if typed.get("note") else {})
    ended = await _try(page, item_id, "decision", body, typed)
    return ended if isinstance(ended, Response) else page.done("/desk", "The decision is kept.")


async def _try(page: Page, item_id: UUID, what: str, body: object, typed: Mapping[str, str]) -> Any:
    """The answer, or the page again with what is wrong."""
    try:
        return await page.services.post("portfolio", f"/v1/desk-items/{item_id}/{what}", body, key=typed.get(KEY))
    except Trouble as trouble:
        return await _item(page, item_id, typed, trouble)


@router.get("/desk/worklists/new")
async def new_worklist(page: CurrentPage) -> Response:
    """The form of a new worklist."""
    return await _worklist(page, None, {})


@router.post("/desk/worklists/new")
async def add_worklist(page: CurrentPage) -> Response:
    """Add the worklist of the form."""
    typed = await page.form()
    everything = await page.request.form()
    try:
        body = editing.worklist_from(typed, everything)
        if portfolio := typed.get("portfolio_id"):
            body["portfolio_ids"] = [portfolio]
        await page.services.post("portfolio", "/v1/worklists", body, key=typed.get(KEY))
    except Trouble as trouble:
        return await _worklist(page, None, editing.worklist_from(typed, everything), trouble)
    return page.done("/desk", "The worklist is there.")


@router.get("/desk/worklists/{worklist_id}")
async def worklist(page: CurrentPage, worklist_id: UUID, cursor: str | None = None) -> Response:
    """A worklist: the people in their order, and the form that changes it."""
    held = await page.services.get("portfolio", f"/v1/worklists/{worklist_id}")
    return await _worklist(page, worklist_id, held, cursor=cursor)


@router.post("/desk/worklists/{worklist_id}")
async def change_worklist(page: CurrentPage, worklist_id: UUID) -> Response:
    """Change the worklist, or retire it."""
    typed = await page.form()
    body = {"active": False} if "retire" in typed else editing.worklist_from(typed, await page.request.form())
    try:
        await page.services.patch("portfolio", f"/v1/worklists/{worklist_id}", body)
    except Trouble as trouble:
        return await _worklist(page, worklist_id, body, trouble)
    return page.done("/desk", "The worklist has changed.")


async def _worklist(
    page: Page,
    worklist_id: UUID | None,
    held: Mapping[str, Any],
    wrong: Trouble | None = None,
    cursor: str | None = None,
) -> Response:
    waiting = None
    portfolios, segments = await asyncio.gather(names.portfolios(page), names.segments(page))
    if worklist_id is not None:
        path = f"/v1/worklists/{worklist_id}/people"
        waiting = await page.attempt(page.services.get("portfolio", path, limit=50, cursor=cursor))
    return page.show(
        "desk/worklist.html",
        422 if wrong else 200,
        worklist_id=worklist_id,
        held={"name": "", "when": {}, "portfolio_ids": None, "active": True} | dict(held),
        portfolios=portfolios,
        segments=segments,
        steps=editing.STEPS,
        stages=editing.STAGES,
        waiting=waiting,
        first=cursor is None,
        wrong=wrong,
        may=page.session.may("portfolio:write"),
    )
