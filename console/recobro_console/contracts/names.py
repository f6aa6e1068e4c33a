"""Rules and contracts by their ids, asked for only where a page shows them, and what a user may change."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from recobro_console.calls import Trouble
from recobro_console.pages import Page

MOST_CONTRACTS = 100
"""The most contracts that portfolio finds at once by their ids."""


async def rules(page: Page, rule_ids: Iterable[str]) -> Mapping[str, Mapping[str, Any]]:
    """These placement rules, by id. One that is not to be had is missing, as all are for an agency."""
    if page.session.agency_id:
        return {}

    async def rule(rule_id: str) -> tuple[str, Mapping[str, Any]] | None:
        found = await page.attempt(page.services.get("assignment", f"/v1/placement-rules/{rule_id}"))
        return None if isinstance(found, Trouble) else (rule_id, found)

    return dict(each for each in await asyncio.gather(*map(rule, sorted(set(rule_ids)))) if each)


async def contracts(page: Page, contract_ids: Iterable[str]) -> Mapping[str, Mapping[str, Any]]:
    """These contracts with number and debtor, by id; at most ``MOST_CONTRACTS``. Those that are not to be had miss."""
    wanted = sorted(set(contract_ids))[:MOST_CONTRACTS]
    if not wanted:
        return {}
    found = await page.attempt(
        page.services.get("portfolio", "/v1/contracts", contract_id=wanted, limit=MOST_CONTRACTS)
    )
    return {} if isinstance(found, Trouble) else {each["contract_id"]: each for each in found["items"]}


def may_change(page: Page, service: str) -> bool:
    """Whether the user's token changes something of a contract in this service."""
    by_agencies = service in ("promises", "field-visits")
    return page.session.may(f"{service}:write") and (page.session.agency_id is None or by_agencies)
