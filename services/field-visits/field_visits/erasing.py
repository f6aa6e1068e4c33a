"""Erases what field-visits keeps of persons: names, addresses, what was found at the door, and photos.

Visits stay, with their days, visitors and outcomes. The bytes of photos are deleted by a task of the process that
serves requests, which tries again until the storage has deleted them.
"""

from collections.abc import Sequence

from chassis.storage import FileStorage
from projections.contracts import erase_details, erasures
from recobro_events import Database, Transaction
from recobro_events.contracts.portfolio import ContractWhole, DebtorErased

from field_visits import metrics

_MOST_PHOTOS = 100

_ERASE_DETAILS = erase_details(name="''", language="NULL", conveniences="'[]'", erased="true")
_ERASE = (
    """
    UPDATE address SET street = NULL, exterior = NULL, interior = NULL, neighbourhood = NULL, postal_code = NULL,
        city = NULL, state = NULL, present = false
    WHERE contract_id = ANY($1::uuid[])
    """,
    """
    UPDATE visit SET reason_for_non_payment = NULL, contacts = CASE WHEN contacts IS NOT NULL THEN '[]'::jsonb END,
        addresses = '[]', latitude = NULL,
        longitude = NULL, accuracy_metres = NULL,
        cancel_detail = CASE WHEN cancel_detail IS NOT NULL THEN 'erased' END,
        override_reason = CASE WHEN override_reason IS NOT NULL THEN 'erased' END
    WHERE contract_id = ANY($1::uuid[])
    """,
    """
    WITH gone AS (
        DELETE FROM photo USING visit
        WHERE visit.contract_id = ANY($1::uuid[]) AND photo.visit_id = visit.visit_id RETURNING photo_id
    )
    INSERT INTO erased_photo (photo_id) SELECT photo_id FROM gone ON CONFLICT DO NOTHING
    """,
)
_LEFT = "SELECT count(*) FROM erased_photo"
_NEXT = "SELECT photo_id FROM erased_photo LIMIT $1"
_DELETED = "DELETE FROM erased_photo WHERE photo_id = $1"


async def erase(tx: Transaction, events: Sequence[ContractWhole | DebtorErased]) -> None:
    """Erase the persons of these contracts. Repeating it changes nothing."""
    if events:
        contract_ids, versions = erasures(events)
        await tx.execute(_ERASE_DETAILS, contract_ids, versions)
        for statement in _ERASE:
            await tx.execute(statement, contract_ids)


async def delete_photos(database: Database, storage: FileStorage) -> bool:
    """Delete some of the erased photos from the storage. Returns False when none is left.

    Raises ``Unavailable`` when the storage fails; nothing is forgotten then.
    """
    async with database.connection() as connection:
        metrics.ERASED_PHOTOS.set(await connection.fetchval(_LEFT))
        rows = await connection.fetch(_NEXT, _MOST_PHOTOS)
    for row in rows:
        await storage.erase(row["photo_id"])
        async with database.connection() as connection:
            await connection.execute(_DELETED, row["photo_id"])
    return bool(rows)
