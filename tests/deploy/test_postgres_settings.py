"""No PostgreSQL that we start writes personal data to its log: no parameters, and no statement or row that failed."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from recobro.database_checks import LOG_SETTINGS
from recobro.postgres import SETTINGS

ROOT = Path(__file__).parents[2]


def embedded() -> dict[str, str]:
    return SETTINGS


def compose() -> dict[str, str]:
    command = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["postgres"]["command"]
    return dict(part.split("=") for part in command if "=" in part)


def kubernetes() -> dict[str, str]:
    cluster: Any = yaml.safe_load((ROOT / "deploy" / "k8s" / "base" / "postgres" / "cluster.yaml").read_text())
    found: dict[str, str] = cluster["spec"]["postgresql"]["parameters"]
    return found


@pytest.mark.parametrize("settings", [embedded, compose, kubernetes], ids=lambda each: each.__name__)
def test_the_log_of_postgresql_holds_no_parameters(settings: Any) -> None:
    found = settings()
    assert {name: found.get(name) for name in LOG_SETTINGS} == LOG_SETTINGS
    assert found.get("log_statement", "none") == "none"
