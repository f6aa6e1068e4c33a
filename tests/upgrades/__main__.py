"""Runs an earlier release's service tests on this release's schema: python -m upgrades REVISION [ARGUMENTS].

The earlier release must work after an expansion. Both run during a roll-out, and after a roll-back it runs alone.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parents[2]
PACKAGES = ("libs/*", "cli", "services/*", "libs/events/tests")
_GIT_SECONDS = 60


def main(revision: str, *arguments: str) -> int:
    """Run the tests, and return their exit code."""
    with tempfile.TemporaryDirectory(prefix="recobro-earlier-") as folder:
        earlier = Path(folder) / "release"
        _git("worktree", "add", "--detach", "--quiet", str(earlier), revision)
        try:
            return _test(earlier, arguments)
        finally:
            _git("worktree", "remove", "--force", str(earlier))


def _git(*arguments: str) -> None:
    subprocess.run(["git", "-C", str(HERE), *arguments], check=True, timeout=_GIT_SECONDS)


def _test(earlier: Path, arguments: tuple[str, ...]) -> int:
    # The earlier release's code comes before the installed packages. Only its databases are made by this release. The
    # earlier release has a package ``upgrades`` too, so the plugin goes by its own name.
    paths = [
        str(Path(__file__).parent),
        str(HERE / "tests"),
        *(str(path) for of in PACKAGES for path in sorted(earlier.glob(of))),
    ]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "RECOBRO_NEWER_RELEASE": str(HERE),
    }
    command = [sys.executable, "-m", "pytest", "-p", "newer_schema", *(arguments or ("-n", "4", "services"))]
    return subprocess.run(command, cwd=earlier, env=environment, check=False).returncode


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("There is no earlier release. Name one: make upgrade-check PREVIOUS=<tag or commit>")
    sys.exit(main(*sys.argv[1:]))
