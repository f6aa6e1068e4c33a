"""Where the temporary files of a test run go: into memory, where there is room.

Databases come and go by the hundred, of some 300 files each. The file system of a disk does not use inodes again that
were freed a moment ago: looking for others came to take most of what a new database costs.
"""

import os
import shutil
import tempfile
from pathlib import Path

_MEMORY = Path("/dev/shm")
_PREFIX = "recobro-run-"
_NEEDED_BYTES = 6 * 2**30


def enter() -> Path | None:
    """Lead ``tempfile`` of this process and its children there; None where TMPDIR is set, or memory is short."""
    if "TMPDIR" in os.environ or not _MEMORY.is_dir() or not _has_room():
        return None
    _remove_left()
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=_MEMORY))
    # PostgreSQL may run as another user.
    folder.chmod(0o755)
    os.environ["TMPDIR"] = str(folder)
    tempfile.tempdir = None
    return folder


def leave(folder: Path) -> None:
    """Delete it with all that is in it."""
    del os.environ["TMPDIR"]
    tempfile.tempdir = None
    shutil.rmtree(folder, ignore_errors=True)


def _has_room() -> bool:
    there = os.statvfs(_MEMORY)
    return there.f_bavail * there.f_frsize >= _NEEDED_BYTES and not there.f_flag & os.ST_NOEXEC


def _remove_left() -> None:
    """Memory is not freed by itself when a run is killed."""
    for folder in _MEMORY.glob(f"{_PREFIX}*"):
        pid = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if not Path("/proc", pid).exists():
            shutil.rmtree(folder, ignore_errors=True)
