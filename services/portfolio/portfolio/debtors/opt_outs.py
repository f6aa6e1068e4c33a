"""Opt-outs of persons who were erased. They hold for every debtor with the phone or e-mail, which is kept as a hash."""

from collections.abc import Collection, Sequence
from uuid import UUID

from recobro_events import Transaction


def _recall(given: str) -> str:
    return f"""
INSERT INTO debtor_contact_mark AS mark (debtor_id, kind, value, invalid, opted_out, media)
SELECT DISTINCT ON (debtor_id, kind, value) debtor_id, kind, value, false, refused.opted_out, refused.media
FROM ({given}) AS given JOIN contract USING (contract_id)
JOIN erased_opt_out AS refused
    ON refused.creditor_id = contract.creditor_id AND refused.value_hash = erased_hash(kind, value)
ORDER BY debtor_id, kind, value
ON CONFLICT (debtor_id, kind, value) DO UPDATE SET opted_out = mark.opted_out OR excluded.opted_out,
    media = ARRAY(SELECT DISTINCT medium FROM unnest(mark.media || excluded.media) AS medium ORDER BY medium),
    own_invalid = NULL, own_opted_out = NULL, own_media = NULL
WHERE excluded.opted_out > mark.opted_out OR NOT excluded.media <@ mark.media
"""


_RECALL = _recall("SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[]) AS one (contract_id, kind, value)")
_RECALL_STATED = _recall(
    """
    SELECT contract_id, kind, value FROM file_contact WHERE file_id = $1 AND contract_id = ANY($2::uuid[])
    UNION SELECT contract_id, kind, value FROM file_party_contact WHERE file_id = $1 AND contract_id = ANY($2::uuid[])
    """
)
_ANY = "SELECT EXISTS (SELECT FROM erased_opt_out WHERE creditor_id = $1)"
_FORGET = """
DELETE FROM erased_opt_out AS refused
USING unnest($1::uuid[], $2::text[], $3::text[]) AS given (debtor_id, kind, value) JOIN debtor USING (debtor_id)
WHERE refused.creditor_id = debtor.creditor_id AND refused.value_hash = erased_hash(kind, value)
"""


async def recall(tx: Transaction, points: Sequence[tuple[UUID, str, str]]) -> None:
    """Give the debtors of these contracts the marks of these phones and e-mails: contract, kind, value.

    Call it before they are stored.
    """
    if points:
        await tx.execute(_RECALL, *zip(*points, strict=True))


async def recall_stated(tx: Transaction, creditor_id: UUID, file_id: UUID, contract_ids: Collection[UUID]) -> None:
    """Give the debtors of these contracts the marks of the phones and e-mails that the file states."""
    if await tx.fetchval(_ANY, creditor_id):
        await tx.execute(_RECALL_STATED, file_id, list(contract_ids))


async def forget(tx: Transaction, debtors: Sequence[UUID], kinds: Sequence[str], values: Sequence[str]) -> None:
    """The holder of these phones and e-mails has taken the opt-out back."""
    await tx.execute(_FORGET, debtors, kinds, values)
