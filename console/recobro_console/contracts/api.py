"""Contracts: the search, and one contract with its life over all services.

Each part of a contract's page is a route of its own, so a service that does not answer leaves the rest.
"""

import asyncio
from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from starlette.responses import RedirectResponse, Response

from recobro_console import names
from recobro_console.calls import Refused, Trouble
from recobro_console.contracts import names as parts
from recobro_console.contracts import timeline
from recobro_console.contracts.names import may_change
from recobro_console.pages import EVERYBODY, CurrentPage, Page, Router

STAGES = ("current", "early", "late", "legal")
STATES = ("open", "settled", "returned", "withdrawn", "written_off")
_ON_A_PAGE = 50
_SHOWN = 50
_MOST_EXPLAINED = 10
router = Router(EVERYBODY)
staff = Router()


@router.get("/contracts")
async def find(
    page: CurrentPage,
    q: str = "",
    portfolio_id: str = "",
    stage: str = "",
    state: str = "",
    waits: str = "",
    cursor: str | None = None,
) -> Response:
    """Find contracts. The exact number of one contract leads straight to it."""
    q = q.strip()
    chosen = {"portfolio_id": portfolio_id, "stage": stage, "state": state}
    if q and cursor is None and not any([*chosen.values(), waits]) and (only := await _numbered(page, q)):
        return RedirectResponse(f"/contracts/{only}", 303)
    undecided, incomplete = waits == "undecided" or None, waits == "incomplete" or None
    found, portfolios = await asyncio.gather(
        page.attempt(
            page.services.get(
                "portfolio",
                "/v1/contracts",
                **chosen,
                q=q,
                undecided=undecided,
                incomplete=incomplete,
                cursor=cursor,
                limit=_ON_A_PAGE,
            )
        ),
        names.portfolios(page),
    )
    return page.show(
        "contracts/search.html",
        found=found,
        portfolios=portfolios,
        wanted=chosen | {"q": q, "waits": waits},
        first=cursor is None,
        stages=STAGES,
        states=STATES,
    )


async def _numbered(page: Page, number: str) -> str | None:
    found = await page.attempt(page.services.get("portfolio", "/v1/contracts", number=number, limit=2))
    # A text that can be no number is searched for, which says what is wrong with it.
    if isinstance(found, Trouble) or len(found["items"]) != 1:
        return None
    return str(found["items"][0]["contract_id"])


@router.get("/contracts/{contract_id}")
async def contract(contract_id: UUID, page: CurrentPage, show: str = "", cursor: str | None = None) -> Response:
    """The page of one contract. Its parts load by themselves."""
    found = await page.attempt(page.services.get("portfolio", f"/v1/contracts/{contract_id}"))
    if isinstance(found, Refused):
        raise found
    zone = None if isinstance(found, Trouble) else await _zone(page, found["portfolio_id"])
    return page.show(
        "contracts/contract.html",
        contract=found,
        contract_id=contract_id,
        zone=zone or page.reader.zone,
        show=show if show in timeline.GROUPS else "",
        groups=timeline.GROUPS,
        cursor=cursor,
        is_agency=page.session.agency_id is not None,
        may_change={service: may_change(page, service) for service in ("portfolio", "promises", "field-visits")},
    )


async def _zone(page: Page, portfolio_id: str) -> str | None:
    """The portfolio's time zone. An agency does not read portfolios."""
    if page.session.agency_id:
        return None
    found = await page.attempt(page.services.get("portfolio", f"/v1/portfolios/{portfolio_id}"))
    return None if isinstance(found, Trouble) else str(found["timezone"])


@router.get("/contracts/{contract_id}/parts/ledger")
async def ledger(contract_id: UUID, page: CurrentPage, zone: str = "") -> Response:
    """What portfolio knows: why this stage, what is owed and paid, disputes, pauses, the person and the addresses."""
    found = await page.attempt(page.services.get("portfolio", f"/v1/contracts/{contract_id}"))
    others: Any = []
    charges: Any = {"items": []}
    if not isinstance(found, Trouble) and not page.session.agency_id:
        others = await page.attempt(_others(page, found))
        path = f"/v1/contracts/{contract_id}/charges"
        charges = await page.attempt(page.services.get("portfolio", path, order="desc", limit=_SHOWN))
    return page.show(
        "contracts/ledger.html",
        contract=found,
        others=others,
        charges=charges,
        zone=zone,
        may=may_change(page, "portfolio"),
        paused_days=None if isinstance(found, Trouble) else _paused_days(found),
    )


@router.get("/contracts/{contract_id}/parts/strategy")
async def strategy(contract_id: UUID, page: CurrentPage) -> Response:
    """The segment with the rule and its facts, the step of the ladder, and the notices that were sent."""
    at = f"/v1/contracts/{contract_id}"
    segment, step, notices = await asyncio.gather(
        *(page.attempt(page.services.get("portfolio", f"{at}/{part}")) for part in ("segment", "step", "notices"))
    )
    return page.show(
        "contracts/strategy.html",
        contract_id=contract_id,
        segment=segment,
        step=step,
        notices=notices,
        may=may_change(page, "portfolio"),
    )


async def _others(page: Page, contract: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The other contracts of the person, each with the customer who has it."""
    debtor = contract["debtor"]
    person = await page.services.get("portfolio", f"/v1/people/{debtor['person_id'] or debtor['debtor_id']}")
    return [
        {**each, "debtor_number": customer["debtor_number"], "linked_by": customer["linked_by"]}
        for customer in person["customers"]
        for each in customer["contracts"]
        if each["contract_id"] != contract["contract_id"]
    ]


def _paused_days(contract: Mapping[str, Any]) -> int:
    """The days since the oldest unpaid instalment fell due that do not count, because of pauses."""
    if contract["oldest_due_on"] is None:
        return 0
    days = (date.fromisoformat(contract["as_of"]) - date.fromisoformat(contract["oldest_due_on"])).days
    return max(0, days - int(contract["days_past_due"]))


@staff.get("/contracts/{contract_id}/stage/day")
async def stage_on(contract_id: UUID, page: CurrentPage, on: str = "") -> Response:
    """In which stage the contract was when a day closed, and why."""
    contract, found = await asyncio.gather(
        page.services.get("portfolio", f"/v1/contracts/{contract_id}"),
        page.attempt(page.services.get("portfolio", f"/v1/contracts/{contract_id}/stage", on=on or None)),
    )
    return page.show("contracts/stage_on.html", contract=contract, found=found, on=on)


@router.get("/contracts/{contract_id}/parts/lists")
async def lists(contract_id: UUID, page: CurrentPage, zone: str = "") -> Response:
    """Where the contract may be called, or why not, and the calls. An agency sees its own calls."""
    asked = {"contract_id": contract_id, "order": "desc"}
    calls = page.services.get("dialer-feed", "/v1/calls", **asked, limit=_SHOWN)
    entries: Any = None
    absent: Any = []
    permits: Any = None
    if page.session.agency_id:
        found = await page.attempt(calls)
    else:
        listed = page.services.get("dialer-feed", "/v1/list-entries", **asked, limit=20)
        given = page.services.get("dialer-feed", "/v1/permits", **asked, limit=_SHOWN)
        found, entries, absent, permits = await asyncio.gather(
            page.attempt(calls), page.attempt(listed), page.attempt(_absent(page, contract_id)), page.attempt(given)
        )
        await names.spoken(page, permits, "asked_by")
    return page.show(
        "contracts/lists.html",
        calls=found,
        entries=entries,
        absent=absent,
        permits=permits,
        contract_id=contract_id,
        zone=zone,
    )


async def _absent(page: Page, contract_id: UUID) -> list[Mapping[str, Any]]:
    """The live lists on which the contract never was, each with the first reason against it."""
    live = await page.services.get("dialer-feed", "/v1/live-lists")

    async def explained(each: Mapping[str, Any]) -> Mapping[str, Any]:
        path = f"/v1/lists/{each['list_id']}/explanations"
        why = await page.attempt(page.services.get("dialer-feed", path, contract_id=contract_id))
        return {**each, "why": None if isinstance(why, Trouble) else why}

    explanations = await asyncio.gather(*map(explained, live[:_MOST_EXPLAINED]))
    return [each for each in explanations if each["why"] is None or each["why"]["status"] is None]


@router.get("/contracts/{contract_id}/parts/agencies")
async def agencies(contract_id: UUID, page: CurrentPage) -> Response:
    """With which agencies the contract is and was, and by which rule."""
    found = await page.attempt(page.services.get("assignment", "/v1/placements", contract_id=contract_id, limit=_SHOWN))
    known = names.Names()
    rules: Mapping[str, Any] = {}
    if not isinstance(found, Trouble):
        found["items"].sort(key=lambda each: each["placed_at"], reverse=True)
        known, rules = await asyncio.gather(
            names.agencies(page),
            parts.rules(page, [each["rule_id"] for each in found["items"]]),
        )
    return page.show("contracts/agencies.html", placements=found, agencies=known, rules=rules)


@router.get("/contracts/{contract_id}/parts/visits")
async def visits(contract_id: UUID, page: CurrentPage, zone: str = "") -> Response:
    """The visits, ordered and done."""
    found = await page.attempt(
        page.services.get("field-visits", "/v1/visits", contract_id=contract_id, order="desc", limit=_SHOWN)
    )
    return page.show("contracts/visits.html", visits=found, zone=zone, may=may_change(page, "field-visits"))


@router.get("/contracts/{contract_id}/parts/promises")
async def promises(contract_id: UUID, page: CurrentPage) -> Response:
    """Promises and plans, and the last link to the debtor's page. An agency sees the former that it took."""
    asked = {"contract_id": contract_id, "order": "desc", "limit": _SHOWN}
    found, plans = await asyncio.gather(
        page.attempt(page.services.get("promises", "/v1/promises", **asked)),
        page.attempt(page.services.get("promises", "/v1/agreements", **asked)),
    )
    made = [row for answer in (found, plans) if not isinstance(answer, Trouble) for row in answer["items"]]
    links: Any = {"items": []}
    if not page.session.agency_id:
        path = f"/v1/contracts/{contract_id}/links"
        links = await page.attempt(page.services.get("promises", path, order="desc", limit=1))
    return page.show(
        "contracts/promises.html",
        promises=found,
        plans=plans,
        parties=await names.parties(page, contract_id, made),
        links=[] if isinstance(links, Trouble) else links["items"],
        contract_id=contract_id,
        is_agency=page.session.agency_id is not None,
        may=may_change(page, "promises"),
    )


@staff.get("/contracts/{contract_id}/agreement.pdf")
async def agreement_paper(contract_id: UUID, page: CurrentPage, of: UUID) -> Response:
    """The agreement as it came into force, in the debtor's language."""
    return await page.pass_on("portfolio", f"/v1/contracts/{contract_id}/agreements/{of}/agreement.pdf")


@staff.get("/contracts/{contract_id}/proposal.pdf")
async def proposal_paper(contract_id: UUID, page: CurrentPage, of: UUID) -> Response:
    """A proposal to be signed, in the debtor's language."""
    return await page.pass_on("portfolio", f"/v1/contracts/{contract_id}/agreements/{of}/proposal.pdf")


@staff.get("/contracts/{contract_id}/no-debt.pdf")
async def no_debt_letter(contract_id: UUID, page: CurrentPage) -> Response:
    """The letter of no debt, in the debtor's language."""
    return await page.pass_on("portfolio", f"/v1/contracts/{contract_id}/no-debt.pdf")


@router.get("/contracts/{contract_id}/parts/offers")
async def offers(contract_id: UUID, page: CurrentPage) -> Response:
    """What may be offered now. An agency sees no offers."""
    found = await page.attempt(page.services.get("promises", "/v1/offers", contract_id=contract_id))
    return page.show("contracts/offers.html", offers=found, contract_id=contract_id, may=may_change(page, "promises"))


@router.get("/contracts/{contract_id}/parts/timeline")
async def life(
    contract_id: UUID,
    page: CurrentPage,
    show: str = "",
    cursor: str | None = None,
    zone: str = "",
) -> Response:
    """The life of the contract over all services, newest first."""
    life = await page.attempt(timeline.read(page, contract_id, show, cursor))
    return page.show("contracts/timeline.html", life=life, contract_id=contract_id, show=show, zone=zone)
