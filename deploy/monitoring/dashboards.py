"""Write the Grafana dashboards and their list. With ``--check`` only print which files differ, and write nothing.

python deploy/monitoring/dashboards.py [--check]
"""

import json
import sys
from pathlib import Path

from panels import Row, dashboard, graph, highest, mean_by_consumer, quantiles, rate, stat
from recobro_platform import CONSOLE, PROGRAMS, SERVICE_NAMES
from service_rows import PAGES, ROWS_OF, events_of, http

FOLDER = Path(__file__).parent / "dashboards"
_KUSTOMIZATION = """\
# Written by deploy/monitoring/dashboards.py.
# Grafana's sidecar finds the dashboards by their label. deploy/k8s/check writes the alert rules, which Kubernetes needs
# as a resource of its own, to deploy/k8s/base/monitoring/rules.yaml.
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
configMapGenerator:
  - name: dashboards
    files:
DASHBOARDS
    options:
      disableNameSuffixHash: true
      labels: {grafana_dashboard: "1"}
"""

OVERVIEW = [
    Row(
        "Now",
        [
            stat(
                "Pages",
                "Firing alerts with severity page.",
                "short",
                'count(ALERTS{alertstate="firing",severity="page"}) or vector(0)',
                1,
            ),
            stat(
                "Withdrawals, p99",
                "Time from the cause to the withdrawal from the list, for all reasons, over the last half hour.",
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
                "sum(max by (service) (dead_letters)) + (sum(max by (service, lane) (unsent_events)) or vector(0))",
                1,
            ),
            stat(
                "Oldest unpublished event",
                "Age of the oldest event in an outbox, on the lanes `events`.",
                "s",
                'max(outbox_oldest_unpublished_seconds{lane="events"} * relay_active)',
                30,
            ),
            stat(
                "Last list",
                "Time since the last dialing list was published.",
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
                "Part of the requests with a status of 500 or above. The objective is 0.1 %.",
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
                ('sum by (job) (up{job=~"' + "|".join(program.name for program in PROGRAMS) + '"})', "{{job}}"),
            ),
        ],
    ),
    Row(
        "Withdrawals and events",
        [
            quantiles(
                "Withdrawals",
                "Time from the cause to the withdrawal from the live list.",
                "withdrawal_seconds",
            ),
            graph(
                "Age of events when applied, p99",
                "Urgent events: time from the event to the end of the transaction that applied it.",
                "s",
                (
                    "histogram_quantile(0.99, sum by (consumer, le) (rate(event_age_at_processing_seconds_bucket"
                    '{consumer=~".*\\\\.events"}[$__rate_interval])))',
                    "{{consumer}}",
                ),
            ),
            graph(
                "Events in the outboxes",
                "Events that have not reached the log.",
                "short",
                highest("outbox_unpublished_events", "service, lane"),
            ),
            graph(
                "Records to read",
                "Records that a consumer has not read yet.",
                "short",
                ("sum by (consumer) (consumer_position_lag)", "{{consumer}}"),
            ),
        ],
    ),
    Row(
        "Daily work",
        [
            graph(
                "Since the last success",
                "Time since the last success of each daily run and each continuous task.",
                "s",
                ("time() - max by (task) (max_over_time(task_last_success_timestamp_seconds[3d]) > 0)", "{{task}}"),
            ),
            graph(
                "Files by outcome",
                "Refused: a mistake in the file, or no confirmation. Failed: a service error.",
                "short",
                ("sum by (outcome) (increase(portfolio_files_total[1h]))", "{{outcome}}"),
            ),
        ],
    ),
    Row(
        "PostgreSQL, Kafka, volumes",
        [
            graph(
                "PostgreSQL: since the last backup",
                "Time since the last backup of each database.",
                "s",
                ("time() - cluster:postgres_last_backup:timestamp_seconds", "{{cluster}}"),
            ),
            graph(
                "PostgreSQL: lag of standbys",
                "How far a standby is behind its primary.",
                "s",
                highest("cnpg_pg_replication_lag", "pod"),
            ),
            graph(
                "Kafka: partitions with problems",
                "Partitions without a leader, with too few copies for a write, or with fewer copies than configured.",
                "short",
                ("sum(kafka_controller_kafkacontroller_offlinepartitionscount)", "offline"),
                ("sum(kafka_server_replicamanager_underminisrpartitioncount)", "no writes"),
                ("sum(kafka_server_replicamanager_underreplicatedpartitions)", "under-replicated"),
            ),
            graph(
                "Volumes: free space",
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
                "Age of the oldest event",
                "Age of the oldest event in the outbox, as the active relay measures it.",
                "s",
                ("max by (service, lane) (outbox_oldest_unpublished_seconds * relay_active)", "{{service}} {{lane}}"),
            ),
            graph(
                "Events in the outbox",
                "Events that have not reached the log, counted up to 100,000.",
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
                "Time to publish a batch",
                "Time from reading the outbox to the log's acknowledgement, for one batch of a relay.",
                "event_publish_seconds",
                "lane",
            ),
            graph(
                "Active relays",
                "Each lane of a service must have exactly one.",
                "short",
                ("sum by (service, lane) (relay_active)", "{{service}} {{lane}}"),
            ),
            graph(
                "Relay failures",
                "Batches that a relay has to send again.",
                "ops",
                rate("relay_failures_total", "service, lane"),
            ),
        ],
    ),
    Row(
        "From the log to the consumers",
        [
            quantiles(
                "Age when applied",
                "Time from the oldest event of a batch to the end of the batch's transaction.",
                "event_age_at_processing_seconds",
                "consumer",
            ),
            graph(
                "Records to read",
                "Records that a consumer has not read yet, in all partitions.",
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
                "Applied, the ten most frequent event types",
                "Events that all consumers together applied.",
                "ops",
                ("topk(10, sum by (type) (rate(events_applied_total[$__rate_interval])))", "{{type}}"),
            ),
            quantiles(
                "Time to apply a batch", "The time to read the batch is left out.", "consumer_batch_seconds", "consumer"
            ),
            graph(
                "Records and waves of a batch",
                "Mean number of records in a batch, and of its waves: the most events of one key in the batch.",
                "short",
                (mean_by_consumer("consumer_batch_events"), "{{consumer}} records"),
                (mean_by_consumer("consumer_batch_waves"), "{{consumer}} waves"),
            ),
            graph(
                "Repeated and unknown events",
                "Repeated: delivered again and not applied again. Unknown: of a type that this release does not know.",
                "ops",
                ("sum by (consumer) (rate(events_repeated_total[$__rate_interval]))", "{{consumer}} repeated"),
                ("sum by (consumer) (rate(events_unknown_total[$__rate_interval]))", "{{consumer}} unknown"),
            ),
        ],
    ),
    Row(
        "Problems",
        [
            graph("Set aside", "Events that wait for a person.", "short", highest("dead_letters", "service")),
            graph(
                "Keys that wait",
                "Keys with events that were set aside; nearly every key is a contract.",
                "short",
                highest("parked_keys", "service"),
            ),
            graph(
                "Set aside and replayed",
                "Events that were set aside or replayed in the last hour.",
                "short",
                ("sum by (consumer) (increase(events_set_aside_total[1h]))", "{{consumer}} set aside"),
                ("sum by (service) (increase(events_replayed_total[1h]))", "{{service}} replayed"),
            ),
            graph(
                "Consumers that have stopped",
                "1 means that the consumer has stopped and a person has to act.",
                "short",
                highest("consumer_stopped", "consumer"),
            ),
            graph(
                "Unsent",
                "Events that the log refused or that wait behind one, until a person decides.",
                "short",
                highest("unsent_events", "service, lane"),
            ),
            graph(
                "Refused by the log",
                "Events of the last hour that the log can never take.",
                "short",
                ("sum by (service, lane) (increase(events_refused_total[1h]))", "{{service}} {{lane}}"),
            ),
            graph(
                "Tasks of the runtime that fail",
                "1 means that the task has failed and has not yet worked for a minute again.",
                "short",
                highest("runtime_task_failed", "service, task"),
            ),
            graph(
                "Batches tried again",
                "Batches that a consumer repeats after a temporary error.",
                "ops",
                rate("consumer_retries_total", "consumer"),
            ),
            graph(
                "Partitions",
                "Partitions that all processes together own; rebalances, and losses to another process, in 5 minutes.",
                "short",
                ("sum by (consumer) (consumer_partitions_owned)", "{{consumer}} owned"),
                ("sum by (consumer) (increase(consumer_rebalances_total[5m]))", "{{consumer}} rebalances"),
                ("sum by (consumer) (increase(consumer_ownership_lost_total[5m]))", "{{consumer}} lost to another"),
            ),
        ],
    ),
]

DASHBOARDS = {
    "overview": ("Recobro: overview", OVERVIEW),
    "events": ("Recobro: events", EVENTS),
    **{name: (f"Recobro: {name}", [*ROWS_OF.get(name, ()), http(name), events_of(name)]) for name in SERVICE_NAMES},
    CONSOLE.name: ("Recobro: console", [PAGES]),
}


def files() -> dict[Path, str]:
    """Return the content of every file."""
    made = {
        FOLDER / f"{name}.json": json.dumps(dashboard(name, title, rows), indent=1, ensure_ascii=False) + "\n"
        for name, (title, rows) in DASHBOARDS.items()
    }
    listed = "".join(f"      - dashboards/{name}.json\n" for name in sorted(DASHBOARDS))
    return made | {FOLDER.with_name("kustomization.yaml"): _KUSTOMIZATION.replace("DASHBOARDS\n", listed)}


def main() -> int:
    contents = files()
    if sys.argv[1:] == ["--check"]:
        stale = [path for path, text in contents.items() if not path.is_file() or path.read_bytes() != text.encode()]
        stale += [path for path in FOLDER.glob("*") if path not in contents]
        for path in stale:
            print(f"{path.name} differs from what {Path(__file__).name} writes", file=sys.stderr)
        return 1 if stale else 0
    FOLDER.mkdir(exist_ok=True)
    for path, text in contents.items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
