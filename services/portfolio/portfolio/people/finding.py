"""Who a person is."""

from uuid import UUID

from chassis import NotFound, Reader

from portfolio.people import queries


class PersonUnknown(NotFound):
    code = "person-unknown"
    detail = "There is no person, and no debtor, with this id."


async def person_of(reader: Reader, any_id: UUID) -> UUID:
    """Return the person with this id, or whom the debtor with this id is. Raises ``PersonUnknown``."""
    row = await reader.fetchrow(queries.PERSON, any_id)
    if row is None or row["person_id"] is None:
        raise PersonUnknown()
    return row["person_id"]  # type: ignore[no-any-return]
