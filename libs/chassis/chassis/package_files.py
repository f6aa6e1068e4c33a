"""Files that a package may have beside its modules."""

from importlib.resources import files
from importlib.util import find_spec


def text_in(package: str, name: str) -> str | None:
    """Return the text of a package's file, or None if it has none. A module that is no package has no files."""
    spec = find_spec(package)
    if spec is None or spec.submodule_search_locations is None:
        return None
    file = files(package).joinpath(name)
    return file.read_text(encoding="utf-8") if file.is_file() else None
