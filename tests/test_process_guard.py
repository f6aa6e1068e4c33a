"""Which tests may start processes."""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from process_guard import GUARD, ProcessStarted

PASS = (sys.executable, "-c", "pass")


def in_a_thread() -> None:
    with ThreadPoolExecutor() as thread:
        thread.submit(os.system, "true").result()


def in_a_loop() -> None:
    asyncio.run(asyncio.wait_for(asyncio.create_subprocess_exec(*PASS), 10))


@pytest.mark.parametrize("start", [lambda: subprocess.run(PASS, check=True), os.fork, in_a_thread, in_a_loop])
def test_others_cannot_start_one(start: Callable[[], object]) -> None:
    with pytest.raises(ProcessStarted):
        start()
    with pytest.raises(ProcessStarted):
        GUARD.check()


def test_a_refusal_that_is_caught_fails_the_test_all_the_same() -> None:
    with contextlib.suppress(AssertionError):
        subprocess.run(PASS, check=True)
    with pytest.raises(ProcessStarted, match=r"subprocess\.Popen"):
        GUARD.check()


@pytest.mark.process
def test_those_that_are_marked_can() -> None:
    subprocess.run(PASS, check=True)
