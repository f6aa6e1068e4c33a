"""By which texts a payer names a contract: the reference on its invoice, and the account that it alone has."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from chassis import ContractUnknown, InputModel, OutputModel, Reader, ShortText
from recobro_events import Transaction

from portfolio.ledger.locking import lock_contract
from portfolio.tabular.cells import spelling_of

_READ = "SELECT kind, name, stated_at FROM payment_name WHERE contract_id = $1"
_KNOWN = "SELECT true FROM contract WHERE contract_id = $1"
# $1 contracts, $2 kinds, $3 names. A file, too, states several at once.
KEEP = """
INSERT INTO payment_name AS known (contract_id, portfolio_id, kind, name)
SELECT contract_id, contract.portfolio_id, kind, name
FROM unnest($1::uuid[], $2::text[], $3::text[]) AS given (contract_id, kind, name) JOIN contract USING (contract_id)
WHERE spelling_key(name) <> ''
ORDER BY contract_id, kind
ON CONFLICT (contract_id, kind) DO UPDATE
    SET name = excluded.name, stated_at = clock_timestamp(), actor = excluded.actor
    WHERE known.name <> excluded.name
"""
_FORGET = "DELETE FROM payment_name WHERE contract_id = $1 AND kind = ANY($2::text[])"
_KINDS = ("payment_reference", "virtual_account")


class NewPaymentNames(InputModel):
    """What the bank's files may say for the contract. An absent one is forgotten."""

    payment_reference: ShortText | None = None
    virtual_account: ShortText | None = None


class PaymentNames(OutputModel):
    """The bank's file may name the contract by these. ``stated_at`` is the time of the newest of the two."""

    contract_id: UUID
    payment_reference: str | None
    virtual_account: str | None
    stated_at: datetime | None


async def read(reader: Reader, contract_id: UUID) -> PaymentNames:
    """Return how payers name the contract. Raises ``ContractUnknown``."""
    if not await reader.fetchval(_KNOWN, contract_id):
        raise ContractUnknown()
    rows = {row["kind"]: row for row in await reader.fetch(_READ, contract_id)}
    names = {kind: rows[kind]["name"] if kind in rows else None for kind in _KINDS}
    newest = max((row["stated_at"] for row in rows.values()), default=None)
    return PaymentNames(contract_id=contract_id, **names, stated_at=newest)


async def state(tx: Transaction, contract_id: UUID, new: NewPaymentNames) -> PaymentNames:
    """Keep how payers name the contract. If two contracts have one name, the name identifies neither."""
    await lock_contract(tx, contract_id)
    given: Sequence[tuple[str, str | None]] = [(kind, getattr(new, kind)) for kind in _KINDS]
    kept = [(kind, spelling_of(name)) for kind, name in given if name is not None]
    await tx.execute(_FORGET, contract_id, [kind for kind, name in given if name is None])
    await tx.execute(KEEP, [contract_id] * len(kept), [kind for kind, _ in kept], [name for _, name in kept])
    return await read(tx, contract_id)
