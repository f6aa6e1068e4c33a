"""The version is in `recobro_platform.VERSION`. Files that cannot read it have the same version."""

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from recobro.main import app
from recobro_platform import VERSION
from typer.testing import CliRunner

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "libs/platform/recobro_platform/__init__.py"
PROJECTS = [path for folder in ("libs/*", "services/*", "cli") for path in ROOT.glob(f"{folder}/pyproject.toml")]
PATTERNS = {
    "Dockerfile": r"ARG VERSION=(.+)",
    "docker-compose.yml": r"IMAGE_VERSION:-([^}]+)",
    "deploy/k8s/overlays/production/kustomization.yaml": r"version=([^,]+)",
    "deploy/k8s/overlays/local/kustomization.yaml": r"version=([^,]+)",
}
"""Files with the default version of the images to build or deploy."""


@pytest.mark.parametrize("path", PROJECTS, ids=lambda path: path.parent.name)
def test_every_distribution_has_the_version_of_the_platform(path: Path) -> None:
    settings = tomllib.loads(path.read_text())
    assert settings["project"].get("dynamic") == ["version"]
    assert (path.parent / settings["tool"]["hatch"]["version"]["path"]).resolve() == SOURCE
    assert version(settings["project"]["name"]) == VERSION, "`make setup` installs the workspace again"


@pytest.mark.parametrize("file", PATTERNS)
def test_a_file_of_the_deployment_names_that_version(file: str) -> None:
    assert set(re.findall(PATTERNS[file], (ROOT / file).read_text())) == {VERSION}


def test_the_newest_release_in_the_changelog_has_that_version() -> None:
    headings = re.findall(r"(?m)^## \[(.+?)\](.*)$", (ROOT / "CHANGELOG.md").read_text())
    assert headings[0] == ("Unreleased", "")
    assert headings[1][0] == VERSION
    for _, day in headings[1:]:
        assert re.fullmatch(r" - \d{4}-\d{2}-\d{2}", day), day


def test_the_command_prints_the_version() -> None:
    ran = CliRunner().invoke(app, ["--version"])
    assert (ran.exit_code, ran.stdout) == (0, f"{VERSION}\n")
