"""The visit sheet and the notification letter, as PDFs. What they say is decided here; how they look, in templates.

Nothing of a contract is ever part of a template's text: it travels as JSON beside it, so a name that looks like
markup is printed as it is.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import typst
from recobro_events import Row

from field_visits.visits import rules
from field_visits.visits.rules import breakable

TEMPLATES = Path(__file__).parent / "templates"
_KINDS = {"personal": "Particular", "fiscal": "Fiscal", "commercial": "Comercial", "legal": "Legal"}
_PARTS = {
    "street": "Calle",
    "exterior": "Número exterior",
    "interior": "Número interior",
    "neighbourhood": "Colonia",
    "postal_code": "Código postal",
    "city": "Ciudad o municipio",
    "address_state": "Estado",
    "country": "País",
}
Document = Mapping[str, Any]
"""What a template is given: texts, lists of texts, truth values."""


class Press:
    """Prints documents, one at a time in a thread of its own: typst keeps fonts and templates for the next one."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="press")
        self._typst: typst.Compiler | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Until the app stops."""
        yield
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def print(self, template: str, document: Document) -> bytes:
        """The PDF that the template makes of the document."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._print, template, document)

    def _print(self, template: str, document: Document) -> bytes:
        if self._typst is None:
            self._typst = typst.Compiler(TEMPLATES / "sheet.typ", root=TEMPLATES, ignore_system_fonts=True)
        inputs = {"document": json.dumps(document)}
        content = self._typst.compile(TEMPLATES / f"{template}.typ", format="pdf", sys_inputs=inputs)
        assert isinstance(content, bytes)
        return content


def sheet_of(visit: Row) -> Document:
    """What the visit sheet says: whom to look for and where. No balance, and no word of why."""
    address = dict(visit) | {"country": rules.country_name(visit["country"] or "")}
    parts = [[label, breakable(address[part])] for part, label in _PARTS.items() if address[part]]
    return {
        "paper": rules.paper(visit["jurisdiction"]),
        "visit_id": str(visit["visit_id"]),
        "name": breakable(visit["name"]),
        "reference": breakable(visit["contract_number"]),
        "visitor": breakable(visit["visitor"]),
        "visit_on": rules.long_date(visit["visit_on"]),
        "address_kind": _KINDS.get(visit["address_kind"], "Otro"),
        "address": parts,
        "irregular_numbering": visit["irregular_numbering"],
    }


def letter_of(visit: Row, owed: Row) -> Document:
    """What the notification letter says: company, address and outstanding balance, as of the business date."""
    address = {part: visit[part] for part in _PARTS} | {"state": visit["address_state"]}

    def amount(column: str) -> str:
        return rules.money(owed[column], owed["currency"], visit["jurisdiction"])

    return {
        "paper": rules.paper(visit["jurisdiction"]),
        "company": breakable(owed["company"]),
        "name": breakable(visit["name"]),
        "address": [breakable(line) for line in rules.address_lines(address, visit["jurisdiction"])],
        "contract_number": breakable(visit["contract_number"]),
        "overdue_balance": amount("overdue_balance"),
        "total_balance": amount("total_balance"),
        "as_of": rules.long_date(owed["as_of"]),
    }
