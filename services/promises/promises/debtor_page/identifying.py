"""Who the debtor is: digests of what proves it, and whether answers fit them.

The debtor is asked for the end of the tax id and for a postal code, as far as they are known. Nothing of either is kept
but a digest of the contract's own, so equal answers of two debtors look different.
"""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from projections.columns import columns
from recobro_events import Row, Transaction
from recobro_events.contracts.portfolio import ContractWhole

from promises.debtor_page import digests, queries
from promises.debtor_page.rules import end_of_tax_id, plain

MOST_POSTAL_CODES = 20


class Answers(NamedTuple):
    """What somebody has answered. Null: the page has not asked for it."""

    tax_id: str | None
    postal_code: str | None


async def keep(tx: Transaction, wholes: Sequence[ContractWhole]) -> None:
    """Keep the digests of these contracts where they are not older than the known ones."""
    key = await digests.key_of(tx)
    await tx.execute(queries.KEEP_IDENTITIES, *columns((_row(key, whole) for whole in wholes), 5))


def _row(key: bytes, whole: ContractWhole) -> tuple[UUID, int, str | None, str | None, str]:
    end = end_of_tax_id(whole.debtor.tax_id)
    codes = sorted({code for address in whole.addresses if (code := plain(address.postal_code or ""))})
    return (
        whole.contract_id,
        whole.details_version,
        whole.debtor.language,
        None if end is None else _tax_id(key, whole.contract_id, end),
        " ".join(_postal_code(key, whole.contract_id, code) for code in codes[:MOST_POSTAL_CODES]),
    )


def fits(key: bytes, link: Row, answers: Answers) -> bool:
    """Whether the answers match all that is known. All of it is compared, so that the time reveals nothing."""
    end = _tax_id(key, link["contract_id"], plain(answers.tax_id or ""))
    code = _postal_code(key, link["contract_id"], plain(answers.postal_code or ""))
    tax_id_fits = digests.equals(end, link["tax_id"] or end)
    known = link["postal_codes"] or [code]
    return sum(digests.equals(code, one) for one in known) > 0 and tax_id_fits


def _tax_id(key: bytes, contract_id: UUID, end: str) -> str:
    return digests.signed(key, "tax id", str(contract_id), end)


def _postal_code(key: bytes, contract_id: UUID, code: str) -> str:
    return digests.signed(key, "postal code", str(contract_id), code)
