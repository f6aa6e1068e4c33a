"""What a file says otherwise than it was known. People read it as findings; each has a kind."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from chassis import OutputModel, Page, PageQuery, Reader, page
from chassis.languages import Locale
from chassis.paging import both_orders
from recobro_events import Row, Transaction

from portfolio.files import views
from portfolio.files.finding_kinds import FindingKind
from portfolio.files.finding_texts import Figure, meaning_of
from portfolio.ledger.actors import CURRENT_ACTOR, ActorOfChange

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


class FindingDecision(OutputModel):
    """What a person has decided about a contract that a file set aside. ``accepted``: it owes what the file states."""

    accepted: bool
    decided_at: datetime
    decided_by: ActorOfChange


class Finding(OutputModel):
    """``text`` says in a sentence what was found, in the reader's language.

    ``detail`` is the reason or an addition, for programs.

    ``stated`` comes from the file, ``known`` from what was known before. ``stated_is`` and ``known_is`` say what the
    two are; they depend on the kind. ``undecided``: the contract waits for a person's decision about this file. Without
    ``decision`` a contract that no longer waits was settled by a later file.
    """

    kind: FindingKind
    contract_id: UUID
    contract_number: str
    instalment: int | None
    stated: str | None
    stated_is: Figure | None
    known: str | None
    known_is: Figure | None
    detail: str | None
    text: str
    undecided: bool
    decision: FindingDecision | None

    @classmethod
    def of(cls, row: Row, locale: Locale) -> Self:
        meaning = meaning_of(FindingKind(row["kind"]), row["detail"])
        fields = {name: row[name] for name in _STORED}
        decision = None
        if row["accepted"] is not None:
            decision = FindingDecision(**{name: row[name] for name in FindingDecision.model_fields})
        return cls(
            **fields,
            text=meaning.sentence(fields, locale),
            stated_is=meaning.stated_is if row["stated"] is not None else None,
            known_is=meaning.known_is if row["known"] is not None else None,
            undecided=row["undecided"],
            decision=decision,
        )


_STORED = ("kind", "contract_id", "contract_number", "instalment", "stated", "known", "detail")
_ASKED = "kind = 'set_aside' AND detail IN ('fewer_instalments', 'leaves_deceased', 'leaves_represented')"
"""SQL: a person decides about the finding. The other reasons to set a contract aside ask nothing."""

_LISTED = both_orders(f"""
SELECT * FROM (
    SELECT {", ".join(_STORED)}, finding_id, accepted, decided_at, decided_by,
        {_ASKED} AND EXISTS (SELECT FROM contract
            WHERE contract.contract_id = file_finding.contract_id AND undecided_by = file_finding.file_id) AS undecided
    FROM file_finding WHERE file_id = $1 AND ($2::text IS NULL OR kind = $2) AND finding_id {{beyond}} $3
) AS finding
WHERE $4::boolean IS NULL OR undecided = $4
ORDER BY finding_id {{order}} LIMIT $5
""")
NEWEST = "SELECT coalesce(max(finding_id), 0) FROM file_finding WHERE file_id = $1"
SINCE = f"SELECT {', '.join(_STORED)} FROM file_finding WHERE file_id = $1 AND finding_id > $2 ORDER BY finding_id"
NOTE = listing(
    """
    SELECT * FROM unnest($2::text[], $3::uuid[], $4::text[], $5::integer[], $6::text[], $7::text[], $8::text[])
        AS noted (kind, contract_id, contract_number, instalment, stated, known, detail)
    """
)
_DECIDE = f"""
UPDATE file_finding SET accepted = $3, decided_at = clock_timestamp(), decided_by = {CURRENT_ACTOR}
WHERE file_id = $1 AND contract_id = ANY($2::uuid[]) AND {_ASKED}
"""


async def listed(
    reader: Reader,
    file_id: UUID,
    query: PageQuery,
    kind: FindingKind | None,
    undecided: bool | None,
    locale: Locale | None = None,
) -> Page[Any]:
    """Return a page of a file's findings, by contract number within each chunk. Raises ``FileUnknown``."""
    await views.find(reader, file_id)
    rows = await reader.fetch(_LISTED[query.order], file_id, kind, query.after_number(), undecided, query.limit + 1)
    shown = page(rows, query, key=lambda row: (row["finding_id"],))
    told_to = locale or Locale()
    return Page(items=[Finding.of(item, told_to) for item in shown["items"]], next_cursor=shown["next_cursor"])


async def decide(tx: Transaction, file_id: UUID, contract_ids: Sequence[UUID], *, accepted: bool) -> None:
    """Keep with the file's findings what a person has decided about these contracts."""
    await tx.execute(_DECIDE, file_id, contract_ids, accepted)
