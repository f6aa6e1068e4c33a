"""What a file says otherwise than it was known. People read it as findings; each has a kind."""

from enum import StrEnum
from typing import Any
from uuid import UUID

from chassis import OutputModel, Page, PageQuery, Reader, page

from portfolio.files import uploads


class FindingKind(StrEnum):
    """``in_posting``: recent payments explain the difference, and stay on top of the file's figure.

    ``differs``: nothing explains why the file states more. ``unposted``: the file still lacks a payment after the
    portfolio's ``posting_lag_days``. ``set_aside``: the file's rows of the contract wait or do not count; ``detail``
    has the reason. ``file_payments``: the file states less, and nothing but a payment explains it.
    ``kept_decisions``: the file states something that a person has decided about; ``detail`` says which value holds.
    ``person_changed``: the file gives the contract to another customer.
    """

    IN_POSTING = "in_posting"
    DIFFERS = "differs"
    UNPOSTED = "unposted"
    SET_ASIDE = "set_aside"
    FILE_PAYMENTS = "file_payments"
    KEPT_DECISIONS = "kept_decisions"
    PERSON_CHANGED = "person_changed"


MOST_LISTED = 200_000
"""Findings of a file beyond this number are only counted. The last chunk of contracts may go beyond it."""

_TOTAL = " + ".join(f"file.{kind}" for kind in FindingKind)
_COUNTS = ", ".join(
    f"{kind} = file.{kind} + (SELECT count(*) FROM found WHERE kind = '{kind}')" for kind in FindingKind
)


def listing(found: str) -> str:
    """SQL that lists findings of the file $1 and counts them. It returns nothing.

    ``found`` is a SELECT with the columns ``kind``, ``contract_id``, ``contract_number``, ``instalment``, ``stated``,
    ``known`` and ``detail``. ``stated`` and ``known`` are text for people and hold no phone, e-mail or address.
    """
    return f"""
WITH found AS MATERIALIZED ({found}), counted AS (
    UPDATE file SET {_COUNTS} WHERE file_id = $1 AND EXISTS (SELECT FROM found)
)
INSERT INTO file_finding (file_id, kind, contract_id, contract_number, instalment, stated, known, detail)
SELECT $1, kind, contract_id, contract_number, instalment::integer, stated::text, known::text, detail::text
FROM found
WHERE (SELECT {_TOTAL} FROM file WHERE file_id = $1) < {MOST_LISTED}
ORDER BY contract_number, kind, instalment
"""


class Finding(OutputModel):
    """``stated`` is what the file says, ``known`` what was known before; both are amounts or words for people."""

    kind: FindingKind
    contract_id: UUID
    contract_number: str
    instalment: int | None
    stated: str | None
    known: str | None
    detail: str | None


_LISTED = """
SELECT kind, contract_id, contract_number, instalment, stated, known, detail, finding_id FROM file_finding
WHERE file_id = $1 AND ($2::text IS NULL OR kind = $2) AND finding_id > $3
ORDER BY finding_id LIMIT $4
"""


async def listed(reader: Reader, file_id: UUID, query: PageQuery, kind: FindingKind | None) -> Page[Any]:
    """Return a page of a file's findings, by contract number within each chunk. Raises ``FileUnknown``."""
    await uploads.find(reader, file_id)
    rows = await reader.fetch(_LISTED, file_id, kind, query.after(int) or 0, query.limit + 1)
    shown = page(rows, query, key=lambda row: (row["finding_id"],))
    items = [{name: item[name] for name in Finding.model_fields} for item in shown["items"]]
    return Page(items=[Finding.model_validate(item) for item in items], next_cursor=shown["next_cursor"])
