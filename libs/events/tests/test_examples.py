"""The example runs with nothing of the rest, and what the README says can be looked up: tests, metrics, constants."""

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
STORY = [
    "orders: 500 placed by one transaction, and each is known to be baked",
    "kitchen: hawaii is set aside, it made its handler fail: NotNullViolationError",
    "kitchen: hawaii is on the menu, 1 replayed, 0 waiting",
]
ORDERS = 500 + 3
MOST_STATEMENTS = 50
MODULES = {
    module.name.rpartition(".")[2]: module.name for module in walk_packages(recobro_events.__path__, "recobro_events.")
}
"""Where each module of the library stands, by its own name, which is what the README says."""


@pytest.fixture
async def pizzeria(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """A database for the example; it and those that the example makes beside it are gone after the test."""
    name = f"pizzeria_{uuid.uuid4().hex}"
    admin = await asyncpg.connect(postgres.dsn("postgres"))
    await admin.execute(f"CREATE DATABASE {name}")
    yield postgres.dsn(name)
    for database in (f"{name}-orders", f"{name}-kitchen", name):
        await admin.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
    await admin.close()


def play(*arguments: str) -> set[str]:
    """Run the example as a process, look at what it tells; the modules that it has imported."""
    command = [sys.executable, "-X", "importtime", str(EXAMPLE), *arguments]
    played = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    lines, errors = played.stdout.splitlines(), played.stderr.splitlines()
    imports = [line for line in errors if line.startswith("import time:")]
    assert played.returncode == 0, "\n".join([*lines, *(line for line in errors if line not in imports)])
    baked = [int(found[1]) for line in lines if (found := re.fullmatch(r"kitchen: (\d+) baked by one statement", line))]
    assert sum(baked) == ORDERS
    assert len(baked) < MOST_STATEMENTS
    assert [line for line in lines if not line.endswith("by one statement")] == STORY
    return {line.rsplit("|", 1)[1].strip() for line in imports}


def assert_that_nothing_of_the_rest_is_among(modules: set[str]) -> None:
    packages = tomllib.loads((WORKSPACE / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]
    rest = {*packages, "fastapi", "starlette", "sqlalchemy", "alembic"} - {"recobro_events"}
    assert {"portfolio", "chassis", "recobro"} <= rest
    assert {"recobro_events._runtime.runtime", "asyncpg"} <= modules
    assert not rest & {module.partition(".")[0] for module in modules}


def test_two_services_play_their_story_over_postgresql_alone(pizzeria: str) -> None:
    modules = play(pizzeria)
    assert_that_nothing_of_the_rest_is_among(modules)
    assert "aiokafka" not in modules
    # Again on the same databases: nothing of the first time is applied a second time.
    play(pizzeria)


@pytest.fixture
async def empty_kafka(kafka_bootstrap: str) -> str:
    """A broker that has not heard the story, though it may have served an earlier run of the tests."""
    told = {"orders.events", "kitchen.events"}
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    await admin.start()
    try:
        async with asyncio.timeout(60):
            while known := told & set(await admin.list_topics()):
                await admin.delete_topics(sorted(known))
                await asyncio.sleep(0.1)
    finally:
        await admin.close()
    return kafka_bootstrap


@pytest.mark.kafka
def test_they_play_it_over_kafka(pizzeria: str, empty_kafka: str) -> None:
    modules = play(pizzeria, empty_kafka)
    assert_that_nothing_of_the_rest_is_among(modules)
    assert "aiokafka" in modules
    play(pizzeria, empty_kafka)


def test_a_story_that_fails_exits_with_1(postgres: EmbeddedPostgres) -> None:
    command = [sys.executable, str(EXAMPLE), postgres.dsn("nowhere")]
    assert subprocess.run(command, capture_output=True, timeout=90, check=False).returncode == 1


def test_the_examples_have_100_lines() -> None:
    sources = list(EXAMPLE.parent.rglob("*.py"))
    lines = [line for source in sources for line in source.read_text().splitlines() if line.strip()]
    assert EXAMPLE in sources
    assert len(lines) <= 100


def test_the_code_of_the_readme_is_that_of_the_example() -> None:
    [code] = re.findall(r"```python\n(.*?)```", README, re.S)
    assert len(code.splitlines()) > 20
    source = EXAMPLE.read_text()
    for passage in code.strip().split("\n\n"):
        assert passage in source


def test_every_test_that_the_readme_names_exists() -> None:
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", README)
    assert len(named) > 20
    for file, test in named:
        assert re.search(rf"^(async )?def {test}\(", (LIBRARY / "tests" / file).read_text(), re.M), f"{file}::{test}"
    mentioned = re.findall(r"(test_\w+)(?!\w*\.py)\b", README)
    assert set(mentioned) <= {test for _, test in named}


def test_every_metric_is_in_the_readme_as_it_is_scraped() -> None:
    scraped = {
        f"{metric.name}_total" if metric.type == "counter" else metric.name
        for wrapper in vars(metrics).values()
        if isinstance(wrapper, MetricWrapperBase)
        for metric in wrapper.describe()
    }
    assert scraped == set(re.findall(r"^\| `(\w+)` \|", README, re.M))


def test_every_constant_of_the_readme_has_the_value_that_is_said() -> None:
    rows = re.findall(r"^\| `(\w+)\.([A-Z_]+)` \| ([^|]+) \|", README, re.M)
    assert len(rows) > 10
    for module, name, said in rows:
        value = getattr(importlib.import_module(MODULES[module]), name)
        numbers = [float(number.replace(",", "")) for number in re.findall(r"\d[\d,.]*", said)]
        assert numbers == list(numbers_in(value)), f"{module}.{name}"


def numbers_in(value: object) -> Iterator[float]:
    if isinstance(value, dict):
        for part in value.values():
            yield from numbers_in(part)
    elif isinstance(value, timedelta):
        yield value.total_seconds()
    else:
        yield float(str(value))
