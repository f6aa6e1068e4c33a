"""Health, readiness and metrics. These routes are open to everyone and show no personal data."""

import asyncio
from typing import cast

from fastapi import APIRouter, Depends, Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from recobro_events import Database
from starlette.responses import JSONResponse, Response

from chassis.failures import DATABASE_ERRORS
from chassis.problems import Unavailable
from chassis.trust import TokenVerifier
from chassis.turns import admit_anybody

PROBE_TIMEOUT_SECONDS = 3.0
router = APIRouter(include_in_schema=False, dependencies=[Depends(admit_anybody)])


@router.get("/livez")
async def livez(request: Request) -> Response:
    """The process answers, and its consumers make progress. A log or database that is away is no reason to restart."""
    runtime = request.app.state.runtime
    if runtime is not None and (stalled := runtime.stalled()):
        raise Unavailable(f"These make no progress: {', '.join(stalled)}.", code="stalled")
    return JSONResponse({"status": "ok"})


@router.get("/startupz")
async def startupz(request: Request) -> Response:
    """Everything has been started."""
    if not request.app.state.started:
        raise Unavailable("The process is still starting.", code="starting")
    return JSONResponse({"status": "ok"})


@router.get("/readyz")
async def readyz(request: Request) -> Response:
    """The service can do its work. If it cannot, the answer is 503 with ``problems`` in plain words.

    ``warnings`` say what will become a problem unless somebody acts.
    """
    problems = ["not started"] if not request.app.state.started else []
    problems += ["stopping"] if request.app.state.stopping.is_set() else []
    runtime = request.app.state.runtime
    problems += await _database_problems(request.app.state.database)
    problems += runtime.problems() if runtime is not None else []
    problems += request.app.state.tasks.problems()
    verifier = cast(TokenVerifier | None, request.app.state.token_verifier)
    problems += verifier.problems() if verifier is not None and request.app.state.started else []
    if problems:
        raise Unavailable("; ".join(problems), code="not-ready", extra={"problems": problems})
    warnings = verifier.warnings() if verifier is not None else []
    return JSONResponse({"status": "ready"} | ({"warnings": warnings} if warnings else {}))


@router.get("/metrics")
async def metrics() -> Response:
    return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _database_problems(database: object) -> list[str]:
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_SECONDS), cast(Database, database).connection() as connection:
            await connection.fetchval("SELECT 1")
    except (OSError, *DATABASE_ERRORS) as error:
        return [f"the database does not answer ({type(error).__name__})"]
    return []
