"""The rows of a service's dashboard."""

from collections.abc import Mapping, Sequence

from panels import Panel, Row, graph, highest, quantiles, rate

_OF_CONSOLE = 'job="console",route!~"/(livez|readyz|startupz|metrics|live|static/.*)"'
PAGES = Row(
    "Console",
    [
        graph(
            "Pages by route",
            "Answered requests, without probes, scripts and streams.",
            "reqps",
            rate("http_requests_total", "method, route", matching=_OF_CONSOLE),
        ),
        graph(
            "Answers by status",
            "5xx: the console, or a service that it needs, failed.",
            "reqps",
            rate("http_requests_total", "status", matching=_OF_CONSOLE),
        ),
        quantiles(
            "Duration by route",
            "Time from the first byte of a request to the last byte of its answer.",
            "http_request_duration_seconds",
            "route",
            matching=_OF_CONSOLE,
        ),
        graph(
            "Services that gave no answer",
            "Calls of the console to a service that got no answer.",
            "reqps",
            rate("console_service_unreachable_total", "service"),
        ),
        graph(
            "Open pages",
            "Pages that listen for what changes.",
            "short",
            ("sum by (instance) (console_pages_open)", "{{instance}}"),
        ),
        graph(
            "Live",
            "1 while the process follows the event log. Without it, pages change only when they are read anew.",
            "short",
            ("min by (instance) (console_live)", "{{instance}}"),
        ),
        graph(
            "Memory by process",
            "Resident memory.",
            "bytes",
            highest("process_resident_memory_bytes", "instance", matching='job="console"'),
        ),
        graph(
            "CPU by process",
            "Processor seconds per second. A Python process uses at most one core.",
            "percentunit",
            rate("process_cpu_seconds_total", "instance", matching='job="console"'),
        ),
    ],
)


def http(job: str) -> Row:
    of_job = f'job="{job}",route=~"/v1/.*"'
    return Row(
        "Requests",
        [
            graph(
                "Requests by route",
                "Answered requests, without probes.",
                "reqps",
                rate("http_requests_total", "method, route", matching=of_job),
            ),
            graph(
                "Answers by status",
                "5xx: the service failed. 4xx: the request was wrong or came at the wrong moment.",
                "reqps",
                rate("http_requests_total", "status", matching=of_job),
            ),
            quantiles(
                "Duration by route",
                "Time from the first byte of a request to the last byte of its answer. Long polls are long on purpose.",
                "http_request_duration_seconds",
                "route",
                matching=of_job,
            ),
            graph(
                "Failed and slow",
                "Part of the requests of the last five minutes that failed, or took more than a second.",
                "percentunit",
                (f'job:http_requests_failed:ratio_rate5m{{job="{job}"}}', "failed"),
                (f'job:http_requests_slow:ratio_rate5m{{job="{job}"}}', "slow"),
            ),
            graph(
                "Refused because of a limit",
                "Requests refused and connections ended, by the limit.",
                "reqps",
                rate("http_refused_total", "reason", matching=f'job="{job}"'),
            ),
            graph(
                "Repeated answers and transactions",
                "Answers repeated for an Idempotency-Key, and requests repeated after a deadlock.",
                "reqps",
                (f'sum(rate(http_idempotent_replays_total{{job="{job}"}}[$__rate_interval]))', "repeated answers"),
                (
                    f'sum(rate(http_transactions_repeated_total{{job="{job}"}}[$__rate_interval]))',
                    "repeated transactions",
                ),
            ),
            graph(
                "Keys of tokens: since the last load",
                "The process that has gone longest without the public keys or the revoked tokens.",
                "s",
                (
                    f'time() - min by (task) (task_last_success_timestamp_seconds{{job="{job}",'
                    'task=~"token-keys|deny-list"} > 0)',
                    "{{task}}",
                ),
            ),
            graph(
                "Memory by process",
                "Resident memory.",
                "bytes",
                highest("process_resident_memory_bytes", "instance", matching=f'job="{job}"'),
            ),
            graph(
                "CPU by process",
                "Processor seconds per second. A Python process uses at most one core.",
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
                "Events in the outboxes",
                "Events that have not reached the log.",
                "short",
                highest("outbox_unpublished_events", "lane", matching=own),
            ),
            graph(
                "Events published",
                "Events that the log has acknowledged.",
                "ops",
                rate("events_published_total", "lane", matching=own),
            ),
            graph(
                "Events applied by type",
                "Events applied for the first time.",
                "ops",
                rate("events_applied_total", "type", matching=mine),
            ),
            quantiles(
                "Age when applied",
                "Time from the oldest event of a batch to the end of the batch's transaction.",
                "event_age_at_processing_seconds",
                "consumer",
                matching=mine,
            ),
            graph(
                "Records to read",
                "Records that a consumer has not read yet, in all partitions.",
                "short",
                (f"sum by (consumer) (consumer_position_lag{{{mine}}})", "{{consumer}}"),
            ),
            graph(
                "Set aside",
                "Events that wait for a person, and the number of their keys.",
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
            "The query looks back three days, so that a restart does not hide a success.",
            "s",
            (
                f'time() - max(max_over_time(task_last_success_timestamp_seconds{{task="{name}"}}[3d]) > 0)',
                "since",
            ),
        ),
        graph(
            f"{title}: mean duration",
            "Mean duration by outcome. Refused: the request was not possible.",
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
                "Time by reason. Urgent withdrawals must be within 5 s.",
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
                "From the cause to the change of an entry",
                "Entries that stay on their list, with fewer numbers or fewer contracts of the person.",
                "list_entry_change_seconds",
                "kind",
            ),
            quantiles(
                "From the cause to a dialer's acknowledgement",
                "The list is right earlier. This time ends when the dialer acknowledges the withdrawal.",
                "withdrawal_acknowledgement_seconds",
            ),
            graph(
                "Wrongful calls",
                "Calls that began while their contract or number was silent. Acknowledged: a dialer knew that.",
                "short",
                ("sum by (acknowledged) (increase(wrongful_calls_total[1h]))", "acknowledged: {{acknowledged}}"),
            ),
            graph(
                "Overtaken calls",
                "Calls by a permit in force, after a withdrawal that the dialer had not yet acknowledged.",
                "short",
                ("sum(increase(overtaken_calls_total[1h]))", "overtaken"),
            ),
            graph(
                "Breaches of the rules of contact",
                "Calls outside the allowed hours, and beyond the caps of call frequency.",
                "short",
                ('sum by (kind) (increase(contact_breaches_total{job="dialer-feed"}[1h]))', "{{kind}}"),
            ),
        ],
    ),
    Row(
        "Permits and attempts",
        [
            graph(
                "Answers by outcome",
                "Dialers who asked whether they may call: granted, or the reason of the refusal.",
                "ops",
                rate("permits_total", "outcome"),
            ),
            graph(
                "Age of knowledge",
                "Since when everything of the other services is known to be applied. After 30 s permits end.",
                "s",
                ("time() - max(permit_knowledge_timestamp_seconds > 0)", "age"),
            ),
            graph(
                "Attempts without a result",
                "Calls that began more than four hours ago.",
                "short",
                ("max(overdue_attempts)", "overdue"),
            ),
            graph(
                "Codes that nobody has explained",
                "Codes of dialers for how a call ended. Their calls count like calls that nobody answered.",
                "short",
                ("max(unexplained_disposition_codes)", "codes"),
            ),
        ],
    ),
    Row(
        "Lists",
        [
            graph(
                "Lists by outcome",
                "Lists of the last hour.",
                "short",
                ("sum by (outcome) (increase(dialing_lists_total[1h]))", "{{outcome}}"),
            ),
            graph(
                "From the request to the publication",
                "Mean of the last hour. Most of the time the list waits for its barrier.",
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
                "Oldest list in building",
                "Time since the list was requested. Its barrier ends after 15 minutes.",
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
                "Files of the last hour. Refused: a mistake in the file, or no confirmation. Failed: a service error.",
                "short",
                ("sum by (outcome) (increase(portfolio_files_total[1h]))", "{{outcome}}"),
            ),
            graph(
                "Rows of loaded files",
                "Rows of the last hour, by outcome.",
                "short",
                ("sum by (outcome) (increase(portfolio_file_rows_total[1h]))", "{{outcome}}"),
            ),
            graph(
                "Charges and waivers",
                "Charges of the last hour that were taken or reversed, by kind.",
                "short",
                ("sum by (kind, change) (increase(portfolio_charges_total[1h]))", "{{kind}} {{change}}"),
            ),
            graph(
                "From the upload to the outcome",
                "Mean of the last hour. The time includes waiting for other files and for a confirmation.",
                "s",
                (
                    "sum by (outcome) (increase(portfolio_file_seconds_sum[1h]))"
                    " / sum by (outcome) (increase(portfolio_file_seconds_count[1h]))",
                    "{{outcome}}",
                ),
            ),
            graph(
                "Oldest unfinished file",
                "Time since the upload, by what the file waits for.",
                "s",
                (
                    "max by (waits_for) (time() - (portfolio_file_oldest_unfinished_timestamp_seconds > 0))",
                    "{{waits_for}}",
                ),
            ),
        ],
    ),
    Row(
        "Payment files",
        [
            graph(
                "Payment files by outcome",
                "Files of the last hour. Refused: a mistake in the file. Failed: a service error.",
                "short",
                ("sum by (outcome) (increase(portfolio_payment_files_total[1h]))", "{{outcome}}"),
            ),
            graph(
                "Unidentified payments",
                "Payments of banks' files that wait for a person.",
                "short",
                ("max(portfolio_unidentified_payments)", "payments"),
            ),
            graph(
                "Oldest that waits",
                "Time since the arrival of the oldest unfinished file, and of the oldest unidentified payment.",
                "s",
                ("max(time() - (portfolio_payment_file_oldest_unfinished_timestamp_seconds > 0))", "file"),
                ("max(time() - (portfolio_unidentified_payment_oldest_timestamp_seconds > 0))", "unidentified"),
            ),
        ],
    ),
    Row(
        "Daily staging",
        [
            *task("Staging", "staging"),
            graph(
                "Staged by new bands",
                "Contracts of the last hour that were staged because the bands of their portfolio changed.",
                "short",
                ("sum(increase(portfolio_restaged_contracts_total[1h]))", "contracts"),
            ),
            graph(
                "Oldest agreement",
                "Time since the oldest change of an agreement whose consequences have not been taken.",
                "s",
                ("max(time() - (portfolio_oldest_agreement_timestamp_seconds > 0))", "waits"),
            ),
            graph(
                "Oldest change of bands",
                "Time since the oldest change of bands by which some contracts are not staged yet.",
                "s",
                ("max(time() - (portfolio_oldest_restaging_timestamp_seconds > 0))", "waits"),
            ),
            graph(
                "Pauses that do not reach all contracts yet",
                "Pauses of a person, a portfolio or a postal code that some of their contracts do not have yet.",
                "short",
                ("max(portfolio_unapplied_pauses)", "pauses"),
            ),
            graph(
                "Erased persons",
                "Persons of the last day whose data were erased.",
                "short",
                ("sum(increase(portfolio_erasures_total[1d]))", "persons"),
            ),
        ],
    ),
    Row(
        "Segments and steps",
        [
            graph(
                "Judged contracts",
                "Contracts of the last hour that were judged by their portfolio's rules, by what changed.",
                "short",
                ("sum by (changed) (increase(portfolio_judged_contracts_total[1h]))", "{{changed}}"),
            ),
        ],
    ),
    Row(
        "Desk",
        [
            graph(
                "People at the desk",
                "People of the last hour who were given to an operator, and how the work with them ended.",
                "short",
                ("sum by (state) (increase(portfolio_desk_items_total[1h]))", "{{state}}"),
            ),
            graph(
                "Filling a worklist",
                "The time within which 95 % of worklists were filled, in the background.",
                "s",
                (
                    "histogram_quantile(0.95, sum by (le) (rate(portfolio_desk_fill_seconds_bucket[1h])))",
                    "95 %",
                ),
            ),
            graph(
                "What waits",
                "Time since the oldest question to a supervisor, and since a worklist waits to be filled.",
                "s",
                ("max(time() - (portfolio_oldest_desk_escalation_timestamp_seconds > 0))", "supervisor"),
                ("max(time() - (portfolio_oldest_worklist_to_fill_timestamp_seconds > 0))", "filling"),
            ),
        ],
    ),
]
ASSIGNMENT = [Row("Placement runs", task("Placement run", "placement"))]
PROMISES = [
    Row("Checks", [*task("Promise check", "promise-check"), *task("Promise watch", "promise-watch")]),
    Row(
        "Agreements",
        [
            graph(
                "Proposals",
                "Proposals of agreements that came into a state, a day.",
                "short",
                ("sum by (state) (increase(agreement_proposals_total[1d]))", "{{state}}"),
            ),
            graph(
                "Oldest undecided proposal",
                "Time since the oldest proposal that waits for a second person.",
                "s",
                ("max(time() - (agreement_oldest_undecided_timestamp_seconds > 0))", "waits"),
            ),
            graph(
                "Settled agreements",
                "Agreements whose payments are final, so that the discount is given up, a day.",
                "short",
                ("sum by (kind) (increase(agreements_settled_total[1d]))", "{{kind}}"),
            ),
        ],
    ),
    Row(
        "Debtor's page",
        [
            graph(
                "Links",
                "Links to the debtor's page that were made, and those that somebody opened by right answers, a day.",
                "short",
                ("sum(increase(debtor_page_links_total[1d]))", "made"),
                ('sum(increase(debtor_page_identities_total{outcome="right"}[1d]))', "opened"),
            ),
            graph(
                "Acts",
                "What debtors did on their page, a day.",
                "short",
                ('sum by (kind) (increase(debtor_page_acts_total{outcome="done"}[1d]))', "{{kind}}"),
            ),
            graph(
                "Strangers",
                "Wrong answers, links that ended for them, and addresses that are no living link, an hour.",
                "short",
                ('sum by (outcome) (increase(debtor_page_identities_total{outcome!="right"}[1h]))', "{{outcome}}"),
                ('sum(increase(debtor_page_openings_total{outcome="nothing"}[1h]))', "no link"),
            ),
        ],
    ),
]
FIELD_VISITS = [
    Row(
        "Visits",
        [
            graph(
                "Events about visits",
                "Events of field-visits that other services have applied, by type.",
                "ops",
                (
                    'sum by (type) (rate(events_applied_total{type=~"field-visits\\\\..*"}[$__rate_interval]))',
                    "{{type}}",
                ),
                width=24,
            ),
            graph(
                "Breaches of the rules of contact",
                "Attendances outside the allowed hours, and on days of silence.",
                "short",
                ('sum by (kind) (increase(contact_breaches_total{job="field-visits"}[1h]))', "{{kind}}"),
                width=24,
            ),
            graph(
                "Photos of erased persons",
                "Photos that the storage has not deleted yet.",
                "short",
                ("max(field_visits_erased_photos)", "photos"),
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
"""The rows of a service's dashboard before its rows on requests and events."""
