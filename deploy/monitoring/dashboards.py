"""Write the Grafana dashboards into ``dashboards/``, or with ``--check`` say which are not as this program makes them.

python deploy/monitoring/dashboards.py [--check]
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = Path(__file__).parent / "dashboards"
WIDTH, HEIGHT = 24, 8
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_VARIABLE = {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}

Json = dict[str, Any]


class Query(NamedTuple):
    expr: str
    legend: str = ""


class Panel(NamedTuple):
    """``kind``: timeseries or stat. ``bad_from``: the value from which it turns red."""

    title: str
    description: str
    unit: str
    queries: Sequence[Query]
    kind: str = "timeseries"
    width: int = 12
    bad_from: float | None = None


class Row(NamedTuple):
    title: str
    panels: Sequence[Panel]


def graph(title: str, description: str, unit: str, *queries: tuple[str, str], width: int = 12) -> Panel:
    return Panel(title, description, unit, [Query(*query) for query in queries], width=width)


def stat(title: str, description: str, unit: str, expr: str, bad_from: float | None = None) -> Panel:
    return Panel(title, description, unit, [Query(expr)], "stat", width=4, bad_from=bad_from)


def quantiles(title: str, description: str, histogram: str, by: str = "", *, matching: str = "") -> Panel:
    """Half and 99 of 100 of a histogram of seconds, by one label."""
    grouped, legend = (f"{by}, le", f"{{{{{by}}}}} ") if by else ("le", "")
    rate = f"sum by ({grouped}) (rate({histogram}_bucket{{{matching}}}[$__rate_interval]))"
    queries = [(f"histogram_quantile({part}, {rate})", f"{legend}{name}") for part, name in _PARTS]
    return graph(title, description, "s", *queries)


_PARTS = ((0.5, "p50"), (0.99, "p99"))


def rate(counter: str, by: str, *, matching: str = "") -> tuple[str, str]:
    return f"sum by ({by}) (rate({counter}{{{matching}}}[$__rate_interval]))", _legend(by)


def highest(gauge: str, by: str, *, matching: str = "") -> tuple[str, str]:
    return f"max by ({by}) ({gauge}{{{matching}}})", _legend(by)


def _mean_by_consumer(histogram: str) -> str:
    total, count = (f"sum by (consumer) (rate({histogram}_{part}[$__rate_interval]))" for part in ("sum", "count"))
    return f"{total} / {count}"


def _legend(by: str) -> str:
    return " ".join(f"{{{{{label}}}}}" for label in by.split(", "))


# What a dashboard is about.


def http(job: str) -> Row:
    of_job = f'job="{job}",route=~"/v1/.*"'
    return Row(
        "Requests",
        [
            graph(
                "Requests by route",
                "Answered requests. Probes are left out.",
                "reqps",
                rate("http_requests_total", "method, route", matching=of_job),
            ),
            graph(
                "Answers by status",
                "5xx are failures of ours; 409 and 422 are answers to what was asked.",
                "reqps",
                rate("http_requests_total", "status", matching=of_job),
            ),
            quantiles(
                "Duration by route",
                "From the first byte of a request to the last of its answer. Waiting for news is meant to be long.",
                "http_request_duration_seconds",
                "route",
                matching=of_job,
            ),
            graph(
                "Failed and slow",
                "Part of the last five minutes' requests that failed, or took more than a second.",
                "percentunit",
                (f'job:http_requests_failed:ratio_rate5m{{job="{job}"}}', "failed"),
                (f'job:http_requests_slow:ratio_rate5m{{job="{job}"}}', "slow"),
            ),
            graph(
                "Answered again, run again",
                "Answers given again for an Idempotency-Key, and requests run again after a deadlock.",
                "reqps",
                (f'sum(rate(http_idempotent_replays_total{{job="{job}"}}[$__rate_interval]))', "answered again"),
                (f'sum(rate(http_transactions_repeated_total{{job="{job}"}}[$__rate_interval]))', "run again"),
            ),
            graph(
                "Memory by process",
                "Resident memory.",
                "bytes",
                highest("process_resident_memory_bytes", "instance", matching=f'job="{job}"'),
            ),
            graph(
                "CPU by process",
                "Processor seconds a second; a process of Python has one core.",
                "percentunit",
                rate("process_cpu_seconds_total", "instance", matching=f'job="{job}"'),
            ),
        ],
    )


def events_of(service: str) -> Row:
    mine, own = f'consumer=~"{service}\\\\..*"', f'service="{service}"'
    return Row(
        "Events",
        [
            graph(
                "Events that wait for the log",
                "Rows of the outboxes.",
                "short",
                highest("outbox_unpublished_events", "lane", matching=own),
            ),
            graph(
                "Events published",
                "Acknowledged by the log.",
                "ops",
                rate("events_published_total", "lane", matching=own),
            ),
            graph(
                "Events applied by type",
                "Applied for the first time.",
                "ops",
                rate("events_applied_total", "type", matching=mine),
            ),
            quantiles(
                "Age at processing",
                "From the oldest fact of a batch to the end of its transaction.",
                "event_age_at_processing_seconds",
                "consumer",
                matching=mine,
            ),
            graph(
                "Records to read",
                "Records of all partitions that are still to be read.",
                "short",
                (f"sum by (consumer) (consumer_position_lag{{{mine}}})", "{{consumer}}"),
            ),
            graph(
                "Set aside",
                "Events that wait for a person, and their keys.",
                "short",
                (f"max(dead_letters{{{own}}})", "events"),
                (f"max(parked_keys{{{own}}})", "keys"),
            ),
        ],
    )


def task(title: str, name: str) -> list[Panel]:
    return [
        graph(
            f"{title}: since the last success",
            "Looks back three days, so that a restart does not hide a success.",
            "s",
            (
                f'time() - max(max_over_time(task_last_success_timestamp_seconds{{task="{name}"}}[3d]) > 0)',
                "since",
            ),
        ),
        graph(
            f"{title}: mean duration",
            "By outcome; refused: somebody asked for what cannot be.",
            "s",
            (
                f'sum by (outcome) (increase(task_duration_seconds_sum{{task="{name}"}}[1h]))'
                f' / sum by (outcome) (increase(task_duration_seconds_count{{task="{name}"}}[1h]))',
                "{{outcome}}",
            ),
        ),
    ]


OVERVIEW = [
    Row(
        "Now",
        [
            stat(
                "Pages",
                "Alerts that somebody has to get up for.",
                "short",
                'count(ALERTS{alertstate="firing",severity="page"}) or vector(0)',
                1,
            ),
            stat(
                "Withdrawals, p99",
                "From the cause to the entry being off its list, over the last half hour; all reasons.",
                "s",
                "histogram_quantile(0.99, sum by (le) (rate(withdrawal_seconds_bucket[30m])))",
                5,
            ),
            stat(
                "Wrongful calls, 24 h",
                "Calls that began after their contract had been withdrawn.",
                "short",
                "sum(increase(wrongful_calls_total[24h]))",
                1,
            ),
            stat(
                "Set aside",
                "Events that wait for a person, in all services.",
                "short",
                "sum(max by (service) (dead_letters))",
                1,
            ),
            stat(
                "Oldest fact on its way",
                "Age of the oldest event on a lane `events` that waits for the log.",
                "s",
                'max(outbox_oldest_unpublished_seconds{lane="events"} * relay_active)',
                30,
            ),
            stat(
                "Last list",
                "Since a dialing list was published.",
                "s",
                "time() - max(max_over_time(dialing_list_last_published_timestamp_seconds[3d]) > 0)",
                26 * 3600,
            ),
        ],
    ),
    Row(
        "Requests",
        [
            graph(
                "Requests by service",
                "Answered requests, without probes.",
                "reqps",
                ("job:http_requests:rate5m", "{{job}}"),
            ),
            graph(
                "Failed",
                "Part of the requests that was answered with 500 or above. The objective is 0.1 %.",
                "percentunit",
                ("job:http_requests_failed:ratio_rate5m", "{{job}}"),
            ),
            graph(
                "Slow",
                "Part of the requests that took more than a second. The objective is 1 %.",
                "percentunit",
                ("job:http_requests_slow:ratio_rate5m", "{{job}}"),
            ),
            graph(
                "Processes that answer",
                "Processes that Prometheus reaches.",
                "short",
                ('sum by (job) (up{job=~"portfolio|assignment|dialer-feed|field-visits|promises"})', "{{job}}"),
            ),
        ],
    ),
    Row(
        "Facts",
        [
            quantiles(
                "Withdrawals",
                "From the cause to the entry being off its live list.",
                "withdrawal_seconds",
            ),
            graph(
                "Age of facts at processing, p99",
                "Urgent facts, from the fact to the end of the transaction that applied it.",
                "s",
                (
                    "histogram_quantile(0.99, sum by (consumer, le) (rate(event_age_at_processing_seconds_bucket"
                    '{consumer=~".*\\\\.events"}[$__rate_interval])))',
                    "{{consumer}}",
                ),
            ),
            graph(
                "Events that wait for the log",
                "Rows of the outboxes.",
                "short",
                highest("outbox_unpublished_events", "service, lane"),
            ),
            graph(
                "Records to read",
                "Records that a consumer has still to read.",
                "short",
                ("sum by (consumer) (consumer_position_lag)", "{{consumer}}"),
            ),
        ],
    ),
    Row(
        "Days",
        [
            graph(
                "Since the last success",
                "Of the daily runs and of the tasks that look for work all the time.",
                "s",
                ("time() - max by (task) (max_over_time(task_last_success_timestamp_seconds[3d]) > 0)", "{{task}}"),
            ),
            graph(
                "Files by outcome",
                "Refused: the file is at fault. Failed: we are.",
                "short",
                ("sum by (outcome) (increase(portfolio_files_total[1h]))", "{{outcome}}"),
            ),
        ],
    ),
    Row(
        "Ground",
        [
            graph(
                "PostgreSQL: since the last backup",
                "By database.",
                "s",
                ("time() - cluster:postgres_last_backup:timestamp_seconds", "{{cluster}}"),
            ),
            graph(
                "PostgreSQL: standbys behind",
                "How far a standby is behind its primary.",
                "s",
                highest("cnpg_pg_replication_lag", "pod"),
            ),
            graph(
                "Kafka: partitions in trouble",
                "Without a leader, too few copies for a write, fewer copies than there should be.",
                "short",
                ("sum(kafka_controller_kafkacontroller_offlinepartitionscount)", "offline"),
                ("sum(kafka_server_replicamanager_underminisrpartitioncount)", "no writes"),
                ("sum(kafka_server_replicamanager_underreplicatedpartitions)", "under-replicated"),
            ),
            graph(
                "Volumes: left",
                "Part of each volume that is free.",
                "percentunit",
                (
                    "min by (persistentvolumeclaim)"
                    " (kubelet_volume_stats_available_bytes / kubelet_volume_stats_capacity_bytes)",
                    "{{persistentvolumeclaim}}",
                ),
            ),
        ],
    ),
]

EVENTS = [
    Row(
        "From the outbox to the log",
        [
            graph(
                "Age of the oldest that waits",
                "As the active relay sees it. It does not move while the log refuses at once: look at what waits.",
                "s",
                ("max by (service, lane) (outbox_oldest_unpublished_seconds * relay_active)", "{{service}} {{lane}}"),
            ),
            graph(
                "Waiting",
                "Rows of the outboxes, up to 100,000.",
                "short",
                highest("outbox_unpublished_events", "service, lane"),
            ),
            graph(
                "Published",
                "Events that the log has acknowledged.",
                "ops",
                rate("events_published_total", "service, lane"),
            ),
            quantiles(
                "From the outbox to the acknowledgement",
                "Time of one batch of a relay.",
                "event_publish_seconds",
                "lane",
            ),
            graph(
                "Active relays",
                "One a service and lane, always.",
                "short",
                ("sum by (service, lane) (relay_active)", "{{service}} {{lane}}"),
            ),
            graph(
                "Relay failures",
                "Batches to be sent again.",
                "ops",
                rate("relay_failures_total", "service, lane"),
            ),
        ],
    ),
    Row(
        "From the log to the tables",
        [
            quantiles(
                "Age at processing",
                "From the oldest fact of a batch to the end of its transaction.",
                "event_age_at_processing_seconds",
                "consumer",
            ),
            graph(
                "Records to read",
                "Records of all partitions that are still to be read.",
                "short",
                ("sum by (consumer) (consumer_position_lag)", "{{consumer}}"),
            ),
            graph(
                "Applied",
                "Events applied for the first time.",
                "ops",
                rate("events_applied_total", "consumer"),
            ),
            graph(
                "Applied, the ten most frequent types",
                "By all consumers together.",
                "ops",
                ("topk(10, sum by (type) (rate(events_applied_total[$__rate_interval])))", "{{type}}"),
            ),
            quantiles("Time of a batch", "Reading left out.", "consumer_batch_seconds", "consumer"),
            graph(
                "Records and waves of a batch",
                "Means. Waves: the most events that one key has in it.",
                "short",
                (_mean_by_consumer("consumer_batch_events"), "{{consumer}} records"),
                (_mean_by_consumer("consumer_batch_waves"), "{{consumer}} waves"),
            ),
            graph(
                "Repeated and unknown",
                "Delivered again and not applied again; of a type that this release does not know.",
                "ops",
                ("sum by (consumer) (rate(events_repeated_total[$__rate_interval]))", "{{consumer}} repeated"),
                ("sum by (consumer) (rate(events_unknown_total[$__rate_interval]))", "{{consumer}} unknown"),
            ),
        ],
    ),
    Row(
        "Trouble",
        [
            graph("Set aside", "Events that wait for a person.", "short", highest("dead_letters", "service")),
            graph("Keys that wait", "Nearly always contracts.", "short", highest("parked_keys", "service")),
            graph(
                "Set aside and replayed",
                "Events of the last hour.",
                "short",
                ("sum by (consumer) (increase(events_set_aside_total[1h]))", "{{consumer}} set aside"),
                ("sum by (service) (increase(events_replayed_total[1h]))", "{{service}} replayed"),
            ),
            graph(
                "Consumers that have stopped",
                "1: a person has to act.",
                "short",
                highest("consumer_stopped", "consumer"),
            ),
            graph(
                "Batches tried again",
                "After trouble that passes.",
                "ops",
                rate("consumer_retries_total", "consumer"),
            ),
            graph(
                "Partitions",
                "Owned by all processes together; and how often some were taken from one.",
                "short",
                ("sum by (consumer) (consumer_partitions_owned)", "{{consumer}} owned"),
                ("sum by (consumer) (increase(consumer_rebalances_total[5m]))", "{{consumer}} rebalances"),
                ("sum by (consumer) (increase(consumer_ownership_lost_total[5m]))", "{{consumer}} lost to another"),
            ),
        ],
    ),
]

DIALER = [
    Row(
        "Withdrawals and calls",
        [
            quantiles(
                "From the cause to the list",
                "By reason. Urgent ones have to be within 5 s.",
                "withdrawal_seconds",
                "reason",
            ),
            graph(
                "Withdrawals by reason",
                "Entries taken off live lists.",
                "ops",
                rate("withdrawal_seconds_count", "reason"),
            ),
            quantiles(
                "From the cause to a dialer's acknowledgement",
                "The list was right before; this is when the dialer knew.",
                "withdrawal_acknowledgement_seconds",
            ),
            graph(
                "Wrongful calls",
                "Begun after their contract had been withdrawn, by whether the dialer had acknowledged that.",
                "short",
                ("sum by (acknowledged) (increase(wrongful_calls_total[1h]))", "acknowledged: {{acknowledged}}"),
            ),
        ],
    ),
    Row(
        "Lists",
        [
            graph(
                "Lists by outcome",
                "Of the last hour.",
                "short",
                ("sum by (outcome) (increase(dialing_lists_total[1h]))", "{{outcome}}"),
            ),
            graph(
                "From the request to the publication",
                "Mean of the last hour. Most of it is the barrier: waiting for what others have yet to say.",
                "s",
                (
                    "sum(increase(dialing_list_seconds_sum[1h])) / sum(increase(dialing_list_seconds_count[1h]))",
                    "mean",
                ),
            ),
            graph(
                "Since the last publication",
                "Lists are built from Monday to Saturday.",
                "s",
                ("time() - max(max_over_time(dialing_list_last_published_timestamp_seconds[3d]) > 0)", "since"),
            ),
            graph(
                "In building",
                "Since the oldest list in building was asked for; a barrier ends after 15 minutes.",
                "s",
                ("max(time() - (dialing_list_oldest_building_timestamp_seconds > 0))", "since"),
            ),
            *task("List builder", "list-builder"),
        ],
    ),
]

PORTFOLIO = [
    Row(
        "Files",
        [
            graph(
                "Files by outcome",
                "Of the last hour. Refused: the file is at fault, or was not confirmed. Failed: we are.",
                "short",
                ("sum by (outcome) (increase(portfolio_files_total[1h]))", "{{outcome}}"),
            ),
            graph(
                "Rows of loaded files",
                "Of the last hour.",
                "short",
                ("sum by (outcome) (increase(portfolio_file_rows_total[1h]))", "{{outcome}}"),
            ),
            graph(
                "From the upload to the end",
                "Mean of the last hour; waiting for its turn or for a confirmation included.",
                "s",
                (
                    "sum by (outcome) (increase(portfolio_file_seconds_sum[1h]))"
                    " / sum by (outcome) (increase(portfolio_file_seconds_count[1h]))",
                    "{{outcome}}",
                ),
            ),
            graph(
                "Oldest unfinished file",
                "Since its upload, by what it waits for.",
                "s",
                (
                    "max by (waits_for) (time() - (portfolio_file_oldest_unfinished_timestamp_seconds > 0))",
                    "{{waits_for}}",
                ),
            ),
        ],
    ),
    Row("Daily staging", task("Staging", "staging")),
]
ASSIGNMENT = [Row("Placement runs", task("Placement run", "placement"))]
PROMISES = [Row("Checks", [*task("Promise check", "promise-check"), *task("Promise watch", "promise-watch")])]
FIELD_VISITS = [
    Row(
        "Visits",
        [
            graph(
                "Visits as others hear of them",
                "Events of field-visits that other services have applied.",
                "ops",
                (
                    'sum by (type) (rate(events_applied_total{type=~"field-visits\\\\..*"}[$__rate_interval]))',
                    "{{type}}",
                ),
                width=24,
            ),
        ],
    )
]

DASHBOARDS = {
    "overview": ("Recobro: overview", OVERVIEW),
    "events": ("Recobro: events", EVENTS),
    "dialer-feed": ("Recobro: dialer-feed", [*DIALER, http("dialer-feed"), events_of("dialer-feed")]),
    "portfolio": ("Recobro: portfolio", [*PORTFOLIO, http("portfolio"), events_of("portfolio")]),
    "assignment": ("Recobro: assignment", [*ASSIGNMENT, http("assignment"), events_of("assignment")]),
    "field-visits": ("Recobro: field-visits", [*FIELD_VISITS, http("field-visits"), events_of("field-visits")]),
    "promises": ("Recobro: promises", [*PROMISES, http("promises"), events_of("promises")]),
}


# What Grafana makes of it.


def dashboard(name: str, title: str, rows: Sequence[Row]) -> Json:
    return {
        "uid": f"recobro-{name}",
        "title": title,
        "tags": ["recobro"],
        "schemaVersion": 41,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": [_VARIABLE]},
        "links": [
            {"type": "dashboards", "title": "Recobro", "tags": ["recobro"], "asDropdown": True, "includeVars": True}
        ],
        "panels": _placed(rows),
    }


def _placed(rows: Sequence[Row]) -> list[Json]:
    """Panels from left to right, as many as fit beside each other."""
    panels: list[Json] = []
    y = 0
    for row in rows:
        place: Json = {"x": 0, "y": y, "w": WIDTH, "h": 1}
        head = {"type": "row", "title": row.title, "collapsed": False, "panels": []}
        panels.append({"id": len(panels) + 1, "gridPos": place} | head)
        x, y = 0, y + 1
        for panel in row.panels:
            height = HEIGHT if panel.kind == "timeseries" else HEIGHT // 2
            if x + panel.width > WIDTH:
                x, y = 0, y + height
            place = {"x": x, "y": y, "w": panel.width, "h": height}
            panels.append({"id": len(panels) + 1, "gridPos": place} | _panel(panel))
            x += panel.width
        y += height
    return panels


def _panel(panel: Panel) -> Json:
    steps: list[Json] = [{"color": "green", "value": None}]
    if panel.bad_from is not None:
        steps.append({"color": "red", "value": panel.bad_from})
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": _SOURCE,
        "targets": [
            {"refId": chr(ord("A") + n), "datasource": _SOURCE, "expr": query.expr, "legendFormat": query.legend}
            for n, query in enumerate(panel.queries)
        ],
        "fieldConfig": {
            "defaults": {"unit": panel.unit, "min": 0, "thresholds": {"mode": "absolute", "steps": steps}},
            "overrides": [],
        },
        "options": _TIMESERIES if panel.kind == "timeseries" else _STAT,
    }


_TIMESERIES = {
    "legend": {"displayMode": "table", "placement": "right", "calcs": ["lastNotNull", "max"]},
    "tooltip": {"mode": "multi", "sort": "desc"},
}
_STAT = {"colorMode": "background", "graphMode": "area", "reduceOptions": {"calcs": ["lastNotNull"]}}


def files() -> dict[Path, str]:
    """Every file with what it has to hold."""
    return {
        FOLDER / f"{name}.json": json.dumps(dashboard(name, title, rows), indent=1, ensure_ascii=False) + "\n"
        for name, (title, rows) in DASHBOARDS.items()
    }


def main() -> int:
    wanted = files()
    if sys.argv[1:] == ["--check"]:
        stale = [path for path, text in wanted.items() if not path.is_file() or path.read_bytes() != text.encode()]
        stale += [path for path in FOLDER.glob("*") if path not in wanted]
        for path in stale:
            print(f"{path.name} is not what {Path(__file__).name} makes", file=sys.stderr)
        return 1 if stale else 0
    FOLDER.mkdir(exist_ok=True)
    for path, text in wanted.items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
