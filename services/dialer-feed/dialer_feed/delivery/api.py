"""HTTP route that streams a list's entries."""

from typing import Annotated
from uuid import UUID

from chassis import CurrentPrincipal, Invalid, Router, ServiceDatabase, reads
from chassis.audit import reads_in_bulk
from chassis.languages import Language, ReaderLocale
from fastapi import Query
from fastapi.responses import StreamingResponse

from dialer_feed.campaigns.rules import Kind
from dialer_feed.delivery import queries
from dialer_feed.delivery.entries import entries
from dialer_feed.delivery.formats import FORMATS, as_csv, as_jsonl
from dialer_feed.lists.reading import expect_list, refuse_unpublished

router = Router(prefix="/v1", tags=["lists"])
CURSOR_HEADER = "Recobro-Cursor"


@router.get(
    "/lists/{list_id}/entries",
    dependencies=[reads("dialer-feed", agency=True), reads_in_bulk()],
    response_class=StreamingResponse,
    responses={200: {"content": {"application/jsonl": {}, "text/csv": {}}}},
)
async def stream_entries(
    list_id: UUID,
    database: ServiceDatabase,
    who: CurrentPrincipal,
    locale: ReaderLocale,
    file_format: Annotated[str, Query(alias="format", max_length=20)] = "jsonl",
) -> StreamingResponse:
    """Stream the entries that are still listed.

    Entries withdrawn up to the cursor in the header ``Recobro-Cursor`` are already left out. They come in the order of
    the campaign, by default by contract number. Those of a preventive campaign have ``total_balance`` and ``due_on``.

    A CSV file has the headers, the separator and the decimal sign of the reader's ``Accept-Language``. Without one, and
    with ``*``, it is for programs: English names, commas and decimal points.
    """
    if file_format not in FORMATS:
        raise Invalid(f"The formats are {' and '.join(FORMATS)}.", code="format-unknown")
    async with database.connection() as connection:
        row = await expect_list(connection, list_id, who)
        shape = await connection.fetchrow(queries.SHAPE, list_id) if file_format == "csv" else None
    refuse_unpublished(row)
    # The cursor is read before the first entry, so the feed after this cursor holds every later withdrawal.
    headers = {
        CURSOR_HEADER: str(row["last_cursor"]),
        "Content-Disposition": f'attachment; filename="list-{row["business_date"]}-{list_id}.{file_format}"',
    }
    if shape is not None:
        headers["Content-Language"] = locale.language if locale else Language.EN
        media_type = "text/csv; charset=utf-8"
        write = as_csv(
            shape["own"], shape["theirs"], locale, is_split=shape["is_split"], falls_due=row["kind"] == Kind.PREVENTIVE
        )
    else:
        media_type, write = "application/jsonl", as_jsonl
    if row["status"] == "closed":
        return StreamingResponse(iter(write([], True)), headers=headers, media_type=media_type)  # noqa: FBT003
    pieces = entries(database, list_id, row["business_date"], write, is_ordered=row["is_ordered"])
    return StreamingResponse(pieces, headers=headers, media_type=media_type)
