"""Only tests marked ``process`` can start processes."""

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
    asyncio.run(asyncio.wait_for(asyncio.create_subprocess_exec(*PASS), 240))


@pytest.mark.parametrize("start", [lambda: subprocess.run(PASS, check=True), os.fork, in_a_thread, in_a_loop])
def test_a_test_without_the_marker_cannot_start_a_process(start: Callable[[], object]) -> None:
    with pytest.raises(ProcessStarted):
        start()
    with pytest.raises(ProcessStarted):
        GUARD.check()


def test_a_caught_refusal_fails_the_test_too() -> None:
    with contextlib.suppress(AssertionError):
        subprocess.run(PASS, check=True)
    with pytest.raises(ProcessStarted, match=r"subprocess\.Popen"):
        GUARD.check()


@pytest.mark.process
def test_a_marked_test_can_start_a_process() -> None:
    subprocess.run(PASS, check=True)
