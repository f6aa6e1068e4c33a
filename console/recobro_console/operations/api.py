"""Operations: whether each service is healthy, how far behind it is, what waits for a person, jobs and barriers."""

import asyncio
from typing import Any

from recobro_platform import SERVICE_NAMES
from starlette.responses import Response

from recobro_console import names
from recobro_console.operations.measures import largest, total
from recobro_console.pages import CurrentPage, NotYours, Page, Router
from recobro_console.sessions.store import Role

OPERATORS = frozenset({Role.SUPERVISOR, Role.AUDITOR})
_MOST = 100
router = Router(OPERATORS)


@router.get("/operations")
async def operations(page: CurrentPage) -> Response:
    """The page. Its parts load by themselves."""
    return page.show("operations/operations.html", may=page.session.may("portfolio:write"))


@router.get("/operations/health")
async def health(page: CurrentPage) -> Response:
    """Each service: whether it is ready, its lag, its outbox, its rebuild."""
    rows = await asyncio.gather(*(_health(page, service) for service in SERVICE_NAMES))
    return page.show("operations/health.html", services=rows)


async def _health(page: Page, service: str) -> dict[str, Any]:
    calls = page.services
    problems, text, rebuild = await asyncio.gather(
        page.attempt(calls.problems(service)),
        page.attempt(calls.metrics(service)),
        page.attempt(calls.get(service, "/v1/rebuild")),
    )
    measured = text if isinstance(text, str) else ""
    return {
        "service": service,
        "problems": problems,
        "outbox_seconds": largest(measured, "outbox_oldest_unpublished_seconds", service=service),
        "outbox_events": total(measured, "outbox_unpublished_events", service=service),
        "lag": total(measured, "consumer_position_lag", consumer=f"{service}.*"),
        "letters": total(measured, "dead_letters", service=service),
        "unsent": total(measured, "unsent_events", service=service),
        "rebuild": rebuild if isinstance(rebuild, dict) else None,
        "may": page.session.may(f"{service}:write"),
    }


@router.get("/operations/parked")
async def parked(page: CurrentPage) -> Response:
    """The events that could not be applied, and those that wait behind them, by contract."""
    answers = await asyncio.gather(
        *(page.attempt(page.services.get(service, "/v1/parked-keys", limit=_MOST)) for service in SERVICE_NAMES)
    )
    found = list(zip(SERVICE_NAMES, answers, strict=True))
    rows = [
        each | {"service": service} for service, answer in found if isinstance(answer, dict) for each in answer["items"]
    ]
    contracts = await names.contracts(page, rows)
    return page.show(
        "operations/parked.html",
        rows=rows,
        contracts=contracts,
        troubles=[answer for answer in answers if not isinstance(answer, dict)],
        more=any(isinstance(answer, dict) and answer["next_cursor"] for answer in answers),
        writable=[service for service in SERVICE_NAMES if page.session.may(f"{service}:write")],
    )


@router.get("/operations/unsent")
async def unsent(page: CurrentPage) -> Response:
    """The events that the log refused, and those that wait behind them."""
    answers = await asyncio.gather(
        *(page.attempt(page.services.get(service, "/v1/unsent-events", limit=_MOST)) for service in SERVICE_NAMES)
    )
    found = zip(SERVICE_NAMES, answers, strict=True)
    rows = [
        each | {"service": service} for service, answer in found if isinstance(answer, dict) for each in answer["items"]
    ]
    return page.show(
        "operations/unsent.html",
        rows=rows,
        troubles=[answer for answer in answers if not isinstance(answer, dict)],
        writable=[service for service in SERVICE_NAMES if page.session.may(f"{service}:write")],
    )


@router.get("/operations/work")
async def work(page: CurrentPage) -> Response:
    """The lists that wait for a barrier."""
    lists = await page.attempt(page.services.get("dialer-feed", "/v1/lists", order="desc", limit=_MOST))
    building = [each for each in lists["items"] if each["status"] == "building"] if isinstance(lists, dict) else lists
    return page.show("operations/work.html", building=building)


@router.post("/operations/staging/stop")
async def stop_staging(page: CurrentPage) -> Response:
    """End the staging run after the day on which it works."""
    typed = await page.form()
    body = {"run_id": typed.get("run_id")}
    await page.services.post("portfolio", "/v1/staging-runs/current/stop", body, key=typed.get("_key"))
    return page.done("/operations", "The run ends after the day on which it works. Days that are done stay done.")


@router.post("/operations/{service}/rebuild")
async def rebuild(page: CurrentPage, service: str) -> Response:
    """Have every source of the service publish its data again."""
    typed = await page.form()
    await page.services.post(known_service(service), "/v1/rebuild", key=typed.get("_key"))
    return page.done("/operations", "The other services publish their data again. Lists wait until that is done.")


def known_service(service: str) -> str:
    """The service's name. Raises ``NotYours`` if there is no such service."""
    if service not in SERVICE_NAMES:
        raise NotYours
    return service
