"""Follows figures to what they count."""

from collections.abc import Iterable, Mapping
from typing import Any

import httpx


async def followed(client: httpx.AsyncClient, figures: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Return the count of each figure, added up over portfolios. Fails if an address lists more or fewer items."""
    counts: dict[str, int] = {}
    for figure in figures:
        listed = await client.get(httpx.URL(figure["items"]).copy_merge_params({"limit": "1000"}))
        assert listed.status_code == 200, (figure, listed.text)
        assert len(listed.json()["items"]) == figure["count"], (figure, listed.text)
        counts[figure["figure"]] = counts.get(figure["figure"], 0) + figure["count"]
    return counts
