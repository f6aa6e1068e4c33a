"""The example runs without the rest of the workspace, and the README names real tests, metrics and constants."""

import asyncio
import importlib
import re
import subprocess
import sys
import tomllib
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from pkgutil import walk_packages

import asyncpg
import pytest
import recobro_events
from aiokafka.admin import AIOKafkaAdminClient
from prometheus_client.metrics import MetricWrapperBase
from recobro.postgres import EmbeddedPostgres
from recobro_events import _metrics as metrics

pytestmark = pytest.mark.process

LIBRARY = Path(__file__).parents[1]
WORKSPACE = LIBRARY.parents[1]
EXAMPLE = LIBRARY / "examples/pizzeria.py"
README = (LIBRARY / "README.md").read_text()
OUTPUT = [
    "orders: 500 placed by one transaction, and all of them were baked",
    "kitchen: hawaii is set aside: the handler failed: NotNullViolationError",
    "kitchen: hawaii is on the menu, 1 replayed, 0 waiting",
]
ORDERS = 500 + 3
MOST_STATEMENTS = 50
MODULES = {
    module.name.rpartition(".")[2]: module.name for module in walk_packages(recobro_events.__path__, "recobro_events.")
}
"""The full name of each module of the library, by its last part, which the README uses."""


@pytest.fixture
async def pizzeria(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """A database for the example. It is dropped after the test, with those that the example creates beside it."""
    name = f"pizzeria_{uuid.uuid4().hex}"
    admin = await asyncpg.connect(postgres.dsn("postgres"))
    await admin.execute(f"CREATE DATABASE {name}")
    yield postgres.dsn(name)
    for database in (f"{name}-orders", f"{name}-kitchen", name):
        await admin.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
    await admin.close()


def run_example(*arguments: str) -> set[str]:
    """Run the example as a process and check its output; return the modules that it imported."""
    command = [sys.executable, "-X", "importtime", str(EXAMPLE), *arguments]
    run = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    lines, errors = run.stdout.splitlines(), run.stderr.splitlines()
    imports = [line for line in errors if line.startswith("import time:")]
    assert run.returncode == 0, "\n".join([*lines, *(line for line in errors if line not in imports)])
    baked = [int(found[1]) for line in lines if (found := re.fullmatch(r"kitchen: (\d+) baked by one statement", line))]
    assert sum(baked) == ORDERS
    assert len(baked) < MOST_STATEMENTS
    assert [line for line in lines if not line.endswith("by one statement")] == OUTPUT
    return {line.rsplit("|", 1)[1].strip() for line in imports}


def assert_only_the_library_is_in(modules: set[str]) -> None:
    packages = tomllib.loads((WORKSPACE / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]
    rest = {*packages, "fastapi", "starlette", "sqlalchemy", "alembic"} - {"recobro_events"}
    assert {"portfolio", "chassis", "recobro"} <= rest
    assert {"recobro_events._runtime.runtime", "asyncpg"} <= modules
    assert not rest & {module.partition(".")[0] for module in modules}


def test_the_example_runs_with_postgresql_alone(pizzeria: str) -> None:
    modules = run_example(pizzeria)
    assert_only_the_library_is_in(modules)
    assert "aiokafka" not in modules
    # Again on the same databases: events of the first run are not applied again.
    run_example(pizzeria)


@pytest.fixture
async def empty_kafka(kafka_bootstrap: str) -> str:
    """A broker without the example's topics, which an earlier run of the tests may have left."""
    topics = {"orders.events", "kitchen.events"}
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    await admin.start()
    try:
        async with asyncio.timeout(240):
            while existing := topics & set(await admin.list_topics()):
                await admin.delete_topics(sorted(existing))
                await asyncio.sleep(0.1)
    finally:
        await admin.close()
    return kafka_bootstrap


@pytest.mark.kafka
def test_the_example_runs_with_kafka(pizzeria: str, empty_kafka: str) -> None:
    modules = run_example(pizzeria, empty_kafka)
    assert_only_the_library_is_in(modules)
    assert "aiokafka" in modules
    run_example(pizzeria, empty_kafka)


def test_the_example_exits_with_1_when_it_fails(postgres: EmbeddedPostgres) -> None:
    command = [sys.executable, str(EXAMPLE), postgres.dsn("nowhere")]
    assert subprocess.run(command, capture_output=True, timeout=240, check=False).returncode == 1


def test_the_example_has_at_most_100_lines() -> None:
    sources = list(EXAMPLE.parent.rglob("*.py"))
    lines = [line for source in sources for line in source.read_text().splitlines() if line.strip()]
    assert EXAMPLE in sources
    assert len(lines) <= 100


def test_the_code_in_the_readme_is_in_the_example() -> None:
    [code] = re.findall(r"```python\n(.*?)```", README, re.S)
    assert len(code.splitlines()) > 20
    source = EXAMPLE.read_text()
    for passage in code.strip().split("\n\n"):
        assert passage in source


def test_every_test_named_in_the_readme_exists() -> None:
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", README)
    assert len(named) > 20
    for file, test in named:
        assert re.search(rf"^(async )?def {test}\(", (LIBRARY / "tests" / file).read_text(), re.M), f"{file}::{test}"
    mentioned = re.findall(r"(test_\w+)(?!\w*\.py)\b", README)
    assert set(mentioned) <= {test for _, test in named}


def test_the_readme_lists_every_metric_by_its_scraped_name() -> None:
    scraped = {
        f"{metric.name}_total" if metric.type == "counter" else metric.name
        for wrapper in vars(metrics).values()
        if isinstance(wrapper, MetricWrapperBase)
        for metric in wrapper.describe()
    }
    assert scraped == set(re.findall(r"^\| `(\w+)` \|", README, re.M))


def test_every_constant_has_the_value_in_the_readme() -> None:
    rows = re.findall(r"^\| `(\w+)\.([A-Z_]+)` \| ([^|]+) \|", README, re.M)
    assert len(rows) > 10
    for module, name, text in rows:
        value = getattr(importlib.import_module(MODULES[module]), name)
        numbers = [float(number.replace(",", "")) for number in re.findall(r"\d[\d,.]*", text)]
        assert numbers == list(numbers_in(value)), f"{module}.{name}"


def numbers_in(value: object) -> Iterator[float]:
    if isinstance(value, dict):
        for part in value.values():
            yield from numbers_in(part)
    elif isinstance(value, timedelta):
        yield value.total_seconds()
    else:
        yield float(str(value))
