"""The stream of one page: server-sent events that say what has changed. It carries no data of contracts."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from fastapi import Request
from starlette.responses import Response, StreamingResponse

from recobro_console.live.hub import Hub, Listener, TooManyPages
from recobro_console.pages import EVERYBODY, Router

QUIET_SECONDS = 10.0
router = Router(EVERYBODY)


@router.get("/live")
async def live(request: Request) -> Response:
    """Tell the page what has changed, until it is closed, the session ends or the console stops."""
    session = request.state.session
    hub: Hub = request.app.state.hub

    async def stream() -> AsyncIterator[str]:
        agency = str(session.agency_id) if session.agency_id else None
        try:
            with hub.listening(agency) as listener:
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
        yield _message(is_live, subjects)


def _message(is_live: bool, subjects: list[str]) -> str:
    return f"data: {json.dumps({'live': is_live, 'changed': subjects})}\n\n"
