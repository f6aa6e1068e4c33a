"""Keeps the facts of the portfolio service about portfolios and contracts. Nothing here places or recalls."""

from collections.abc import Sequence

from jurisdictions import UnknownJurisdiction, state_named
from projections import clarifications, pauses, payments
from projections.columns import Column, columns
from projections.contracts import Details, Positions, Wholes
from projections.portfolios import Portfolios
from recobro_events import Transaction
from recobro_events.contracts.portfolio import AttemptMade, ContractWhole

LOCK_PORTFOLIOS = """
SELECT portfolio_id FROM portfolio WHERE portfolio_id = ANY ($1::uuid[]) ORDER BY portfolio_id FOR UPDATE
"""
PORTFOLIOS = Portfolios("state", "business_date", "name", "timezone", "payment_holdoff_days")
POSITIONS = Positions(
    "as_of", "state", "stage", "days_past_due", "overdue_balance", "total_balance", "next_change_on", "episode"
)


def _region(contract: ContractWhole) -> str | None:
    """The usual name of the state in the first address; as written where the jurisdiction does not know the state."""
    if not contract.addresses:
        return None
    written = contract.addresses[0].state
    try:
        return state_named(contract.jurisdiction, written) or written
    except UnknownJurisdiction:
        return written


_DETAILS = Details("portfolio_id", "contract_number", "currency", "product", region=Column("text", _region))
_WHOLES = Wholes(POSITIONS, _DETAILS, figures=True, segments=True, steps=True)


async def keep_wholes(tx: Transaction, wholes: Sequence[ContractWhole]) -> None:
    """Keep all facts of a whole contract. Each group of columns is stored where its version is newer."""
    await _WHOLES.keep(tx, wholes)
    await clarifications.keep_from_contracts(tx, wholes)
    await pauses.keep_from_contracts(tx, wholes)
    await payments.keep_from_contracts(tx, wholes)


# The newest episode counts, and in it the largest number: events of a contract may arrive again by a rebuild.
_KEEP_ATTEMPTS = """
UPDATE contract SET
    own_attempts = CASE WHEN fact.episode > own_attempts_in THEN fact.attempts
        ELSE greatest(own_attempts, fact.attempts) END,
    own_attempts_in = fact.episode
FROM (
    SELECT DISTINCT ON (contract_id) contract_id, episode, attempts
    FROM unnest($1::uuid[], $2::integer[], $3::integer[]) AS given (contract_id, episode, attempts)
    ORDER BY contract_id, episode DESC, attempts DESC
) AS fact
WHERE contract.contract_id = fact.contract_id AND fact.episode >= own_attempts_in
"""


async def keep_attempts(tx: Transaction, made: Sequence[AttemptMade]) -> None:
    """Keep how often the creditor's own people have tried to reach the debtor in the present episode."""
    await tx.execute(_KEEP_ATTEMPTS, *columns(((one.contract_id, one.episode, one.attempts) for one in made), 3))
