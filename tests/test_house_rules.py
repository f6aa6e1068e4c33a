"""House rules that no linter checks, and proof that the import rules find breaches."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path

import grimp
import pytest
from chassis.logs import FIELDS

ROOT = Path(__file__).parents[1]
PACKAGES = [
    "libs/platform",
    "libs/events",
    "libs/projections",
    "libs/documents",
    "libs/chassis",
    "libs/jurisdictions",
    "services/portfolio",
    "services/assignment",
    "services/dialer-feed",
    "services/field-visits",
    "services/promises",
    "cli",
    "console",
]
BREACHES = {
    "Services never import each other": (
        "services/portfolio/portfolio/ledger/rules.py",
        "import dialer_feed.campaigns.rules",
    ),
    "Libraries import no service and no command": ("libs/chassis/chassis/problems.py", "import portfolio.ledger.rules"),
    "Services import neither the command nor the console": (
        "services/dialer-feed/dialer_feed/campaigns/rules.py",
        "import recobro.errors",
    ),
    "The console imports no service and no command": (
        "console/recobro_console/language.py",
        "import portfolio.ledger.rules",
    ),
    "The runtime stands without the chassis and the jurisdictions": (
        "libs/events/recobro_events/_ids.py",
        "import chassis.csv",
    ),
    "Event contracts import pydantic alone": ("libs/events/recobro_events/contracts/base.py", "import asyncpg"),
    "Rules do no I/O": ("services/portfolio/portfolio/ledger/rules.py", "import asyncpg"),
    "Assignment's subjects stand one above the other": (
        "services/assignment/assignment/placements/rules.py",
        "import assignment.placing.rules",
    ),
    "The portfolio's subjects stand one above the other, all on the ledger": (
        "services/portfolio/portfolio/ledger/closing.py",
        "import portfolio.payments.rules",
    ),
    "Dialer-feed's subjects stand one above the other": (
        "services/dialer-feed/dialer_feed/lists/reading.py",
        "import dialer_feed.withdrawals.feed",
    ),
    "Field-visits' subjects stand one above the other": (
        "services/field-visits/field_visits/visits/rules.py",
        "import field_visits.door.rules",
    ),
    "Promises' subjects stand one above the other": (
        "services/promises/promises/outcomes/rules.py",
        "import promises.taking.rules",
    ),
    "The process that reads a file loads nothing of the event runtime, which would take as long as a small file": (
        "services/portfolio/portfolio/files/reader/rows.py",
        "import recobro_events.barrier",
    ),
    "aiokafka appears in one module": ("libs/events/recobro_events/_outbox/relay.py", "import aiokafka"),
    "What is private to the runtime is imported by the runtime alone": (
        "libs/projections/projections/silence.py",
        "import recobro_events._outbox.relay",
    ),
    "The runtime's rooms stand one above the other": (
        "libs/events/recobro_events/_log/transport.py",
        "import recobro_events.barrier",
    ),
}


def committed_files() -> list[Path]:
    if shutil.which("git") is None:
        pytest.skip("git is not on PATH, so the committed files are unknown")
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if names.returncode != 0:
        pytest.skip("this is not a git checkout, so the committed files are unknown")
    return [path for name in names.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    paths = [str(folder / package) for package in PACKAGES]
    command = [
        str(Path(sys.executable).parent / "lint-imports"),
        "--no-cache",
        "--config",
        str(ROOT / "pyproject.toml"),
    ]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "COLUMNS": "200"}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=240, check=False
    )


@pytest.fixture(scope="module")
def found_by_contract(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the linter's report by contract, for a copy of the code that has every breach at once."""
    folder = tmp_path_factory.mktemp("code")
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, folder / package, ignore=shutil.ignore_patterns("tests", "sample", "__pycache__")
        )
    for name, line in BREACHES.values():
        module = folder / name
        module.write_text(f"{module.read_text()}\n{line}\n")
    outcome = lint_imports(folder)
    assert outcome.returncode != 0, outcome.stdout
    _, headed, details = outcome.stdout.partition("Broken contracts\n")
    assert headed, outcome.stdout
    # Each part has a contract's name, underlined, then the imports that break the contract.
    parts = re.split(r"(?m)^(.+)\n-{3,}\n", details)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_import_contract_has_its_breach() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert {contract["name"] for contract in settings["tool"]["importlinter"]["contracts"]} == set(BREACHES)


@pytest.mark.process
@pytest.mark.parametrize("contract", BREACHES)
def test_a_breach_of_an_import_contract_fails_the_linter(found_by_contract: dict[str, str], contract: str) -> None:
    name, line = BREACHES[contract]
    package = next(folder for folder in PACKAGES if name.startswith(f"{folder}/"))
    importer = name.removeprefix(f"{package}/").removesuffix(".py").replace("/", ".")
    assert re.search(rf"{re.escape(importer)}\s+->\s+{re.escape(line.split()[1])}\b", found_by_contract[contract])


def test_no_service_writes_outbox_rows_by_hand() -> None:
    """Only ``Transaction.publish`` and ``outbox.rows`` write them, because they know columns, ids and lanes."""
    modules = [path for path in (ROOT / "services").glob("*/*/**/*.py") if "tests" not in path.parts]
    assert modules
    assert [path for path in modules if "INTO outbox_" in path.read_text()] == []


def test_every_private_module_of_the_runtime_is_protected_by_its_import_contract() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    name = "What is private to the runtime is imported by the runtime alone"
    [forbidden] = [
        contract["forbidden_modules"]
        for contract in settings["tool"]["importlinter"]["contracts"]
        if contract["name"] == name
    ]
    private = {path.stem for path in (ROOT / "libs/events/recobro_events").glob("_[a-z]*")}
    assert set(forbidden) == {f"recobro_events.{module}" for module in private}


def test_every_field_that_the_code_logs_is_on_the_list_of_fields() -> None:
    """A field that is not on it is dropped, and nobody would notice."""
    dropped = []
    for file in [*ROOT.glob("libs/*/*/**/*.py"), *ROOT.glob("services/*/*/**/*.py")]:
        if "tests" in file.relative_to(ROOT).parts:
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("_log."):
                fields = {keyword.arg for keyword in node.keywords} - {"exc_info", None}
                dropped += [(str(file.relative_to(ROOT)), field) for field in fields - FIELDS]
    assert dropped == []


@pytest.mark.process
def test_no_committed_file_has_a_download_address_or_a_machine_s_path() -> None:
    index = re.compile(
        r"(?:index-url|find-links|files\.pythonhosted|registry\.npmjs|repo1\.maven|maven-central)[^\n]*", re.I
    )
    machine = re.compile(r"(?<![\w.])/(?:home|root|Users|work)/\w+")
    found = []
    for path in committed_files():
        if path.suffix in {".csv", ".png", ".webp"} or path == Path(__file__):
            continue
        text = path.read_text(encoding="utf-8")
        found += [
            f"{path.relative_to(ROOT)}: {hit.group()}" for hit in (*index.finditer(text), *machine.finditer(text))
        ]
    assert found == []
    assert not [path for path in committed_files() if path.name in {"uv.lock", "package-lock.json"}]


def test_requirements_are_locked_with_hashes() -> None:
    for lock in (ROOT / "requirements").glob("*.txt"):
        pinned = re.findall(r"^([a-zA-Z0-9._-]+)(?:\[[^\]]*\])?==", lock.read_text(), re.M)
        blocks = re.split(r"^(?=[a-zA-Z0-9._-]+(?:\[[^\]]*\])?==)", lock.read_text(), flags=re.M)[1:]
        assert len(pinned) == len(blocks) > 0
        assert all("--hash=sha256:" in block for block in blocks)


@pytest.mark.parametrize("folder", PACKAGES)
def test_modules_import_each_other_in_no_circle(folder: str) -> None:
    """Else a module can be imported only after another one, as long as somebody happens to do that."""
    [package] = [path.parent.name for path in (ROOT / folder).glob("*/__init__.py")]
    graph = grimp.build_graph(package, exclude_type_checking_imports=True, cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert list(TopologicalSorter(imports).static_order())
