"""Placement rules by their ids, and what a user may change of a contract."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from recobro_console.calls import Trouble
from recobro_console.pages import Page


async def rules(page: Page, rule_ids: Iterable[str]) -> Mapping[str, Mapping[str, Any]]:
    """These placement rules, by id. One that is not to be had is missing, as all are for an agency."""
    if page.session.agency_id:
        return {}

    async def rule(rule_id: str) -> tuple[str, Mapping[str, Any]] | None:
        found = await page.attempt(page.services.get("assignment", f"/v1/placement-rules/{rule_id}"))
        return None if isinstance(found, Trouble) else (rule_id, found)

    return dict(each for each in await asyncio.gather(*map(rule, sorted(set(rule_ids)))) if each)


def may_change(page: Page, service: str) -> bool:
    """Whether the user's token changes something of a contract in this service."""
    by_agencies = service in ("promises", "field-visits")
    return page.session.may(f"{service}:write") and (page.session.agency_id is None or by_agencies)
