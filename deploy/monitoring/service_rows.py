"""What the dashboard of a service shows."""

from collections.abc import Mapping, Sequence

from panels import Panel, Row, graph, highest, quantiles, rate


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

ROWS_OF: Mapping[str, Sequence[Row]] = {
    "portfolio": PORTFOLIO,
    "assignment": ASSIGNMENT,
    "dialer-feed": DIALER,
    "field-visits": FIELD_VISITS,
    "promises": PROMISES,
}
"""What the dashboard of a service shows besides its requests and its events."""
