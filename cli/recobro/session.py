"""``recobro run``: starts a platform and plays the story on it."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from recobro_platform import SERVICE_NAMES

from recobro import console_links, status
from recobro.client import agencies_of, connect, second_person_of
from recobro.data import DataFolder
from recobro.demo import Demo
from recobro.embedded import stop_on_signals
from recobro.errors import Trouble
from recobro.kafka import LocalKafka, fetch
from recobro.language import tr
from recobro.postgres import free_port, is_free
from recobro.processes import dies_with_us
from recobro.story import Story
from recobro.terminal import DEFAULT_DATA, err, out

_READY_SECONDS = 120.0
_STOP_SECONDS = 90.0
_LARGEST_OFFSET = 5


def free_port_base() -> int:
    """Return a port base with free ports above it, for a platform beside others."""
    for base in random.sample(range(12_000, 31_000, 10), 200):
        if all(is_free(base + offset) for offset in range(_LARGEST_OFFSET + 1)):
            return base
    raise Trouble(tr("There are no free ports on this machine."))


@contextlib.contextmanager
def running_platform(
    data: DataFolder, port_base: int, kafka_bootstrap: str | None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a platform in a process of its own, ready for use. It is stopped when the block ends."""
    environment = {name: value for name, value in os.environ.items() if name != "RECOBRO_KAFKA_BOOTSTRAP"}
    if kafka_bootstrap:
        environment["RECOBRO_KAFKA_BOOTSTRAP"] = kafka_bootstrap
    command = [sys.executable, "-P", "-m", "recobro", "up", "--data", str(data.root), "--quiet"]
    command += ["--port-base", str(port_base)]
    platform = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=dies_with_us(signal.SIGTERM),
    )
    try:
        _wait_until_ready(data, platform)
        yield platform
    finally:
        platform.send_signal(signal.SIGTERM)
        platform.wait(_STOP_SECONDS)


def _wait_until_ready(data: DataFolder, platform: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while not (_is_run_by(data, platform.pid) and status.look(data).ready):
        if platform.poll() is not None:
            raise Trouble(tr("The platform did not start."))
        if time.monotonic() > deadline:
            raise Trouble(
                tr(
                    "The platform is not ready after {seconds} s; its logs are in {logs}.",
                    seconds=f"{_READY_SECONDS:.0f}",
                    logs=data.logs,
                )
            )
        time.sleep(0.1)


def _is_run_by(data: DataFolder, pid: int) -> bool:
    """Whether this process holds the folder. Another process may have held it before."""
    state = data.running()
    return state is not None and state.supervisor is not None and state.supervisor.pid == pid


def play_once(*, kafka: bool, jars: Path) -> bool:
    """Play the story on a temporary platform on free ports. Returns whether everything was as expected.

    With ``kafka`` the events go through the broker that KAFKA_BOOTSTRAP names, else through a temporary broker. If
    something was not as expected, the folder is kept for its logs.
    """
    folder = Path(tempfile.mkdtemp(prefix="recobro-demo-"))
    data = DataFolder(folder / "data")
    good = False
    try:
        with contextlib.ExitStack() as stack:
            bootstrap = _kafka_for(stack, folder, jars) if kafka else None
            stack.enter_context(running_platform(data, free_port_base(), bootstrap))
            with connect(data, None) as client:
                good = Demo(
                    client, Story(), agencies_of(data, client), second_person_of(data, client), data.root / "demo"
                ).play()
    finally:
        if good:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            err.print(tr("The logs are in {logs}.", logs=data.logs))
    return good


def play_and_serve(data: DataFolder, port_base: int) -> bool:
    """Play the story on the platform of ``data``, then keep serving until Ctrl-C.

    Returns whether everything was as expected.
    """
    bootstrap = os.environ.get("RECOBRO_KAFKA_BOOTSTRAP") or None
    with running_platform(data, port_base, bootstrap) as platform:
        with connect(data, None) as client:
            good = Demo(
                client, Story(), agencies_of(data, client), second_person_of(data, client), data.root / "demo"
            ).play()
        if good:
            _print_next_steps(data)
            stop = stop_on_signals()
            while not stop.wait(0.2):
                if (code := platform.poll()) is None:
                    continue
                if code != 0:
                    raise Trouble(tr("The platform has ended by itself; its logs are in {logs}.", logs=data.logs))
                out.print(tr("The platform was stopped by another process."))
                return good
            out.print(tr("Stopping: the services finish the work in progress."))
    return good


def _kafka_for(stack: contextlib.ExitStack, folder: Path, jars: Path) -> str:
    if given := os.environ.get("KAFKA_BOOTSTRAP"):
        return given
    fetch(jars)
    broker = LocalKafka(folder / "kafka", free_port(), jars)
    stack.callback(broker.stop)
    broker.start()
    return broker.bootstrap


def _print_next_steps(data: DataFolder) -> None:
    state = data.running()
    assert state is not None
    out.print()
    out.print(tr("Recobro keeps serving. Its console opens once with this link, within 15 minutes:"), style="bold")
    out.print(f"  {console_links.link(data, console_links.address(state), 'supervisor')}", soft_wrap=True)
    out.print(tr("The REST interface in the browser:"), style="bold")
    for service in state.services:
        if service.name in SERVICE_NAMES:
            out.print(f"  {service.name:<12} {service.url}/docs")
    option = "" if data.root == DEFAULT_DATA.absolute() else f" --data {data.root}"
    out.print(tr("Next, in another terminal:"), style="bold")
    out.print(
        f"  .venv/bin/recobro token{option}", tr("prints a token for “Authorize” at /docs, or for curl"), sep="\n      "
    )
    out.print(
        f"  .venv/bin/recobro watch{option}",
        tr("shows the events while you enter payments or disputes there"),
        sep="\n      ",
    )
    out.print(tr("Ctrl-C stops the platform; its data stay for the next start."))
