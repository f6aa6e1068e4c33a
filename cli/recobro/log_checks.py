"""The checks of ``recobro doctor`` on the event log."""

import asyncio
from collections import Counter
from collections.abc import Sequence

from recobro import lag, targets, topics
from recobro.errors import Trouble
from recobro.finding import Finding, ok, unknown, wrong
from recobro.lag import Reading
from recobro.language import tr
from recobro.terminal import count

_LOOK_AGAIN_SECONDS = 5.0


async def check(chosen: targets.Targets) -> list[Finding]:
    """Check that the log answers, has its topics and is read."""
    from recobro.log_settings import WrongSettings

    what, not_asked = tr("event log"), unknown(tr("consumers"), tr("this check needs the event log."))
    try:
        found, _ = await topics.look(chosen)
    except WrongSettings:
        return [unknown(what, tr("the settings are wrong.")), not_asked]
    except Trouble as trouble:
        return [wrong(what, str(trouble)), not_asked]
    through = "Kafka" if chosen.log_settings().kafka_bootstrap else tr("the embedded log")
    return [ok(what, tr("{through} answers.", through=through)), *_topics(found), *await _consumers(chosen)]


def _topics(found: Sequence[topics.Topic]) -> list[Finding]:
    missing = [one.topic for one in found if one.outcome == "missing"]
    numbers = Counter(one.partitions for one in found if one.partitions not in (None, one.expected))
    different = [
        tr("topics with {number} partitions: {topics}", number=number, topics=count(of))
        for number, of in sorted(numbers.items())
    ]
    what, findings = tr("topics"), []
    if missing:
        findings.append(
            wrong(
                what,
                tr(
                    "there is no {missing}. Create the missing topics: recobro topics create",
                    missing=", ".join(missing),
                ),
            )
        )
    if different:
        expected = tr(
            "RECOBRO_PARTITIONS is {expected}. Set it to the number that the topics have.", expected=found[0].expected
        )
        findings.append(wrong(what, f"{', '.join(different)}. {expected}"))
    kept = Counter((name, *numbers) for one in found for name, numbers in one.differs.items())
    findings += [
        wrong(
            what,
            tr(
                "{name} is {present}, and should be {good}. Topics: {topics}.",
                name=name,
                topics=count(of),
                present=is_,
                good=good,
            ),
        )
        for (name, is_, good), of in sorted(kept.items())
    ]
    return findings or [
        ok(
            what,
            tr(
                "all {found} topics exist, with {expected} partitions each.",
                found=count(len(found)),
                expected=found[0].expected,
            ),
        )
    ]


async def _consumers(chosen: targets.Targets) -> list[Finding]:
    """Check every consumer. To be behind is usual under load; to make no progress is not."""
    try:
        before, _ = await lag.look(chosen)
        if any(one.lag for one in before):
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)
        after, _ = await lag.look(chosen) if any(one.lag for one in before) else (before, [])
    except Trouble as trouble:
        return [unknown(tr("consumers"), trouble)]
    stood_at = {(one.consumer, one.topic): one.position for one in before if one.lag}
    return [_of_one(consumer, after, stood_at) for consumer in sorted({one.consumer for one in after})]


def _of_one(consumer: str, readings: Sequence[Reading], stood_at: dict[tuple[str, str], int]) -> Finding:
    own = [one for one in readings if one.consumer == consumer]
    what = tr("consumer {consumer}", consumer=consumer)
    if any(one.lost for one in own):
        return wrong(what, lag.what_is_lost(consumer, own))
    if missing := sorted(one.topic for one in own if not one.partitions):
        return unknown(what, tr("there is no {missing} to read.", missing=", ".join(missing)))
    stuck = [one for one in own if one.lag and stood_at.get((one.consumer, one.topic)) == one.position]
    if stuck:
        events = count(sum(one.lag for one in stuck))
        waiting = tr("{topics} (events: {events})", events=events, topics=", ".join(one.topic for one in stuck))
        return wrong(
            what,
            tr(
                "the consumer makes no progress with {waiting}. Its service's /readyz gives the reason.",
                waiting=waiting,
            ),
        )
    behind = sum(one.lag for one in own)
    if behind:
        return ok(
            what, tr("the consumer makes progress; events that it has not read yet: {events}.", events=count(behind))
        )
    return ok(what, tr("the consumer has read all events."))
