"""Measuring how fast withdrawals reached the list and the dialers, and how many calls followed a withdrawal."""

from collections.abc import Sequence
from uuid import UUID

from chassis import OutputModel, Reader

from dialer_feed.withdrawals import queries


class Percentiles(OutputModel):
    """Percentiles in seconds; null where nothing was measured."""

    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    max: float | None = None


class WithdrawalReport(OutputModel):
    """``seconds_to_acknowledgement`` counts every dialer that acknowledged a withdrawal."""

    list_id: UUID
    withdrawn: int
    seconds_to_list: Percentiles
    seconds_to_acknowledgement: Percentiles
    wrongful_calls: int
    wrongful_calls_after_acknowledgement: int
    overtaken_calls: int


async def report(reader: Reader, list_id: UUID) -> WithdrawalReport:
    """Return the report on a list. The list must exist."""
    row = await reader.fetchrow(queries.REPORT, list_id)
    assert row is not None
    return WithdrawalReport(
        list_id=list_id,
        withdrawn=row["withdrawn"],
        seconds_to_list=_percentiles(row["to_list"]),
        seconds_to_acknowledgement=_percentiles(row["to_acknowledgement"]),
        wrongful_calls=row["wrongful_calls"],
        wrongful_calls_after_acknowledgement=row["wrongful_calls_after_acknowledgement"],
        overtaken_calls=row["overtaken_calls"],
    )


def _percentiles(seconds: Sequence[float] | None) -> Percentiles:
    if seconds is None:
        return Percentiles()
    p50, p95, p99, most = (round(value, 6) for value in seconds)
    return Percentiles(p50=p50, p95=p95, p99=p99, max=most)
