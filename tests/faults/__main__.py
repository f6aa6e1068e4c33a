"""Plays all faults on all platforms until the time is up: python -m faults [--minutes M] [--seed S].

A round plays every scenario on every platform, a few on one platform, then a few on the next. The seed determines the
order. The exit code is 1 if there is any finding.
"""

import argparse
import asyncio
import random
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Sequence

from faults.platforms import PLATFORMS, started
from faults.rig import Outcome, play
from faults.scenarios import SCENARIOS, Scenario
from faults.storage import CannotMount
from recobro.kafka import KafkaFailed

_IN_A_ROW = 5


class Run:
    """The outcomes so far, and the time at which the run ends."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.outcomes: list[Outcome] = []
        self.skipped: set[str] = set()
        self._options = options
        self._ends_at: float = time.monotonic() + 60 * options.minutes

    @property
    def over(self) -> bool:
        return time.monotonic() > self._ends_at

    async def round(self, seed: str) -> None:
        if (task := asyncio.current_task()) is not None:
            # Otherwise nobody would stop the platform and its brokers.
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        left = {}
        for platform in self._options.platforms:
            left[platform] = [s for s in SCENARIOS if platform in s.platforms and s.name in self._options.scenarios]
            random.Random(f"{seed} {platform}").shuffle(left[platform])
        while any(left.values()) and not self.over:
            for platform, scenarios in left.items():
                left[platform] = scenarios[_IN_A_ROW:]
                await self._play(platform, scenarios[:_IN_A_ROW], seed)

    async def _play(self, platform: str, scenarios: list[Scenario], seed: str) -> None:
        while scenarios and not self.over:
            try:
                scenarios = await self._play_some(platform, scenarios, f"{seed} {len(self.outcomes)}")
            except (CannotMount, KafkaFailed) as why:
                self.skipped.add(f"{platform}: {why}")
                return

    async def _play_some(self, platform: str, scenarios: Sequence[Scenario], seed: str) -> list[Scenario]:
        """Play scenarios on one platform until the first finding. Return the rest, for a new platform."""
        async with started(platform, seed) as world:
            for n, scenario in enumerate(scenarios, start=1):
                outcome = await play(world, scenario, platform, writes=self._options.writes, rate=self._options.rate)
                self.outcomes.append(outcome)
                self._print(outcome)
                if outcome.findings or self.over:
                    return list(scenarios[n:])
        return []

    def _print(self, outcome: Outcome) -> None:
        faults, writes = sum(o.faults for o in self.outcomes), sum(o.acknowledged for o in self.outcomes)
        findings = sum(len(o.findings) for o in self.outcomes)
        print(
            f"{outcome.platform:<11} {outcome.scenario:<20} {outcome.seconds:6.0f} s"
            f"   so far: {faults:,} faults, {writes:,} writes acknowledged, {findings} findings",
            flush=True,
        )
        for finding in outcome.findings[:20]:
            print(f"  {finding}", flush=True)

    def table(self) -> str:
        """Return a table with a line for each scenario on each platform."""
        groups: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
        for outcome in self.outcomes:
            groups[outcome.platform, outcome.scenario].append(outcome)
        lines = ["| platform | scenario | played | faults | writes | ambiguous | findings |", "|" + "---|" * 7]
        for (platform, scenario), played in [*sorted(groups.items()), (("all", ""), self.outcomes)]:
            sums = [sum(getattr(o, name) for o in played) for name in ("faults", "acknowledged", "ambiguous")]
            figures = [len(played), *sums, sum(len(o.findings) for o in played)]
            lines.append(f"| {platform} | {scenario} | " + " | ".join(f"{figure:,}" for figure in figures) + " |")
        return "\n".join([*lines, *(f"skipped: {why}" for why in sorted(self.skipped))])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m faults", description=__doc__)
    parser.add_argument(
        "--minutes", type=float, default=60.0, help="time to run; a started scenario is always finished"
    )
    parser.add_argument("--seed", default=None, help="determines the order and every random choice; default: the time")
    parser.add_argument("--writes", type=int, default=4000, help="writes of the clients during each scenario")
    parser.add_argument("--rate", type=float, default=100.0, help="writes per second")
    parser.add_argument("--platforms", nargs="+", default=PLATFORMS, choices=PLATFORMS)
    names = [scenario.name for scenario in SCENARIOS]
    parser.add_argument("--scenarios", nargs="+", default=names, choices=names)
    return parser.parse_args()


def main() -> None:
    options = _options()
    seed = options.seed or str(int(time.time()))
    print(f"seed {seed}", flush=True)
    run = Run(options)
    rounds = 0
    try:
        while not run.over:
            rounds += 1
            asyncio.run(run.round(f"{seed} {rounds}"))
    finally:
        print(run.table(), f"seed {seed}, {rounds} rounds", sep="\n", flush=True)
    sys.exit(1 if any(outcome.findings for outcome in run.outcomes) else 0)


if __name__ == "__main__":
    main()
