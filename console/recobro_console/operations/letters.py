"""Events that were set aside or refused: their payload without personal data, applying them again, discarding them."""

from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import Response

from recobro_console.calls import Refused
from recobro_console.operations.api import OPERATORS, known_service
from recobro_console.operations.measures import masked
from recobro_console.pages import CurrentPage, Page, Router

router = Router(OPERATORS)
_ROUTES = {"letters": "dead-letters", "unsent": "unsent-events"}
"""Where the services keep events that could not be applied, and events that the log refused."""


@router.get("/operations/{service}/letters")
async def letters(page: CurrentPage, service: str, key: str, cursor: str | None = None) -> Response:
    """The waiting events of one key, oldest first. The first one blocks the others."""
    found = await page.services.get(known_service(service), "/v1/dead-letters", key=key, cursor=cursor, limit=50)
    return page.show(
        "operations/letters.html",
        service=service,
        key=key,
        found=found,
        first=cursor is None,
        may=page.session.may(f"{service}:write"),
    )


@router.post("/operations/{service}/replay")
async def replay(page: CurrentPage, service: str) -> Response:
    """Apply the waiting events of a key in order, up to a refusal."""
    typed = await page.form()
    body: dict[str, Any] = {"key": typed.get("key")} if typed.get("key") else {"all": True}
    done = await page.services.post(known_service(service), "/v1/dead-letters/replay", body, key=typed.get("_key"))
    waiting = sum(each["waiting"] for each in done["keys"])
    applied = page.reader.number(done["replayed"])
    if waiting or done["more"]:
        sentence = "{applied} events were applied, {waiting} still wait. The reason stands beside the first of them."
        return page.done("/operations", sentence, applied=applied, waiting=page.reader.number(waiting))
    return page.done("/operations", "{applied} events were applied. None of them waits any more.", applied=applied)


@router.post("/operations/{service}/retry")
async def retry(page: CurrentPage, service: str) -> Response:
    """Send the unsent events of a key again."""
    typed = await page.form()
    body = {"key": typed.get("key", "")}
    await page.services.post(known_service(service), "/v1/unsent-events/retry", body, key=typed.get("_key"))
    return page.done("/operations", "The events are sent again. Look in some seconds whether any is left.")


@router.get("/operations/{service}/{kind}/{event_id}")
async def event(page: CurrentPage, service: str, kind: str, event_id: int) -> Response:
    """One event that could not be applied, or that the log refused, with its payload."""
    return await _event(page, service, kind, event_id)


async def _event(
    page: Page, service: str, kind: str, event_id: int, wrong: str | None = None, reason: str = ""
) -> Response:
    found = await page.services.get(known_service(service), f"/v1/{_kept(kind)}/{event_id}")
    return page.show(
        f"operations/{kind}_event.html",
        422 if wrong else 200,
        service=service,
        event=found,
        payload=masked(found["body"]),
        wrong=wrong,
        reason=reason,
        may=page.session.may(f"{service}:write") and found["discarded_at"] is None,
    )


def _kept(kind: str) -> str:
    if kind not in _ROUTES:
        raise HTTPException(404)
    return _ROUTES[kind]


@router.post("/operations/{service}/{kind}/{event_id}/discard")
async def discard(page: CurrentPage, service: str, kind: str, event_id: int) -> Response:
    """Never apply this event, or never send it."""
    typed = await page.form()
    reason = typed.get("reason", "")
    path = f"/v1/{_kept(kind)}/{event_id}/discard"
    try:
        await page.services.post(known_service(service), path, {"reason": reason}, key=typed.get("_key"))
    except Refused as refusal:
        if refusal.status != 422:
            raise
        return await _event(page, service, kind, event_id, page.tr("Say why it is discarded."), reason)
    return page.done("/operations", "The event is discarded. Those behind it can be applied now.")
