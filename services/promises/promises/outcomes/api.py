"""HTTP route of the promise check. Portfolios that nobody stages need it; for others it is a safeguard."""

from chassis import Day, InputModel, OutputModel, Router, ServiceDatabase, writes
from recobro_events.contracts.promises import PromiseState

from promises import metrics
from promises.outcomes import deciding

router = Router(prefix="/v1", tags=["promises"])


class NewPromiseCheck(InputModel):
    """``confirm_future`` is needed for a day that is more than one day ahead of today."""

    as_of: Day
    confirm_future: bool = False


class PromiseCheck(OutputModel):
    """How many promises this check has decided, by their new state."""

    kept: int
    partly_kept: int
    broken: int


@router.post("/promise-checks", dependencies=[writes("promises")])
async def check_promises(new: NewPromiseCheck, database: ServiceDatabase) -> PromiseCheck:
    """Decide every promise whose time is over on this day. A repeat for the same or an earlier day changes nothing.

    The day also counts for portfolios whose business date is earlier, and this is final. A payment that arrives later
    with an earlier ``paid_on`` mends a broken promise or plan.
    """
    with metrics.CHECK.run():
        changed = await deciding.check(database, new.as_of, confirm_future=new.confirm_future)
    return PromiseCheck(
        kept=changed[PromiseState.KEPT],
        partly_kept=changed[PromiseState.PARTLY_KEPT],
        broken=changed[PromiseState.BROKEN],
    )
