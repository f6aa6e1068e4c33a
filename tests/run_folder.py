"""Puts the temporary files of a test run into memory, if there is room.

A run creates and drops hundreds of databases of some 300 files each. A disk's file system does not reuse inodes that
were freed a moment ago, and the search for others took most of the time that a new database costs.
"""

import os
import shutil
import tempfile
from pathlib import Path

_MEMORY = Path("/dev/shm")
_PREFIX = "recobro-run-"
_NEEDED_BYTES = 6 * 2**30


def enter() -> Path | None:
    """Make ``tempfile`` of this process and its children use memory. None if TMPDIR is set or memory is short."""
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
    """Delete the folder with all of its files."""
    del os.environ["TMPDIR"]
    tempfile.tempdir = None
    shutil.rmtree(folder, ignore_errors=True)


def _has_room() -> bool:
    there = os.statvfs(_MEMORY)
    return there.f_bavail * there.f_frsize >= _NEEDED_BYTES and not there.f_flag & os.ST_NOEXEC


def _remove_left() -> None:
    """Delete the folders of killed runs, which would otherwise occupy memory."""
    for folder in _MEMORY.glob(f"{_PREFIX}*"):
        pid = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if not Path("/proc", pid).exists():
            shutil.rmtree(folder, ignore_errors=True)
