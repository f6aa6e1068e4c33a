"""The strategy of a portfolio: its segments and its ladder, each tried before it holds."""

import asyncio
from typing import Any
from uuid import UUID

from starlette.responses import Response

from recobro_console import names
from recobro_console.calls import Trouble
from recobro_console.forms import seen_version
from recobro_console.lists.creating import CHOICES
from recobro_console.pages import STAFF, CurrentPage, Page, Router
from recobro_console.strategy import editing

router = Router(STAFF)


@router.get("/strategy")
async def portfolios(page: CurrentPage) -> Response:
    """The portfolios, each with the way to its strategy."""
    found = await page.attempt(page.services.get("portfolio", "/v1/portfolios", limit=1000))
    return page.show("strategy/portfolios.html", found=found)


@router.get("/strategy/{portfolio_id}")
async def strategy(portfolio_id: UUID, page: CurrentPage) -> Response:
    """The segments and the ladder of a portfolio, and how many contracts are where."""
    at = f"/v1/portfolios/{portfolio_id}"
    portfolio, rules, ladder = await asyncio.gather(
        page.services.get("portfolio", at),
        page.attempt(page.services.get("portfolio", f"{at}/segment-rules")),
        page.attempt(page.services.get("portfolio", f"{at}/ladder")),
    )
    return page.show("strategy/strategy.html", portfolio=portfolio, rules=rules, ladder=ladder, may=_may(page))


@router.get("/strategy/{portfolio_id}/parts/segments")
async def segments_now(portfolio_id: UUID, page: CurrentPage) -> Response:
    """How many open contracts are in which segment now."""
    at = f"/v1/portfolios/{portfolio_id}/segment-rules"
    found, held = await asyncio.gather(
        page.attempt(page.services.get("portfolio", f"{at}/trial")), page.attempt(page.services.get("portfolio", at))
    )
    return page.show("strategy/trial.html", trial=found, words=_words(held), of="segment")


@router.get("/strategy/{portfolio_id}/parts/steps")
async def steps_now(portfolio_id: UUID, page: CurrentPage) -> Response:
    """How many open contracts are at which step now."""
    at = f"/v1/portfolios/{portfolio_id}/ladder"
    found, held = await asyncio.gather(
        page.attempt(page.services.get("portfolio", f"{at}/trial")), page.attempt(page.services.get("portfolio", at))
    )
    return page.show("strategy/trial.html", trial=found, words=_words(held), of="step")


@router.get("/strategy/{portfolio_id}/parts/comparison")
async def comparison(portfolio_id: UUID, page: CurrentPage) -> Response:
    """What the ladder and its challenger have achieved in the last 28 days."""
    found = await page.attempt(page.services.get("portfolio", f"/v1/portfolios/{portfolio_id}/ladder/comparison"))
    return page.show("strategy/comparison.html", found=found)


@router.get("/strategy/{portfolio_id}/segments")
async def edit_segments(portfolio_id: UUID, page: CurrentPage) -> Response:
    """The form that changes the rules of segments."""
    held = await page.services.get("portfolio", f"/v1/portfolios/{portfolio_id}/segment-rules")
    return await _segments(page, portfolio_id, held["version"], held)


@router.post("/strategy/{portfolio_id}/segments")
async def change_segments(portfolio_id: UUID, page: CurrentPage) -> Response:
    """Try the rules of the form, or let them hold."""
    form = await page.form()
    proposed = editing.rules_from(form)
    version = seen_version(form)
    at = f"/v1/portfolios/{portfolio_id}/segment-rules"
    try:
        if "try" in form:
            trial = await page.services.post("portfolio", f"{at}/trial", proposed)
            return await _segments(page, portfolio_id, version, proposed, trial=trial)
        await page.services.put("portfolio", at, proposed | {"replaces": version})
    except Trouble as trouble:
        return await _segments(page, portfolio_id, version, proposed, wrong=trouble)
    return page.done(f"/strategy/{portfolio_id}", "The rules hold. The contracts are judged by them now.")


@router.get("/strategy/{portfolio_id}/ladder")
async def edit_ladder(portfolio_id: UUID, page: CurrentPage) -> Response:
    """The form that changes the ladder; with ``of=challenger`` the challenger."""
    held = await page.services.get("portfolio", f"/v1/portfolios/{portfolio_id}/ladder")
    is_challenger = page.request.query_params.get("of") == "challenger" and held["challenger"]
    shown = held["challenger"] if is_challenger else {"steps": held["steps"]}
    return await _ladder(page, portfolio_id, held["version"], shown, held)


@router.post("/strategy/{portfolio_id}/ladder")
async def change_ladder(portfolio_id: UUID, page: CurrentPage) -> Response:
    """Try the ladder of the form, or let it hold."""
    form = await page.form()
    everything = await page.request.form()
    given = editing.steps_from(form, lambda name: [one for one in everything.getlist(name) if isinstance(one, str)])
    at = f"/v1/portfolios/{portfolio_id}/ladder"
    held = await page.services.get("portfolio", at)
    proposed, version = editing.ladder_of(given, held), seen_version(form)
    try:
        if "try" in form:
            trial = await page.services.post("portfolio", f"{at}/trial", proposed)
            return await _ladder(page, portfolio_id, version, given, held, trial=trial)
        await page.services.put("portfolio", at, proposed | {"replaces": version})
    except Trouble as trouble:
        return await _ladder(page, portfolio_id, version, given, held, wrong=trouble)
    return page.done(f"/strategy/{portfolio_id}", "The ladder holds. The contracts are judged by it now.")


async def _segments(page: Page, portfolio_id: UUID, version: int | None, held: Any, **found: Any) -> Response:
    wrong, trial = found.get("wrong"), found.get("trial")
    return page.show(
        "strategy/segments.html",
        422 if wrong else 200,
        portfolio_id=portfolio_id,
        portfolios=await names.portfolios(page),
        version=version,
        rules=editing.rules_shown(held),
        facts=editing.SEGMENT_FACTS,
        statuses=editing.STATUSES,
        wrong=wrong,
        trial=trial,
        words=held["words"],
    )


async def _ladder(page: Page, portfolio_id: UUID, version: int | None, given: Any, held: Any, **found: Any) -> Response:
    wrong, trial = found.get("wrong"), found.get("trial")
    return page.show(
        "strategy/ladder.html",
        422 if wrong else 200,
        portfolio_id=portfolio_id,
        portfolios=await names.portfolios(page),
        version=version,
        steps=editing.steps_shown(given),
        percent=given.get("percent"),
        challenger=held["challenger"],
        facts=editing.STEP_FACTS,
        contacts=editing.CONTACTS,
        segments=await names.segments(page, str(portfolio_id)),
        answers=[(code, page.reader.word(code)) for code in editing.ANSWERS],
        kinds=CHOICES["kinds"],
        wrong=wrong,
        trial=trial,
        called={},
    )


def _words(held: Any) -> dict[str, Any]:
    return {} if isinstance(held, Trouble) else dict(held["words"])


def _may(page: Page) -> bool:
    return page.session.may("portfolio:write")
