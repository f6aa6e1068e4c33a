"""Keeps proposals of agreements, so that they can be printed and signed. Only the promises service decides them."""

from collections.abc import Sequence

from recobro_events import Transaction
from recobro_events.contracts.promises import ProposalChanged

# The newest version says the state. The terms never change; an event of an earlier release has none.
_KEEP = """
INSERT INTO proposal AS known (agreement_id, contract_id, version, state, kind, valid_until, awaits_second_person,
    terms, owed_components)
SELECT given.agreement_id, given.contract_id, given.version, given.state, kind, valid_until, awaits_second_person,
    terms::jsonb, contract.components
FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::date[], $7::boolean[], $8::text[])
    AS given (agreement_id, contract_id, version, state, kind, valid_until, awaits_second_person, terms)
JOIN contract USING (contract_id) ORDER BY agreement_id
ON CONFLICT (agreement_id) DO UPDATE SET version = excluded.version, state = excluded.state,
    awaits_second_person = excluded.awaits_second_person, terms = coalesce(known.terms, excluded.terms)
WHERE known.version < excluded.version OR (known.version = excluded.version AND known.terms IS NULL)
"""


async def keep(tx: Transaction, events: Sequence[ProposalChanged]) -> None:
    """Store the state and the terms of these proposals; no contract may occur twice."""
    rows = [
        (
            *(event.agreement_id, event.contract_id, event.version, event.state, event.kind, event.valid_until),
            event.awaits_second_person,
            event.terms and event.terms.model_dump_json(),
        )
        for event in events
    ]
    await tx.execute(_KEEP, *zip(*rows, strict=True))
