"""A pytest plugin that migrates every database with the newer release, in a separate process."""

import os
import subprocess
import sys
from pathlib import Path

import chassis.migrations

_PROGRAM = "import sys; from chassis.migrations import upgrade; upgrade(*sys.argv[1:])"
_SECONDS = 120


def _upgrade(dsn: str, package: str, runtime_role: str | None = None) -> None:
    newer = Path(os.environ["RECOBRO_NEWER_RELEASE"])
    paths = [newer / "libs" / "events", newer / "libs" / "chassis", *sorted(newer.glob("services/*"))]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))}
    arguments = [dsn, package, *([runtime_role] if runtime_role else [])]
    subprocess.run([sys.executable, "-c", _PROGRAM, *arguments], env=environment, check=True, timeout=_SECONDS)


chassis.migrations.upgrade = _upgrade
