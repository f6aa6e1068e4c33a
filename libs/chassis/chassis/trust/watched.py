"""Content of a file or an address that is loaded again and again while the process runs."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Generic, TypeVar

import structlog

from chassis.metrics import Task
from chassis.problems import Unavailable

TIMEOUT_SECONDS = 5.0
EARLY_SECONDS = 10.0
"""How often content may be loaded before its time because a request asks for it."""
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 1.0, 60.0
_log = structlog.get_logger(__name__)
T = TypeVar("T")
Read = Callable[[], Awaitable[bytes]]
Source = Callable[[], AbstractAsyncContextManager[Read]]


class CannotLoad(Exception):
    """The content cannot be read or understood. The text completes the sentence "… cannot be loaded: "."""


class Watched(Generic[T]):
    """Content that ``parse`` makes of what ``source`` reads, loaded every ``every_seconds`` as a run of ``task``.

    If it cannot be loaded, the last content holds until it is ``max_age_seconds`` old. ``parse`` raises ``ValueError``
    with the reason.
    """

    def __init__(
        self,
        name: str,
        source: Source,
        parse: Callable[[bytes], T],
        task: Task,
        *,
        every_seconds: float,
        max_age_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name, self._source, self._parse, self._task = name, source, parse, task
        self._every, self._max_age, self._clock = every_seconds, max_age_seconds, clock
        self._content: bytes | None = None
        self._value: T | None = None
        self._loaded_at, self._early_at = float("-inf"), float("-inf")
        self._failure: str | None = "not loaded yet"
        self._failures = 0
        self._read: Read | None = None
        self._loading: asyncio.Task[None] | None = None

    @property
    def value(self) -> T:
        """The content. Raises ``Unavailable`` if there is none, or only one that is too old."""
        if self._value is None or self._clock() - self._loaded_at > self._max_age:
            raise Unavailable(
                f"{self._name} cannot be loaded. Nothing was changed; try again.", code="keys-unavailable"
            )
        return self._value

    @property
    def trouble(self) -> str | None:
        """A sentence if the content could not be loaded when it was last tried, or is too old."""
        if self._failure is not None:
            return f"{self._name} cannot be loaded: {self._failure}"
        return None if self.usable else f"{self._name} has not been loaded for {self._max_age:.0f} seconds"

    @property
    def usable(self) -> bool:
        """Whether there is content that is not too old."""
        with contextlib.suppress(Unavailable):
            return self.value is not None
        return False

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Load the content once. While the block runs, it can be loaded again."""
        async with self._source() as self._read:
            try:
                await self._load_once()
                yield
            finally:
                if self._loading is not None:
                    self._loading.cancel()
                    await asyncio.wait([self._loading])

    async def load_for_ever(self) -> None:
        """Load the content again and again, until cancelled."""
        while True:
            pause = min(_FIRST_PAUSE_SECONDS * 2**self._failures, _LONGEST_PAUSE_SECONDS)
            await asyncio.sleep(min(pause, self._every) if self._failures else self._every)
            await self._load_once()

    async def load_early(self) -> None:
        """Load the content before its time, at most every ``EARLY_SECONDS``. Requests at the same time wait for one."""
        if self._loading is None:
            if self._clock() - self._early_at < EARLY_SECONDS:
                return
            self._early_at = self._clock()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TIMEOUT_SECONDS):
                await self._load_once()

    async def _load_once(self) -> None:
        if self._loading is None:
            self._loading = asyncio.create_task(self._load())
        await asyncio.shield(self._loading)

    async def _load(self) -> None:
        started = self._clock()
        try:
            with self._task.run():
                await self._take(started)
        except CannotLoad as error:
            self._failure, self._failures = str(error), min(self._failures + 1, 10)
            _log.warning("not_loaded", subject=self._name, error=str(error))
        finally:
            self._loading = None

    async def _take(self, started: float) -> None:
        assert self._read is not None
        content = await self._read()
        if content != self._content:
            try:
                self._value = self._parse(content)
            except ValueError as error:
                raise CannotLoad(str(error)) from error
            self._content = content
            _log.info("loaded", subject=self._name)
        self._loaded_at, self._failure, self._failures = started, None, 0


def file(path: Path, max_bytes: int) -> Source:
    """Read a file. A thread reads it, because a disk may be slow."""

    def read_now() -> bytes:
        try:
            with path.open("rb") as opened:
                content = opened.read(max_bytes + 1)
        except OSError as error:
            raise CannotLoad(f"{path}: {error.strerror}") from error
        return _bounded(content, max_bytes)

    @asynccontextmanager
    async def opened() -> AsyncIterator[Read]:
        yield lambda: asyncio.to_thread(read_now)

    return opened


def url(address: str, max_bytes: int) -> Source:
    """Read an address with one client, whose certificates are read once."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Read]:
        # The import takes a tenth of a second, and many processes read a file.
        import httpx

        # Compressed content could be much longer than what arrives.
        headers = {"Accept": "application/jwk-set+json, application/json", "Accept-Encoding": "identity"}
        async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS, headers=headers) as client:

            async def read() -> bytes:
                try:
                    async with asyncio.timeout(TIMEOUT_SECONDS), client.stream("GET", address) as answer:
                        if answer.status_code != httpx.codes.OK:
                            raise CannotLoad(f"the address answers {answer.status_code}")
                        if answer.headers.get("content-encoding", "identity") != "identity":
                            raise CannotLoad("the answer is compressed")
                        content = bytearray()
                        async for chunk in answer.aiter_raw():
                            content += chunk
                            _bounded(content, max_bytes)
                        return bytes(content)
                except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as error:
                    raise CannotLoad(f"the address does not answer ({type(error).__name__})") from error

            yield read

    return opened


def _bounded(content: bytes | bytearray, max_bytes: int) -> bytes:
    if len(content) > max_bytes:
        raise CannotLoad(f"the content is longer than {max_bytes} bytes")
    return bytes(content)
