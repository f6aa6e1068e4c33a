"""The checks of ``recobro doctor`` on the event log."""

import asyncio
from collections import Counter
from collections.abc import Sequence

from recobro import lag, targets, topics
from recobro.errors import Trouble
from recobro.finding import Finding, ok, unknown, wrong
from recobro.lag import Reading
from recobro.terminal import count, counted

_LOOK_AGAIN_SECONDS = 5.0


async def check(chosen: targets.Targets) -> list[Finding]:
    """Check that the log answers, has its topics and is read."""
    from recobro.log_settings import WrongSettings

    what, not_asked = "event log", unknown("consumers", "this check needs the event log.")
    try:
        found, _ = await topics.look(chosen)
    except WrongSettings:
        return [unknown(what, "the settings are wrong."), not_asked]
    except Trouble as trouble:
        return [wrong(what, f"the event log {str(trouble).removeprefix('The event log ')}"), not_asked]
    through = "Kafka" if chosen.log_settings().kafka_bootstrap else "the embedded log"
    return [ok(what, f"{through} answers."), *_topics(found), *await _consumers(chosen)]


def _topics(found: Sequence[topics.Topic]) -> list[Finding]:
    missing = [one.topic for one in found if one.outcome == "missing"]
    numbers = Counter(one.partitions for one in found if one.partitions not in (None, one.expected))
    different = [f"{counted(of, 'topic')} with {number} partitions" for number, of in sorted(numbers.items())]
    what, findings = "topics", []
    if missing:
        findings.append(
            wrong(what, f"there is no {', '.join(missing)}. Create the missing topics: recobro topics create")
        )
    if different:
        expected = f"and RECOBRO_PARTITIONS is {found[0].expected}. Set it to the number that the topics have."
        findings.append(wrong(what, f"{', '.join(different)}, {expected}"))
    kept = Counter((name, *numbers) for one in found for name, numbers in one.differs.items())
    findings += [
        wrong(what, f"{name} of {counted(of, 'topic')} is {is_}, and should be {good}.")
        for (name, is_, good), of in sorted(kept.items())
    ]
    return findings or [ok(what, f"all {count(len(found))} topics exist, with {found[0].expected} partitions each.")]


async def _consumers(chosen: targets.Targets) -> list[Finding]:
    """Check every consumer. To be behind is usual under load; to make no progress is not."""
    try:
        before, _ = await lag.look(chosen)
        if any(one.lag for one in before):
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)
        after, _ = await lag.look(chosen) if any(one.lag for one in before) else (before, [])
    except Trouble as trouble:
        return [unknown("consumers", trouble)]
    stood_at = {(one.consumer, one.topic): one.position for one in before if one.lag}
    return [_of_one(consumer, after, stood_at) for consumer in sorted({one.consumer for one in after})]


def _of_one(consumer: str, readings: Sequence[Reading], stood_at: dict[tuple[str, str], int]) -> Finding:
    own = [one for one in readings if one.consumer == consumer]
    what = f"consumer {consumer}"
    if any(one.lost for one in own):
        return wrong(what, lag.what_is_lost(consumer, own))
    if missing := sorted(one.topic for one in own if not one.partitions):
        return unknown(what, f"there is no {', '.join(missing)} to read.")
    stuck = [one for one in own if one.lag and stood_at.get((one.consumer, one.topic)) == one.position]
    if stuck:
        waiting = f"{counted(sum(one.lag for one in stuck), 'event')} of {', '.join(one.topic for one in stuck)}"
        return wrong(what, f"the consumer makes no progress with {waiting}. Its service's /readyz gives the reason.")
    behind = sum(one.lag for one in own)
    if behind:
        return ok(what, f"the consumer is {counted(behind, 'event')} behind and makes progress.")
    return ok(what, "the consumer has read all events.")
