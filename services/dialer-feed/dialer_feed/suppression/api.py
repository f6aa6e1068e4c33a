"""HTTP routes of suppression lists: lists of numbers that nobody may call."""

from typing import Annotated

from chassis import (
    OutputModel,
    Page,
    PageQuery,
    ReadConnection,
    Router,
    WriteTransaction,
    body_limit,
    page,
    reads,
    writes,
)
from fastapi import Path, Query, Request
from jurisdictions import codes

from dialer_feed.suppression import loading, queries, rules
from dialer_feed.suppression.loading import SuppressionListUnknown, Version

router = Router(prefix="/v1", tags=["suppression"])
_Name = Annotated[str, Path(pattern="^[a-z0-9][a-z0-9-]{0,49}$", description="Small letters, digits and hyphens")]
_Country = Annotated[
    str, Query(pattern=f"^({'|'.join(codes())})$", description="The country of numbers without a code")
]


class SuppressionLists(OutputModel):
    """The newest version of each list. ``missing`` are the official lists that were never loaded."""

    items: tuple[Version, ...]
    missing: tuple[str, ...]


@router.post(
    "/suppression-lists/{name}",
    dependencies=[writes("dialer-feed"), body_limit(rules.MOST_BYTES)],
    openapi_extra={"requestBody": {"required": True, "content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def load_suppression_list(
    name: _Name, country: _Country, request: Request, tx: WriteTransaction, *, allow_empty: bool = False
) -> Version:
    """Replace the list by the numbers of a CSV file: in its first column numbers, or the SHA-256 of numbers in E.164.

    Nobody may call these numbers any more: they leave live lists at once, are on no later list, and get no permit.
    """
    return await loading.load(tx, name, await request.body(), country, allow_empty=allow_empty)


@router.get("/suppression-lists", dependencies=[reads("dialer-feed")])
async def list_suppression_lists(reader: ReadConnection) -> SuppressionLists:
    """List the newest versions of all lists, and the official lists that are missing."""
    official = rules.official_lists()
    rows = await reader.fetch(queries.LISTS)
    known = {row["name"] for row in rows}
    return SuppressionLists(
        items=tuple(Version(**row, official=official.get(row["name"])) for row in rows),
        missing=tuple(sorted(official.keys() - known)),
    )


@router.get("/suppression-lists/{name}/versions", dependencies=[reads("dialer-feed")])
async def list_versions_of_suppression_list(name: _Name, query: PageQuery, reader: ReadConnection) -> Page[Version]:
    """List the versions of a list, newest first."""
    rows = await reader.fetch(queries.VERSIONS, name, query.after(int), query.limit + 1)
    if not rows:
        raise SuppressionListUnknown()
    official = rules.official_lists().get(name)
    shown = page(rows, query, key=lambda row: (row["version"],))
    items = [Version(**item, official=official) for item in shown["items"]]
    return Page(items=items, next_cursor=shown["next_cursor"])
