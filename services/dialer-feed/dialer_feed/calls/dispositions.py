"""The catalogue of dispositions, and what agencies' own codes mean.

A call with a code that nobody has explained counts like one that nobody answered: it is an attempt, and silences
nothing. The code is kept with the call and listed, so that a person can say what it means for later calls.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from chassis import Conflict, FieldError, InputModel, Invalid, OutputModel, Page, PageQuery, Reader, ShortText, page
from pydantic import Field
from recobro_events import Row, Transaction
from recobro_events.contracts.dialer_feed import Disposition, WithdrawalReason

from dialer_feed.calls import rules
from dialer_feed.calls.matching import Call, MatchedCall, Meanings
from dialer_feed.calls.rules import DIALED_FROM_INSIDE

MOST_CODES = 1000
MEANINGS: Mapping[Disposition, str] = {
    Disposition.RIGHT_PARTY: "The agent spoke with the debtor.",
    Disposition.THIRD_PARTY: "Somebody else answered.",
    Disposition.PROMISE: "The debtor promised to pay.",
    Disposition.REFUSED: "The debtor refuses to pay.",
    Disposition.PAYMENT_CLAIMED: "The debtor says that the debt is paid.",
    Disposition.CLARIFICATION: "The debtor disputes the debt.",
    Disposition.WRONG_NUMBER: "The number is not the debtor's.",
    Disposition.OPTED_OUT: "The debtor wants no more calls on this number.",
    Disposition.DECEASED: "The debtor is deceased.",
    Disposition.REPRESENTED: "The debtor is represented.",
    Disposition.NO_ANSWER: "Nobody answered.",
    Disposition.BUSY: "The line was busy.",
    Disposition.VOICEMAIL: "A voicemail answered.",
    Disposition.FAILED: "The call was not connected.",
}


class Meaning(OutputModel):
    """What a disposition means. ``acts_like`` is the withdrawal's reason that it stands for."""

    disposition: Disposition
    meaning: str
    right_party: bool
    acts_like: WithdrawalReason | None


class MappedCode(InputModel):
    code: Annotated[ShortText, Field(max_length=64)]
    disposition: Disposition


class NewCodes(InputModel):
    """All codes of an agency, each with what it means; null: of those who dial from inside."""

    agency_id: UUID | None = None
    codes: Annotated[list[MappedCode], Field(max_length=MOST_CODES)]


class ChangedCode(InputModel):
    """One code. ``disposition`` is what it means from now on, null: nothing. ``was`` is what it meant to the person who
    decided, null: nothing."""

    code: Annotated[ShortText, Field(max_length=64)]
    disposition: Disposition | None
    was: Disposition | None


class CodesChange(InputModel):
    """Some codes of an agency, null: of those who dial from inside. Its other codes stay as they are."""

    agency_id: UUID | None = None
    codes: Annotated[list[ChangedCode], Field(min_length=1, max_length=MOST_CODES)]


class CodesChanged(Conflict):
    code = "codes-changed"
    detail = "Somebody else has changed the meaning of these codes. Look at them again."


class TooManyCodes(Conflict):
    code = "too-many-codes"
    detail = f"An agency has at most {MOST_CODES} codes with a meaning."


class Code(OutputModel):
    """An agency's code. ``disposition`` null: nobody has said what it means, and ``calls`` have come with it."""

    agency_id: UUID | None
    code: str
    disposition: Disposition | None
    calls: int
    last_at: datetime | None


_MAPPED = """
SELECT dialed_for, code, disposition FROM disposition_code
WHERE disposition IS NOT NULL AND (dialed_for, code) IN (SELECT * FROM unnest($1::uuid[], $2::text[]))
"""
_KEEP_UNKNOWN = f"""
INSERT INTO disposition_code AS known (dialed_for, code, calls, last_at)
SELECT dialed_for, code, calls, clock_timestamp()
FROM unnest($1::uuid[], $2::text[], $3::bigint[]) AS unknown (dialed_for, code, calls)
WHERE EXISTS (
        SELECT FROM disposition_code same WHERE same.dialed_for = unknown.dialed_for AND same.code = unknown.code)
    OR (SELECT count(*) FROM disposition_code theirs WHERE theirs.dialed_for = unknown.dialed_for) < {2 * MOST_CODES}
ORDER BY dialed_for, code
ON CONFLICT (dialed_for, code) DO UPDATE SET calls = known.calls + excluded.calls, last_at = excluded.last_at
"""
UNEXPLAINED = "SELECT count(*)::integer FROM disposition_code WHERE disposition IS NULL"
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('disposition codes ' || $1::uuid, 0))"
_HELD = "SELECT code, disposition FROM disposition_code WHERE dialed_for = $1 AND disposition IS NOT NULL"
_FORGET = """
DELETE FROM disposition_code
WHERE dialed_for = $1 AND disposition IS NOT NULL AND calls = 0 AND code <> ALL ($2::text[])
"""
_UNMAP = """
UPDATE disposition_code SET disposition = NULL
WHERE dialed_for = $1 AND disposition IS NOT NULL AND code <> ALL ($2::text[])
"""
_MAP = """
INSERT INTO disposition_code AS known (dialed_for, code, disposition)
SELECT $1, code, disposition FROM unnest($2::text[], $3::text[]) AS given (code, disposition) ORDER BY code
ON CONFLICT (dialed_for, code) DO UPDATE SET disposition = excluded.disposition
"""
_PAGE = {
    order: f"""
SELECT dialed_for, code, disposition, calls, last_at FROM disposition_code
WHERE ($1::uuid IS NULL OR dialed_for = $1) AND ($2::boolean IS NULL OR (disposition IS NOT NULL) = $2)
    AND ($3::uuid IS NULL OR (dialed_for, code) {beyond} ($3, $4))
ORDER BY dialed_for {order}, code {order} LIMIT $5
"""
    for order, beyond in (("asc", ">"), ("desc", "<"))
}


def catalogue(say: Callable[[str], str]) -> list[Meaning]:
    """Return every disposition with its meaning. ``say`` translates a sentence for the reader."""
    return [
        Meaning(
            disposition=one,
            meaning=say(meaning),
            right_party=rules.is_right_party(one),
            acts_like=rules.acts_like(one),
        )
        for one, meaning in MEANINGS.items()
    ]


async def meanings(
    tx: Transaction, calls: Sequence[Call], own_lists: Mapping[UUID, Row], agency_id: UUID | None
) -> Meanings:
    """Return what the codes of these calls mean, by dialer and code. A code that nobody has explained is missing."""
    named = {
        (_dialed_for(call, own_lists, agency_id), call.disposition_code) for call in calls if call.disposition is None
    }
    if not named:
        return {}
    rows = await tx.fetch(_MAPPED, *zip(*named, strict=True))
    return {(row["dialed_for"], row["code"]): Disposition(row["disposition"]) for row in rows}


def _dialed_for(call: Call, own_lists: Mapping[UUID, Row], agency_id: UUID | None) -> UUID:
    known = own_lists.get(call.list_id) if call.list_id else None
    return (known["agency_id"] if known else agency_id) or DIALED_FROM_INSIDE


async def keep_unknown(tx: Transaction, calls: Sequence[MatchedCall]) -> None:
    """List the codes of recorded calls that nobody has explained, each with the number of its calls."""
    counted = Counter((one.dialed_for, one.call.disposition_code) for one in calls if not one.is_explained)
    if counted:
        rows = [(*key, count) for key, count in counted.items()]
        await tx.execute(_KEEP_UNKNOWN, *zip(*rows, strict=True))


async def put(tx: Transaction, new: NewCodes) -> int:
    """Replace what the codes of an agency mean. It holds for calls that are reported from now on."""
    _refuse_repeated([one.code for one in new.codes])
    dialed_for = new.agency_id or DIALED_FROM_INSIDE
    await tx.execute(_LOCK, dialed_for)
    return await _replace(tx, dialed_for, {one.code: one.disposition for one in new.codes})


async def change(tx: Transaction, new: CodesChange) -> int:
    """Change what some codes of an agency mean. It holds for calls that are reported from now on.

    Raises ``CodesChanged`` if one of them meanwhile means neither what it meant nor what it shall mean, and
    ``TooManyCodes``. Nothing changes then.
    """
    _refuse_repeated([one.code for one in new.codes])
    dialed_for = new.agency_id or DIALED_FROM_INSIDE
    await tx.execute(_LOCK, dialed_for)
    held = {row["code"]: Disposition(row["disposition"]) for row in await tx.fetch(_HELD, dialed_for)}
    if changed := [one.code for one in new.codes if held.get(one.code) not in (one.was, one.disposition)]:
        raise CodesChanged(extra={"codes": changed})
    wanted = {**held, **{one.code: one.disposition for one in new.codes}}
    meanings = {code: disposition for code, disposition in wanted.items() if disposition is not None}
    if len(meanings) > MOST_CODES:
        raise TooManyCodes()
    return await _replace(tx, dialed_for, meanings)


def _refuse_repeated(codes: Sequence[str]) -> None:
    if twice := next((code for code, count in Counter(codes).items() if count > 1), None):
        place = codes.index(twice)
        raise Invalid("A code is given twice.", errors=[FieldError(f"/codes/{place}/code", "must not be repeated")])


async def _replace(tx: Transaction, dialed_for: UUID, meanings: Mapping[str, Disposition]) -> int:
    codes = list(meanings)
    await tx.execute(_FORGET, dialed_for, codes)
    await tx.execute(_UNMAP, dialed_for, codes)
    await tx.execute(_MAP, dialed_for, codes, list(meanings.values()))
    return len(codes)


async def listed(reader: Reader, agency_id: UUID | None, mapped: bool | None, query: PageQuery) -> Page[Code]:
    """Return a page of codes by agency and code; ``mapped`` false: those that nobody has explained."""
    after: Any = query.after(UUID, str) or (None, None)
    rows = await reader.fetch(_PAGE[query.order], agency_id, mapped, *after, query.limit + 1)
    shown = page(rows, query, key=lambda row: (row["dialed_for"], row["code"]))
    items = [
        Code(**item, agency_id=None if item["dialed_for"] == DIALED_FROM_INSIDE else item["dialed_for"])
        for item in map(dict, shown["items"])
    ]
    return Page(items=items, next_cursor=shown["next_cursor"])
