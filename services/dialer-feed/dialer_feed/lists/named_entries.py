"""Finding entries by contract number and phones by telephone number, as dialers name them."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from chassis import Reader
from jurisdictions import dialable_phone
from recobro_events import Row

from dialer_feed.lists.others import WAS_LISTED

# The contracts on published lists with these (list, contract number). Two portfolios may have the same number.
ENTRIES = f"""
SELECT entry.list_id, entry.contract_number, entry.contract_id, entry.contact_ids, entry.lead_id, contract.jurisdiction
FROM (SELECT DISTINCT * FROM unnest($1::uuid[], $2::text[]) AS given (list_id, contract_number)) AS named
JOIN list_entry entry USING (list_id, contract_number)
JOIN contract USING (contract_id)
WHERE {WAS_LISTED}
ORDER BY entry.list_id, entry.contract_number, entry.contract_id
"""
# Where two people have one number, the last row decides: the debtor, else the party for whom it is dialled.
_PHONES = """
SELECT contract_id, contact_id, value FROM contact_point WHERE contract_id = ANY ($1::uuid[]) AND kind = 'phone'
ORDER BY party_id IS NULL, contact_id DESC
"""


class Phones:
    """The phones of contracts, including phones that a contract no longer has."""

    def __init__(self, points: Mapping[tuple[UUID, str], UUID]) -> None:
        """``points`` holds contact points by (contract, E.164 number)."""
        self._points = points

    @classmethod
    async def read(cls, reader: Reader, entries: Iterable[Row]) -> "Phones":
        """Read the phones of these entries' contracts."""
        rows = await reader.fetch(_PHONES, [entry["contract_id"] for entry in entries])
        return cls({(row["contract_id"], row["value"]): row["contact_id"] for row in rows})

    def find(self, entry: Row, phone: str) -> UUID | None:
        """Return the contact point of the entry's contract for ``phone``, whatever its notation, or None."""
        number = dialable_phone(phone, entry["jurisdiction"])
        return self._points.get((entry["contract_id"], number)) if number else None
