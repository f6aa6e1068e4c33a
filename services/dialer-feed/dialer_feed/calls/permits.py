"""The permits by which calls were made, and calls that a withdrawal has overtaken."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from recobro_events import Row, Transaction

from dialer_feed.calls import queries
from dialer_feed.calls.matching import MatchedCall
from dialer_feed.calls.wrongful import Wrongful


async def used_by(tx: Transaction, calls: Sequence[MatchedCall], dialer_id: str) -> Mapping[tuple[UUID, str], Row]:
    """Return the permit by which each call was made, as its attempt said, or as the call itself says."""
    named = [one for one in calls if one.call.permit_id is not None]
    if named:
        columns = (
            (
                *one.key,
                one.list_id,
                one.contract_id,
                one.contact_id,
                one.call.agent,
                one.manual,
                one.call.started_at,
                one.call.permit_id,
            )
            for one in named
        )
        await tx.execute(queries.BEGIN_ATTEMPTS, dialer_id, *zip(*columns, strict=True))
    keys = ((*one.key, one.contract_id, one.contact_id, one.list_id) for one in calls)
    rows = await tx.fetch(queries.USED, *zip(*keys, strict=True)) if calls else []
    return {(row["dialed_for"], row["call_id"]): row for row in rows}


def has_overtaken(permit: Row | None, wrong: Wrongful | None) -> bool:
    """Whether a silence that began after the permit was given makes the call no wrong: its dialer did not know yet."""
    return (
        permit is not None and wrong is not None and not wrong.acknowledged and wrong.withdrawn_at >= permit["asked_at"]
    )
