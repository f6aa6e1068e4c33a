"""Makes the virtual environment in the folder that is named, or says in plain words what is missing for it.

It runs before anything is installed, on whatever python3 there is: standard library alone, old syntax.
"""

import importlib.util
import subprocess
import sys
import venv
from pathlib import Path

OLDEST = (3, 11)


def refuse_unfit_python() -> None:
    """Exit with what to do about it when this Python cannot make our environment."""
    if sys.version_info < OLDEST:
        sys.exit(
            "Recobro needs Python {}.{} or newer, and this one is {}.{}.\n".format(*OLDEST, *sys.version_info[:2])
            + "If there is a newer one, name it: make PYTHON=python3.12 run"
        )
    if importlib.util.find_spec("ensurepip") is None:
        sys.exit(
            "This Python cannot make virtual environments, for its module ensurepip is missing.\n"
            "On Debian and Ubuntu: apt-get install python3-venv"
        )


def make_environment(folder: Path) -> None:
    """Create it, or again when it is broken; a good one is left as it is."""
    python = folder / "bin" / "python"
    if python.exists() and subprocess.run([python, "-m", "pip", "--version"], capture_output=True).returncode == 0:
        return
    print(f"Creating the environment in {folder} and installing what is needed, once; about a minute.")
    sys.stdout.flush()
    venv.create(folder, clear=True, with_pip=True, symlinks=True)


if __name__ == "__main__":
    refuse_unfit_python()
    make_environment(Path(sys.argv[1]))
