"""`make machine`: the state machine at length; prints what it did as a table and exits 1 where anything is violated."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
from pathlib import Path

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.conftest import sealed
from tests.figures import keep
from tests.machine.machine import of
from tests.machine.shop import seeded


def main() -> int:
    """Run EXAMPLES sequences of STEPS steps each, the same ones for the same SEED."""
    parser = argparse.ArgumentParser(prog="make machine")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--examples", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--shrink", action="store_true", help="look for the shortest sequence that fails")
    asked = parser.parse_args()
    began, failed = time.monotonic(), 0
    with tempfile.TemporaryDirectory() as folder, sealed(Path(folder)) as env:
        seeded(Path(folder) / "seed/shop", env)
        machine = of(Path(folder) / "seed/shop", env)
        phases = (Phase.generate, Phase.shrink) if asked.shrink else (Phase.generate,)
        wanted = settings(
            max_examples=asked.examples, stateful_step_count=asked.steps, deadline=None, database=None, phases=phases,
            suppress_health_check=list(HealthCheck), print_blob=False,
        )  # fmt: skip
        try:
            run_state_machine_as_test(seed(asked.seed)(machine), settings=wanted)
        except KeyboardInterrupt:
            sys.stderr.write("interrupted; what was done until then:\n")
        except Exception:
            traceback.print_exc()
            failed = 1
    rows = [f"| {name} | {count} |" for name, count in sorted(machine.figures.items())]
    rows += [f"| violations | {failed} |", f"| seconds | {time.monotonic() - began:.0f} |"]
    head = f"--hypothesis-seed={asked.seed}: {asked.examples} sequences of {asked.steps} steps\n\n| what | times |\n| --- | ---: |\n"
    sys.stdout.write(head + "\n".join(rows) + "\n")
    count = machine.figures["commands"]
    keep(
        "machine", "random sequences of commands, git operations, edits and faults, looked at after each command",
        "0 violations", f"{failed} violations in {machine.figures['sequences']} sequences, {count:,} commands",
    )  # fmt: skip
    return failed


if __name__ == "__main__":
    sys.exit(main())
