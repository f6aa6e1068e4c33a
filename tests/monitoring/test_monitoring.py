"""Alert rules, dashboards and runbooks name only what the code has, and refer to each other correctly."""

import importlib
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer
import yaml
from prometheus_client import REGISTRY
from recobro.main import app
from recobro_events import Lane
from recobro_events.contracts.dialer_feed import WithdrawalReason
from recobro_platform import PROGRAMS

ROOT = Path(__file__).parents[2]
RUNBOOKS = ROOT / "docs/runbooks"
MONITORING = ROOT / "deploy/monitoring"
GROUPS = yaml.safe_load((MONITORING / "rules/recobro.yaml").read_text())["groups"]
RULES: list[dict[str, Any]] = [rule for group in GROUPS for rule in group["rules"]]
ALERTS = [rule for rule in RULES if "alert" in rule]
DASHBOARDS = {path.stem: json.loads(path.read_text()) for path in (MONITORING / "dashboards").glob("*.json")}

TARGET_LABELS = {"job", "instance"}
FOREIGN = {
    "up": set(),
    "ALERTS": {"alertname", "alertstate", "severity"},
    "cnpg_collector_up": {"pod"},
    "cnpg_collector_last_available_backup_timestamp": {"pod"},
    "barman_cloud_cloudnative_pg_io_last_available_backup_timestamp": {"pod"},
    "cnpg_collector_pg_wal_archive_status": {"pod", "value"},
    "cnpg_pg_replication_lag": {"pod"},
    "cnpg_backends_total": {"pod"},
    "cnpg_pg_settings_setting": {"pod", "name"},
    "kafka_controller_kafkacontroller_offlinepartitionscount": {"pod"},
    "kafka_server_replicamanager_underminisrpartitioncount": {"pod"},
    "kafka_server_replicamanager_underreplicatedpartitions": {"pod"},
    "kube_deployment_status_replicas_available": {"namespace", "deployment"},
    "kube_deployment_spec_replicas": {"namespace", "deployment"},
    "kubelet_volume_stats_available_bytes": {"namespace", "persistentvolumeclaim"},
    "kubelet_volume_stats_capacity_bytes": {"namespace", "persistentvolumeclaim"},
    "certmanager_certificate_expiration_timestamp_seconds": {"name"},
    "strimzi_certificate_expiration_timestamp_ms": {"cluster", "type"},
}
"""Metrics of other programs, with the labels that are used here."""

METRICS_MODULES = (
    "recobro_events._metrics",
    "chassis.metrics",
    *(name for service in PROGRAMS if find_spec(name := f"{service.package}.metrics")),
)
_STRING = re.compile(r'"((?:\\.|[^"\\])*)"')
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_SELECTOR = re.compile(r"([a-zA-Z_:][\w:]*)\s*\{([^}]*)\}")
_WORD = re.compile(r"(?<![\w:.])([a-zA-Z_:][\w:]*)(?!\s*\(|[\w:])")
_MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
_OPERATORS = {"and", "or", "unless", "bool", "offset"}


class Parts(NamedTuple):
    """The names in an expression: metrics, the labels of each selector, and the labels of groupings."""

    metrics: set[str]
    selected: list[tuple[str, set[str]]]
    grouped: set[str]


def parts_of(expr: str) -> Parts:
    bare = _STRING.sub('""', expr)
    selected = [(name, set(_MATCHER.findall(inside))) for name, inside in _SELECTOR.findall(bare)]
    grouped = {label.strip() for inside in _GROUPING.findall(bare) for label in inside.split(",") if label.strip()}
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", "", _GROUPING.sub("", bare))
    return Parts(set(_WORD.findall(bare)) - _OPERATORS, selected, grouped)


def own_metrics() -> dict[str, set[str]]:
    """Return the series that the code exports, with their labels."""
    for module in METRICS_MODULES:
        importlib.import_module(module)
    series: dict[str, set[str]] = {}
    suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"], "gauge": [""]}
    for collector in set(REGISTRY._names_to_collectors.values()):
        labels = set(getattr(collector, "_labelnames", ()))
        for metric in collector.describe() if hasattr(collector, "describe") else collector.collect():
            for suffix in suffixes.get(metric.type, []):
                series[metric.name + suffix] = labels | ({"le"} if suffix == "_bucket" else set())
    return series


OWN = own_metrics()
RECORDED = {rule["record"]: parts_of(rule["expr"]).grouped for rule in RULES if "record" in rule}
KNOWN = OWN | FOREIGN


def panels() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, dashboard in DASHBOARDS.items():
        for panel in dashboard["panels"]:
            if panel["type"] != "row":
                yield f"{name}: {panel['title']}", panel


def queries_of_runbooks() -> Iterator[tuple[str, str]]:
    for page in sorted(RUNBOOKS.glob("*.md")):
        for block in re.findall(r"```\n(.*?)```", page.read_text(), re.S):
            for line in block.splitlines():
                if line.strip() and not line.startswith(("kubectl ", "recobro ", "SELECT ")):
                    yield page.name, line


EXPRESSIONS = [
    *((rule.get("alert") or rule["record"], rule["expr"]) for rule in RULES),
    *((where, target["expr"]) for where, panel in panels() for target in panel["targets"]),
    *queries_of_runbooks(),
]


def test_every_metric_in_an_expression_exists_in_the_code_or_elsewhere() -> None:
    unknown = [(where, parts_of(expr).metrics - KNOWN.keys() - RECORDED.keys()) for where, expr in EXPRESSIONS]
    assert [(where, names) for where, names in unknown if names] == []


def test_every_label_in_an_expression_belongs_to_its_metric() -> None:
    strange = []
    for where, expr in EXPRESSIONS:
        parts = parts_of(expr)
        for metric, labels in parts.selected:
            # The part of a recorded series' name before its first colon lists its labels.
            has = KNOWN.get(metric, set(metric.partition(":")[0].split("_"))) | TARGET_LABELS
            strange += [(where, metric, label) for label in labels - has]
        somewhere = set().union(*(KNOWN.get(metric, RECORDED.get(metric, set())) for metric in parts.metrics))
        made = set(_STRING.findall(expr))
        strange += [(where, "", label) for label in parts.grouped - somewhere - TARGET_LABELS - made]
    assert strange == []


def test_every_label_value_in_an_expression_exists_in_the_code() -> None:
    tasks = {
        sample.labels["task"]
        for metric in REGISTRY.collect()
        if metric.name == "task_last_success_timestamp_seconds"
        for sample in metric.samples
    }
    services = {service.name for service in PROGRAMS}
    known: dict[str, set[Any]] = {"task": tasks, "reason": set(WithdrawalReason), "lane": set(Lane)}
    known |= {"service": services, "job": services}
    strange = []
    for where, expr in EXPRESSIONS:
        for label, values in re.findall(r'\b(\w+)=~?"([\w|-]+)"', expr):
            strange += [(where, value) for value in values.split("|") if value not in known.get(label, {value})]
        strange += [
            (where, consumer)
            for consumer in re.findall(r'consumer="([^"]+)"', expr)
            if consumer.partition(".")[0] not in services
        ]
    assert strange == []


def test_labels_have_few_values_and_no_personal_data() -> None:
    permitted = {"method", "route", "status", "service", "lane", "consumer", "type", "topic", "partition", "reason"}
    permitted |= {"acknowledged", "outcome", "task", "waits_for", "kind", "le", "state", "change", "changed"}
    ours = {name: labels for name, labels in OWN.items() if not name.startswith(("python_", "process_"))}
    assert {name: labels - permitted for name, labels in ours.items() if labels - permitted} == {}


def kebab(alert: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", alert).lower()


@pytest.mark.parametrize("alert", ALERTS, ids=lambda rule: f"{rule['alert']}-{rule['labels']['severity']}")
def test_an_alert_has_a_severity_a_description_and_a_runbook(alert: dict[str, Any]) -> None:
    assert alert["labels"] == {"severity": alert["labels"]["severity"]}
    assert alert["labels"]["severity"] in {"page", "ticket"}
    annotations = alert["annotations"]
    assert annotations.keys() == {"summary", "description", "runbook"}
    assert all(len(text) > 15 for text in annotations.values())
    assert annotations["runbook"] == f"docs/runbooks/{kebab(alert['alert'])}.md"
    assert (ROOT / annotations["runbook"]).is_file()


def test_every_runbook_belongs_to_an_alert_and_is_in_the_table() -> None:
    pages = {path.stem for path in RUNBOOKS.glob("*.md")} - {"README"}
    assert pages == {kebab(alert["alert"]) for alert in ALERTS}
    table = (RUNBOOKS / "README.md").read_text()
    severities: dict[str, set[str]] = {}
    for alert in ALERTS:
        severities.setdefault(alert["alert"], set()).add(alert["labels"]["severity"])
    for name, pages_or_tickets in severities.items():
        row = f"| [{name}]({kebab(name)}.md) | {', '.join(sorted(pages_or_tickets))} |"
        assert row in table


@pytest.mark.parametrize("page", sorted(RUNBOOKS.glob("*.md")), ids=lambda path: path.stem)
def test_a_runbook_has_all_parts_and_working_links(page: Path) -> None:
    text = page.read_text()
    if page.stem != "README":
        assert [part for part in ("Means", "Hurts", "See", "Do", "Call") if f"**{part}" not in text] == []
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        assert (page.parent / link).exists(), link


def commands(of: Any, *path: str) -> Iterator[tuple[tuple[str, ...], set[str]]]:
    """Yield every command with its options."""
    if subcommands := getattr(of, "commands", None):
        for name, command in subcommands.items():
            yield from commands(command, *path, name)
    else:
        yield path, {option for parameter in of.params for option in parameter.opts if option.startswith("--")}


def test_every_recobro_command_of_the_runbooks_exists_with_its_options() -> None:
    known = dict(commands(typer.main.get_command(app)))
    groups = {path[0] for path in known if len(path) > 1}
    found = 0
    for page in sorted(RUNBOOKS.glob("*.md")):
        text = page.read_text()
        code = [*re.findall(r"```\n(.*?)```", text, re.S), *re.findall(r"`([^`\n]+)`", text)]
        for line in "\n".join(code).splitlines():
            for command in re.findall(r"(?:^|-- )recobro ([a-z][^#`]*)", line):
                words = command.split()
                path = tuple(words[: 2 if words[0] in groups else 1])
                assert path in known, f"{page.name}: recobro {command}"
                assert set(re.findall(r"(?<!\S)--[a-z-]+", command)) <= known[path], f"{page.name}: recobro {command}"
                found += 1
    assert found > 50


def test_every_alert_has_a_test_that_fires_and_one_that_does_not() -> None:
    fired, silent = set(), set()
    for path in (MONITORING / "tests").glob("*.yaml"):
        for test in yaml.safe_load(path.read_text())["tests"]:
            for look in test.get("promql_expr_test", ()):
                [name] = re.findall(r'alertname="(\w+)"', look["expr"])
                severities = {re.sub(r"\W|severity", "", sample["labels"]) for sample in look["exp_samples"]}
                fired |= {(name, severity) for severity in severities}
                silent |= {(name, severity) for severity in {"page", "ticket"} - severities}
    alerts = {(alert["alert"], alert["labels"]["severity"]) for alert in ALERTS}
    assert alerts - fired == set()
    assert alerts - silent == set()
    assert {name for name, _ in fired} == {name for name, _ in alerts}


def test_dashboards_have_different_ids_and_every_panel_has_a_description() -> None:
    assert len({dashboard["uid"] for dashboard in DASHBOARDS.values()}) == len(DASHBOARDS)
    assert {program.name for program in PROGRAMS} <= DASHBOARDS.keys()
    for where, panel in panels():
        assert len(panel["description"]) > 5, where
        assert panel["fieldConfig"]["defaults"]["unit"], where
        assert panel["datasource"]["uid"] == "${datasource}", where


@pytest.mark.process
def test_promtool_accepts_every_expression_of_panels_and_runbooks(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not on PATH")
    rules = [
        {"record": f"checked:{number}", "expr": expr.replace("$__rate_interval", "5m")}
        for number, (_, expr) in enumerate(EXPRESSIONS)
    ]
    file = tmp_path / "checked.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "checked", "rules": rules}]}))
    outcome = subprocess.run(
        [promtool, "check", "rules", "--lint=none", file], capture_output=True, text=True, check=False, timeout=240
    )
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
