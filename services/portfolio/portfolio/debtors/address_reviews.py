"""Reading the addresses that a person has to look at, because of what the file, a visitor or nobody says of them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from chassis import OutputModel, Page, PageQuery, Reader, page
from recobro_events.contracts.field_visits import AddressVerdict

from portfolio.debtors import queries


class AddressIssue(StrEnum):
    """``unchecked``: given at the door. ``wrong_address``: a visitor found it wrong. The others: what a file states."""

    UNCHECKED = "unchecked"
    WRONG_ADDRESS = "wrong_address"
    UNKNOWN_KIND = "unknown_kind"
    NO_STREET = "no_street"
    UNKNOWN_STATE = "unknown_state"
    NO_POSTAL_CODE = "no_postal_code"
    BAD_POSTAL_CODE = "bad_postal_code"
    POSTAL_CODE_OF_ANOTHER_STATE = "postal_code_of_another_state"


class AddressReview(OutputModel):
    """An address with issues. Nobody is sent there unless it is ``authorised``.

    ``provenance`` names who gave it, ``verdict`` is that of the last visitor.
    """

    address_id: UUID
    contract_id: UUID
    contract_number: str
    portfolio_id: UUID
    debtor_name: str
    kind: str
    street: str | None
    exterior: str | None
    interior: str | None
    neighbourhood: str | None
    postal_code: str | None
    city: str | None
    state: str | None
    country: str
    issues: list[AddressIssue]
    irregular_numbering: bool
    authorised: bool
    verdict: AddressVerdict | None
    provenance: str
    known_since: datetime


@dataclass(frozen=True)
class ReviewFilter:
    """The filter of the list. An address must match every given field."""

    issue: AddressIssue | None = None
    portfolio_id: UUID | None = None
    contract_id: UUID | None = None


async def listed(reader: Reader, wanted: ReviewFilter, query: PageQuery) -> Page[AddressReview]:
    """Return a page of matching addresses of open contracts in the order in which they became known."""
    after = query.after(datetime, UUID) or (None, None)
    filters = (wanted.issue, wanted.portfolio_id, wanted.contract_id)
    rows = await reader.fetch(queries.ADDRESS_REVIEWS[query.order], *filters, *after, query.limit + 1)
    return page(rows, query, key=lambda row: (row["known_since"].isoformat(), row["address_id"]))
