"""A task of the runtime that fails is known, is started again, and touches no other."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from prometheus_client import REGISTRY
from recobro_events import Database, PositionLost, Relay, Runtime, Subscription
from recobro_events._backoff import Backoff
from recobro_events._runtime import housekeeping, tasks
from recobro_events._runtime.tasks import Tasks
from recobro_events._tasks import end
from recobro_events.memory import MemoryTransport
from toy_services import Publisher, Subscriber, until

NewDatabase = Callable[[], Awaitable[Database]]


class Fragile:
    """A task that fails as often as is wanted, and then works until it is cancelled."""

    def __init__(self, failures: int, error: BaseException | None = None) -> None:
        self.runs = 0
        self.works = asyncio.Event()
        self._failures = failures
        self._error = error or ZeroDivisionError("4711 is the content of an event")

    async def run(self) -> None:
        self.runs += 1
        if self.runs <= self._failures:
            raise self._error
        self.works.set()
        await asyncio.Event().wait()


@pytest.fixture
def go_on(monkeypatch: pytest.MonkeyPatch) -> asyncio.Semaphore:
    """Each release of it ends one pause."""
    semaphore = asyncio.Semaphore(0)

    async def wait(_backoff: Backoff, _until: asyncio.Event | None = None) -> None:
        await semaphore.acquire()

    monkeypatch.setattr(Backoff, "wait", wait)
    return semaphore


def failed(task: str, service: str = "orders") -> float | None:
    return REGISTRY.get_sample_value("runtime_task_failed", {"service": service, "task": task})


async def test_a_task_that_fails_is_known_and_started_again(go_on: asyncio.Semaphore) -> None:
    fragile, sound, running = Fragile(failures=3), Fragile(failures=0), Tasks("orders")
    started = [running.start("counting", fragile.run), running.start("pruning", sound.run)]
    await asyncio.wait_for(sound.works.wait(), 240)
    assert running.problems() == ["counting has failed and is started again: unexpected ZeroDivisionError"]
    assert (failed("counting"), failed("pruning")) == (1, 0)
    for _ in range(3):
        go_on.release()
    await asyncio.wait_for(fragile.works.wait(), 240)
    assert (fragile.runs, sound.runs) == (4, 1)
    assert running.problems() != [], "it may fail again at once"
    assert not any(task.done() for task in started)
    await end(*started)


async def test_a_cancellation_that_nobody_asked_for_is_a_failure(go_on: asyncio.Semaphore) -> None:
    fragile, running = Fragile(failures=1, error=asyncio.CancelledError()), Tasks("orders")
    started = running.start("counting", fragile.run)
    go_on.release()
    await asyncio.wait_for(fragile.works.wait(), 240)
    assert running.problems() == ["counting has failed and is started again: unexpected CancelledError"]
    started.cancel()
    with pytest.raises(asyncio.CancelledError):
        await started


async def test_a_task_that_has_worked_for_a_while_is_no_problem_any_more(
    go_on: asyncio.Semaphore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "SETTLED_SECONDS", 0.0)
    fragile, running = Fragile(failures=1), Tasks("orders")
    started = running.start("watch", fragile.run)
    go_on.release()
    await asyncio.wait_for(fragile.works.wait(), 240)
    await until(lambda: is_true(lambda: running.problems() == []))
    assert failed("watch") == 0
    await end(started)


async def test_a_task_that_gives_up_is_not_started_again() -> None:
    lost = PositionLost("the log does not hold the next record")
    fragile, running = Fragile(failures=9, error=lost), Tasks("orders")
    await asyncio.wait_for(running.start("consumer", fragile.run, gives_up=True), 240)
    assert running.problems() == ["consumer has stopped: the log does not hold the next record"]
    assert running.given_up("consumer") is lost
    assert fragile.runs == 1


async def test_nothing_is_started_again_after_the_stop() -> None:
    fragile, running = Fragile(failures=9), Tasks("orders")
    task = running.start("watch", fragile.run)
    await until(lambda: is_true(lambda: running.problems() != []))
    running.stop()
    await asyncio.wait_for(task, 240)
    assert fragile.runs == 1


@pytest.fixture
async def at_work(new_database: NewDatabase) -> AsyncIterator[Callable[[], Awaitable[Runtime]]]:
    started: list[Runtime] = []
    publisher = Publisher()

    async def start() -> Runtime:
        runtime = Runtime("subscriber", await new_database(), MemoryTransport(2), Subscriber(publisher).consumer)
        await runtime.start()
        started.append(runtime)
        return runtime

    yield start
    for runtime in started:
        await runtime.stop()


@pytest.mark.parametrize(
    ("broken", "named"),
    [
        ((housekeeping, "report"), ["counting"]),
        ((housekeeping, "prune"), ["pruning"]),
        (("recobro_events.rebuilding", "republish_next"), ["republishing"]),
        (("recobro_events.barrier", "expire"), ["watch"]),
        (("recobro_events._runtime.recognising", "recognises"), ["start"]),
        ((Relay, "_connect"), ["relay subscriber.events"]),
        ((Subscription, "_step"), ["consumer subscriber.bulk", "consumer subscriber.events"]),
    ],
)
async def test_a_defect_in_one_part_of_a_process_leaves_the_others_at_work(
    at_work: Callable[[], Awaitable[Runtime]],
    go_on: asyncio.Semaphore,
    monkeypatch: pytest.MonkeyPatch,
    broken: tuple[object, str],
    named: list[str],
) -> None:
    calls = 0

    async def fail(*_: object) -> None:
        nonlocal calls
        calls += 1
        raise ZeroDivisionError

    monkeypatch.setattr("recobro_events._runtime.runtime._WATCH_SECONDS", 0.01)
    where, name = broken
    monkeypatch.setattr(*((f"{where}.{name}", fail) if isinstance(where, str) else (where, name, fail)))
    runtime = await at_work()
    known = [f"{task} has failed and is started again: unexpected ZeroDivisionError" for task in named]
    await until(lambda: is_true(lambda: runtime.problems() == known))
    assert [failed(task, "subscriber") for task in named] == [1] * len(named)
    assert calls == len(named)
    go_on.release()
    await until(lambda: is_true(lambda: calls > len(named)))


async def test_a_relay_with_a_defect_lets_another_take_over(
    new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its session ends with it, and so does its lock."""
    publisher, database, log = Publisher(), await new_database(), MemoryTransport(1)
    database.service = publisher.name
    await log.ensure_topics([publisher.topic()])
    broken = Relay(publisher.Paid.lane, database, log)

    async def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(broken, "_report_age", fail)
    with pytest.raises(ZeroDivisionError):
        await broken.run()
    other = Relay(publisher.Paid.lane, database, log)
    running = asyncio.create_task(other.run())
    await until(lambda: is_true(lambda: other.active))
    other.stop()
    await asyncio.wait_for(running, 240)


async def is_true(condition: Callable[[], bool]) -> bool:
    return condition()
