"""Measures the event runtime, its upper bounds and its peers in turn, on one broker and one database. Prints a table.

    PYTHONPATH=bench .venv/bin/python -m event_bench --json figures.json

A round measures everything once. Every figure is the median over ``--repeats`` rounds. ``--only`` names measurements.
"""

import argparse
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog
import uvloop

from event_bench import measure, servers, table
from event_bench.bare import FLOOR_TOPIC
from event_bench.measure import Samples, Size

MEASURES: dict[str, Callable[[servers.Servers, Size], Awaitable[Samples]]] = {
    "insert": measure.inserting,
    "relay": measure.relaying,
    "consume": measure.consuming,
    "peers": measure.peers,
    "end": measure.end_to_end,
    "latency": measure.latencies,
    "urgent": measure.urgent,
}
_FULL = Size(events=50_000, slow_events=5_000, contracts=100_000, seconds=8, bulk_events=1_000_000)
_QUICK = Size(events=5_000, slow_events=500, contracts=5_000, seconds=1, bulk_events=20_000)


async def rounds(running: servers.Servers, size: Size, options: argparse.Namespace) -> table.Figures:
    """Return every sample of every figure."""
    chosen = options.only or list(MEASURES)
    await servers.prepare(running, size.events, size.contracts)
    await running.transport("kafka").ensure_topics([FLOOR_TOPIC])
    if {"consume", "peers"} & set(chosen):
        await measure.load_backlogs(running, size)
    figures: table.Figures = {}
    for n in range(options.repeats):
        for name in chosen:
            if name == "urgent" and n >= options.urgent_repeats:
                continue
            print(f"round {n + 1} of {options.repeats}: {name}, load {os.getloadavg()[0]:.1f}", file=sys.stderr)
            for figure, sample in (await MEASURES[name](running, size)).items():
                figures.setdefault(figure, []).append(sample)
            if options.json:
                options.json.write_text(json.dumps(figures, indent=1) + "\n")
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="use tiny sizes, to check that the benchmark works")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--urgent-repeats", type=int, default=1, help="number of rounds that include the bulk load of a million events"
    )
    parser.add_argument("--events", type=int, help="number of events for each throughput")
    parser.add_argument("--only", nargs="+", choices=MEASURES, metavar="NAME", help=", ".join(MEASURES))
    parser.add_argument("--json", type=Path, help="write every sample to this file")
    options = parser.parse_args()
    # SIGTERM must also stop the servers.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    size = _QUICK if options.quick else _FULL
    if options.events:
        size = Size(**{**vars(size), "events": options.events})
    with servers.running() as running:
        figures = uvloop.run(rounds(running, size, options))
    print(table.render(figures))


if __name__ == "__main__":
    main()
