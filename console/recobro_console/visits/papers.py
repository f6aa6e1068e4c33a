"""All papers of a day in one ZIP file, so that they are printed in one go."""

import asyncio
import re
import zipfile
from collections.abc import Mapping
from io import BytesIO
from typing import Any, Literal

from recobro_console.calls import Trouble
from recobro_console.pages import Page

Kind = Literal["sheet", "letter"]
MOST = 200
"""The most visits whose papers one file holds."""

_AT_ONCE = 4
_OPEN = ("ordered", "routed")
_UNFIT = re.compile(r"[^\w.-]+")


class NothingToPrint(Exception):
    """No paper was made. ``sentence`` says why, ``refusals`` name visits and what stands against their papers."""

    def __init__(self, sentence: str, refusals: list[str] | None = None) -> None:
        super().__init__(sentence)
        self.sentence, self.refusals = sentence, refusals or []


async def of_day(page: Page, kind: Kind, *, day: str, visitor: str, agency_id: str) -> bytes:
    """Return a ZIP file with the papers of the open visits of a day, in the order of the visitors.

    A visit whose paper is refused, such as one that has become silent, is named in a text file beside the papers.
    Raises ``NothingToPrint`` when no visit has a paper, or when there are more than ``MOST``.
    """
    wanted = {"day": day, "visitor": visitor, "agency_id": agency_id}
    visits: list[dict[str, Any]] = []
    for state in _OPEN:
        async for each in page.services.items("field-visits", "/v1/visits", **wanted, state=state, limit=MOST):
            visits.append(each)
            if len(visits) > MOST:
                raise NothingToPrint(
                    page.tr("More than {most} visits are open. Choose a visitor and print again.", most=MOST)
                )
    if not visits:
        raise NothingToPrint(page.tr("No visit is open on this day."))
    visits.sort(key=lambda visit: (visit["visitor"], _place(visit), visit["visit_id"]))
    turns = asyncio.Semaphore(_AT_ONCE)

    async def paper(visit: Mapping[str, Any]) -> bytes | Trouble:
        async with turns:
            try:
                async with page.services.download("field-visits", f"/v1/visits/{visit['visit_id']}/{kind}.pdf") as pdf:
                    return await pdf.aread()
            except Trouble as trouble:
                return trouble

    made = await asyncio.gather(*map(paper, visits))
    refusals = [
        f"{visit['contract_number'] or '–'} · {visit['visitor']}: {page.said(paper)}"
        for visit, paper in zip(visits, made, strict=True)
        if isinstance(paper, Trouble)
    ]
    printed = [(visit, paper) for visit, paper in zip(visits, made, strict=True) if isinstance(paper, bytes)]
    if not printed:
        raise NothingToPrint(page.tr("No paper could be printed."), refusals)
    return _zipped(printed, refusals, page.tr("not printed"))


def _zipped(printed: list[tuple[dict[str, Any], bytes]], refusals: list[str], refused: str) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for place, (visit, paper) in enumerate(printed, 1):
            name = f"{place:03}-{visit['visitor']}-{visit['contract_number']}"
            archive.writestr(f"{_UNFIT.sub('_', name)[:150]}.pdf", paper)
        if refusals:
            archive.writestr(f"{_UNFIT.sub('_', refused)}.txt", "\n".join(refusals) + "\n")
    return file.getvalue()


def _place(visit: Mapping[str, Any]) -> tuple[str, str, str]:
    address = visit["address"] or {}
    return (address.get("city") or "", address.get("postal_code") or "", address.get("street") or "")
