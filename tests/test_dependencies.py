"""Each package declares exactly the packages that it imports, and the workspace's locks have all of them."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import distribution, packages_distributions
from pathlib import Path
from typing import Any

import pytest
from recobro_platform import CONSOLE, SERVICES

ROOT = Path(__file__).parents[1]
STARTED_BY_THE_COMMAND = {f"recobro-{service.name}" for service in SERVICES}
"""`recobro up` starts these programs, so their packages are needed although no module imports them."""


@dataclass(frozen=True)
class Package:
    """A distribution of the workspace and the one package that it installs."""

    folder: Path

    @cached_property
    def settings(self) -> dict[str, Any]:
        return tomllib.loads((self.folder / "pyproject.toml").read_text())

    @cached_property
    def name(self) -> str:
        return str(self.settings["project"]["name"])

    @cached_property
    def module(self) -> str:
        [module] = self.settings["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
        return str(module)

    @cached_property
    def dependencies(self) -> set[str]:
        return declared(self.settings["project"].get("dependencies", ()))

    @cached_property
    def extras(self) -> dict[str, set[str]]:
        """Return the requirements of each extra. An extra has the name of the module or subpackage that needs it."""
        extras = self.settings["project"].get("optional-dependencies", {})
        return {name: declared(requirements) for name, requirements in extras.items()}

    def imported(self, *, extra: str | None = None) -> set[str]:
        """Return the imports of an extra's modules, or without ``extra`` those of all other modules."""
        of_extras = {name: self._files(name) for name in self.extras}
        everything = set((self.folder / self.module).rglob("*.py"))
        chosen = of_extras[extra] if extra else everything.difference(*of_extras.values())
        return {name for path in chosen for name in imports_of(path) if name.partition(".")[0] != self.module}

    def _files(self, name: str) -> set[Path]:
        inside = self.folder / self.module / name
        return set(inside.rglob("*.py")) if inside.is_dir() else {inside.with_suffix(".py")}


PACKAGES = [
    Package(path.parent)
    for pattern in ("libs/*", "services/*", "cli")
    for path in ROOT.glob(f"{pattern}/pyproject.toml")
]
OWN = {package.module: package for package in PACKAGES}
INSTALLED = packages_distributions()
WANTED_FOR_DEVELOPMENT = re.findall(r"(?m)^\w.*$", (ROOT / "requirements/dev.in").read_text())


def imports_of(path: Path) -> Iterator[str]:
    """Return the modules that a module imports, at its top or inside functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def name_of(requirement: str) -> str:
    """Return a requirement's name, for our packages with the extra: `recobro-events[kafka]` brings more packages."""
    name, extra = re.match(r"([\w.-]+)(\[\w+\])?", requirement).groups()  # type: ignore[union-attr]
    return f"{normal(name)}{extra or ''}" if name.startswith("recobro") else normal(name)


def distribution_of(module: str) -> str | None:
    """Return the distribution that this import needs, or None for the standard library."""
    top, _, rest = module.partition(".")
    if top == "zoneinfo":
        return "tzdata"
    if top in sys.stdlib_module_names:
        return None
    if top in OWN:
        extra = rest.partition(".")[0]
        return f"{OWN[top].name}[{extra}]" if extra in OWN[top].extras else OWN[top].name
    candidates = set(INSTALLED.get(top, ()))
    if len(candidates) > 1:  # a namespace, such as opentelemetry
        path = module.replace(".", "/")
        files = {name: map(str, distribution(name).files or ()) for name in candidates}
        candidates = {name for name in candidates if any(f.startswith((f"{path}/", f"{path}.py")) for f in files[name])}
    assert len(candidates) == 1, f"{module} does not belong to exactly one installed distribution: {sorted(candidates)}"
    return normal(candidates.pop())


def needed(imports: set[str]) -> set[str]:
    found = {name for module in imports if (name := distribution_of(module))}
    # A package with an extra includes the package without it.
    return found - {name.partition("[")[0] for name in found if "[" in name}


def declared(requirements: Iterable[str]) -> set[str]:
    return {name_of(requirement) for requirement in requirements}


def locked(file: str) -> set[str]:
    return {
        normal(name)
        for name in re.findall(r"(?m)^([\w.-]+)(?:\[[^\]]*\])?==", (ROOT / "requirements" / file).read_text())
    }


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_a_package_declares_exactly_the_packages_that_it_imports(package: Package) -> None:
    started = STARTED_BY_THE_COMMAND if package.module == "recobro" else set()
    wanted = needed(package.imported()) | started
    assert package.dependencies >= wanted, f"not declared: {sorted(wanted - package.dependencies)}"
    assert package.dependencies <= wanted, f"declared but not imported: {sorted(package.dependencies - wanted)}"
    for extra, names in package.extras.items():
        assert names == needed(package.imported() | package.imported(extra=extra)) - package.dependencies, extra


def test_the_locks_have_every_declared_package() -> None:
    for lock, packages in (
        ("runtime.txt", PACKAGES),
        ("services.txt", [package for package in PACKAGES if package.module != "recobro"]),
    ):
        for package in packages:
            outside = {name for name in package.dependencies if not name.startswith("recobro")}
            assert outside <= locked(lock), f"{package.name}, {lock}: run `make locks` to lock the missing packages"


def test_imports_of_tests_and_benchmarks_are_declared_for_a_package_or_for_development() -> None:
    folders = [ROOT / name for name in ("tests", "cli/tests", "bench", "deploy/monitoring")]
    folders += ROOT.glob("libs/*/tests")
    folders += ROOT.glob("services/*/tests")
    # The packages of the benchmarks' peers have their own lock in bench/peers.
    paths = {path for folder in folders for path in folder.rglob("*.py")} - set((ROOT / "bench/peers").rglob("*.py"))
    beside = {path.stem for path in paths} | {path.name for folder in folders for path in folder.iterdir()}
    beside |= {path.stem for path in (ROOT / "console/tests").glob("*.py")}
    imports = {name for path in (*paths, ROOT / "conftest.py") for name in imports_of(path)}
    outside = {name for name in imports if name.partition(".")[0] not in beside | set(OWN) | {CONSOLE.package}}
    of_packages = {
        name for package in PACKAGES for names in (package.dependencies, *package.extras.values()) for name in names
    }
    assert needed(outside) <= of_packages | declared(WANTED_FOR_DEVELOPMENT)
