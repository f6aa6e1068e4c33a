"""The names by which people know things, by their ids: agencies, campaigns, portfolios, contracts."""

import asyncio
import re
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from recobro_console.calls import Trouble
from recobro_console.pages import Page
from recobro_console.sessions.store import Role

_MOST = 1000
_MOST_RULES = 50
_OF_AGENCY = re.compile("agency-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
MOST_CONTRACTS = 100
"""The most contracts that portfolio finds at once by their ids."""


class Names(dict[str, str]):
    """Names by id. An id that is not known shows its beginning, which a person can still compare."""

    def __missing__(self, key: str | None) -> str:
        return "–" if key is None else f"{str(key)[:8]} …"


async def spoken(page: Page, found: Any, *fields: str) -> None:
    """Say an agency's name where these fields of the items have its token's, which is ``agency-`` and its id."""
    items = [] if isinstance(found, Trouble) or found is None else found["items"]
    texts = [item[name] for item in items for name in fields if item[name]]
    if not any(map(_OF_AGENCY.search, texts)):
        return
    known = await agencies(page)
    for item in items:
        for name in fields:
            item[name] = item[name] and _OF_AGENCY.sub(lambda found: known[found[1]], item[name])


async def agencies(page: Page) -> Names:
    """The agencies that the user may see. An agency's user sees its own."""
    if page.session.role is Role.AGENCY:
        known = await _answer(page, "assignment", f"/v1/agencies/{page.session.agency_id}")
        return Names({str(known["agency_id"]): known["name"]} if known else {})
    return await _listed(page, "assignment", "/v1/agencies", "agency_id")


async def campaigns(page: Page) -> Names:
    """The campaigns that the user may see."""
    return await _listed(page, "dialer-feed", "/v1/campaigns", "campaign_id")


async def portfolios(page: Page) -> Names:
    """The portfolios; none for an agency's user."""
    if page.session.role is Role.AGENCY:
        return Names()
    return await _listed(page, "portfolio", "/v1/portfolios", "portfolio_id")


async def zones(page: Page) -> Mapping[str, str]:
    """The time zone of each portfolio, by its id."""
    known = await _answer(page, "portfolio", "/v1/portfolios", limit=_MOST)
    return {each["portfolio_id"]: each["timezone"] for each in known["items"]} if known else {}


async def creditors(page: Page) -> Names:
    """The creditors."""
    return await _listed(page, "portfolio", "/v1/creditors", "creditor_id")


async def segments(page: Page, portfolio_id: str | None = None) -> Names:
    """The segments of a portfolio, or of all that still have contracts, in the reader's words, by their codes.

    Rules that are not to be had are left out, and so are those of the portfolios after the first ``_MOST_RULES``. An
    agency sees none.
    """
    if page.session.role is Role.AGENCY:
        return Names()
    ids: Iterable[str] = [portfolio_id] if portfolio_id else []
    if portfolio_id is None:
        known = await _answer(page, "portfolio", "/v1/portfolios", limit=_MOST_RULES, returned=False)
        ids = [each["portfolio_id"] for each in known["items"]] if known else []
    held = await asyncio.gather(*(_answer(page, "portfolio", f"/v1/portfolios/{each}/segment-rules") for each in ids))
    return Names(
        {
            rule["segment"]: rules["words"].get(rule["segment"], {}).get(page.reader.language, rule["segment"])
            for rules in held
            if rules
            for rule in rules["rules"]
        }
    )


async def contracts(page: Page, rows: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """The contracts that these rows name, with number and debtor, by id; at most ``MOST_CONTRACTS``.

    Those that are not to be had are missing; all are if portfolio does not answer.
    """
    wanted = sorted({row["contract_id"] for row in rows if row["contract_id"]})[:MOST_CONTRACTS]
    if not wanted:
        return {}
    known = await _answer(page, "portfolio", "/v1/contracts", contract_id=wanted, limit=MOST_CONTRACTS)
    return {each["contract_id"]: each for each in known["items"]} if known else {}


async def parties(page: Page, contract_id: UUID, rows: Iterable[Mapping[str, Any]]) -> dict[str, str | None]:
    """The names of the contract's parties that made something of these rows, by id. A removed party is missing."""
    if not any(row["party_id"] for row in rows):
        return {}
    known = await _answer(page, "portfolio", f"/v1/contracts/{contract_id}")
    return {each["party_id"]: each["name"] for each in known["parties"]} if known else {}


async def _listed(page: Page, service: str, path: str, key: str) -> Names:
    known = await _answer(page, service, path, limit=_MOST)
    return Names({each[key]: each["name"] for each in known["items"]} if known else {})


async def _answer(page: Page, service: str, path: str, **parameters: Any) -> Mapping[str, Any] | None:
    """The answer, or None when the service does not answer: a page without names is better than none."""
    try:
        answer: Mapping[str, Any] = await page.services.get(service, path, **parameters)
    except Trouble:
        return None
    return answer
