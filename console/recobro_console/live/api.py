"""The stream of one page: server-sent events that say what has changed. It carries no data of contracts."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

from fastapi import Request
from starlette.responses import Response, StreamingResponse

from recobro_console.calls import Trouble
from recobro_console.live.hub import Hub, Listener, TooManyPages
from recobro_console.pages import EVERYBODY, Router, page_of
from recobro_console.sessions.oidc import ProviderAway
from recobro_console.sessions.tokens import SignedOut

QUIET_SECONDS = 10.0
router = Router(EVERYBODY)


@router.get("/live")
async def live(request: Request, contract_id: UUID | None = None) -> Response:
    """Send the page what has changed, until it is closed, the session ends or the console stops.

    ``contract_id`` is the contract that the page shows, whose changes an agency gets while it has the contract.
    """
    session = request.state.session
    hub: Hub = request.app.state.hub
    shown = f"contract:{contract_id}" if contract_id and session.agency_id else None

    async def stream() -> AsyncIterator[str]:
        agency = str(session.agency_id) if session.agency_id else None
        try:
            with hub.listening(agency, shown) as listener:
                async for message in _messages(request, listener, session.expires_at):
                    yield message
        except TooManyPages:
            yield "retry: 30000\n\n"

    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream(), media_type="text/event-stream", headers=headers)


async def _messages(request: Request, listener: Listener, ends_at: datetime) -> AsyncIterator[str]:
    stopping: asyncio.Event = request.app.state.stopping
    yield _message(listener.is_live, [])
    async for is_live, subjects in listener.messages(QUIET_SECONDS):
        if stopping.is_set() or datetime.now(UTC) >= ends_at:
            return
        if listener.about in subjects and not await _has(request, listener.about):
            subjects.remove(listener.about)
        yield _message(is_live, subjects)


async def _has(request: Request, contract: str) -> bool:
    """Whether the agency still has the contract that its page shows."""
    try:
        page = await page_of(request)
        await page.services.get("portfolio", f"/v1/contracts/{contract.removeprefix('contract:')}")
    except (Trouble, SignedOut, ProviderAway, OSError):
        return False
    return True


def _message(is_live: bool, subjects: list[str]) -> str:
    return f"data: {json.dumps({'live': is_live, 'changed': subjects})}\n\n"
