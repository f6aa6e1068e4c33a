"""Write the Grafana dashboards and their list, or with ``--check`` say which are not as this program makes them.

python deploy/monitoring/dashboards.py [--check]
"""

import json
import sys
from pathlib import Path

from panels import Row, dashboard, graph, highest, mean_by_consumer, quantiles, rate, stat
from recobro_platform import SERVICE_NAMES
from service_rows import ROWS_OF, events_of, http

FOLDER = Path(__file__).parent / "dashboards"
_KUSTOMIZATION = """\
# Written by deploy/monitoring/dashboards.py.
# The dashboards as Grafana's sidecar finds them. The rules are no Kubernetes resource and cannot be one without a copy:
# deploy/k8s/base/monitoring/rules.yaml is written from them by deploy/k8s/check.
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
                ('sum by (job) (up{job=~"' + "|".join(SERVICE_NAMES) + '"})', "{{job}}"),
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
                "As the active relay sees it.",
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
                (mean_by_consumer("consumer_batch_events"), "{{consumer}} records"),
                (mean_by_consumer("consumer_batch_waves"), "{{consumer}} waves"),
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

DASHBOARDS = {
    "overview": ("Recobro: overview", OVERVIEW),
    "events": ("Recobro: events", EVENTS),
    **{name: (f"Recobro: {name}", [*ROWS_OF.get(name, ()), http(name), events_of(name)]) for name in SERVICE_NAMES},
}


def files() -> dict[Path, str]:
    """Every file with what it has to hold."""
    made = {
        FOLDER / f"{name}.json": json.dumps(dashboard(name, title, rows), indent=1, ensure_ascii=False) + "\n"
        for name, (title, rows) in DASHBOARDS.items()
    }
    listed = "".join(f"      - dashboards/{name}.json\n" for name in sorted(DASHBOARDS))
    return made | {FOLDER.with_name("kustomization.yaml"): _KUSTOMIZATION.replace("DASHBOARDS\n", listed)}


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
