"""The promise check over HTTP: for portfolios that nobody stages, and to be sure."""

from chassis import Day, InputModel, OutputModel, Router, ServiceDatabase, writes
from recobro_events.contracts.promises import PromiseState

from promises import metrics
from promises.outcomes import deciding

router = Router(prefix="/v1", tags=["promises"])


class NewPromiseCheck(InputModel):
    as_of: Day


class PromiseCheck(OutputModel):
    """How many promises this check has decided."""

    kept: int
    partly_kept: int
    broken: int


@router.post("/promise-checks", dependencies=[writes("promises")])
async def check_promises(new: NewPromiseCheck, database: ServiceDatabase) -> PromiseCheck:
    """Decide every promise whose time is over on this day. Again for the same day, or an earlier one: nothing.

    A day later than a portfolio's business date counts for it too, and for good: payments that are still to come with
    an earlier ``paid_on`` mend a broken promise, but not a broken plan.
    """
    with metrics.CHECK.run():
        changed = await deciding.check(database, new.as_of)
    return PromiseCheck(
        kept=changed[PromiseState.KEPT],
        partly_kept=changed[PromiseState.PARTLY_KEPT],
        broken=changed[PromiseState.BROKEN],
    )
