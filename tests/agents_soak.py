"""`make agents-soak`: agents that will not end are ended whole, and a flood of output costs little memory.

RUNS (of each kind) and FLOOD (bytes) come from the environment.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from tests.adapters.test_agent import DAEMON, IMMUNE, Bench, living
from tests.figures import keep

LIMIT = 0.3  # seconds that an agent has; a slow machine needs more for 200 children
MEMORY = 64 << 10  # KiB that a flood may cost
KINDS = {
    "hangs": ("exec sleep 600", LIMIT),
    "ignores SIGTERM": (IMMUNE + "while :; do sleep 600; done", LIMIT),
    "forks twice into a session of its own": (f"{sys.executable} -I -S daemon.py /dev/null; exec sleep 600", 4 * LIMIT),
    "has 200 children that ignore SIGTERM": (
        IMMUNE + "i=0; while [ $i -lt 200 ]; do (exec sleep 600) & i=$((i+1)); done; wait",
        8 * LIMIT,
    ),
}


def left(kind: str, runs: int) -> int:
    """Run an agent of a kind so many times to its time limit; return how many processes were left in all."""
    script, limit = KINDS[kind]
    found = 0
    for _ in range(runs):
        with tempfile.TemporaryDirectory(prefix="agents-soak-") as folder:
            bench = Bench(Path(folder))
            (bench.directory / "daemon.py").write_text(DAEMON)
            ran = bench.shell(script, limit=limit, grace=0.2)
            remaining = living(bench.run_id)
            found += len(remaining) + (not ran.timed_out)
            for pid in remaining:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
    return found


def flood(size: int) -> tuple[int, int]:
    """Have an agent print `size` bytes; return how many arrived, and by how many KiB the peak of memory rose."""
    with tempfile.TemporaryDirectory(prefix="agents-soak-") as folder:
        bench = Bench(Path(folder))
        bench.shell("echo warm")
        before = _peak()
        ran = bench.shell(f"head -c {size} /dev/zero", limit=600.0)
        return ran.output_bytes, _peak() - before


def _peak() -> int:
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    if found is None:
        raise SystemExit("the memory's peak is not in /proc/self/status")
    return int(found[1])


def main() -> int:
    """Print the table; return 1 where a process was left, or the flood was lost or cost too much."""
    runs, size = int(os.environ.get("RUNS") or 100), int(os.environ.get("FLOOD") or 1_000_000_000)
    arrived, cost = flood(size)
    rows = [(kind, left(kind, runs)) for kind in KINDS]
    sys.stdout.write("| an agent that | runs | processes left |\n| --- | --- | --- |\n")
    sys.stdout.writelines(f"| {kind} | {runs} | {count} |\n" for kind, count in rows)
    sys.stdout.write(
        f"\n| bytes printed | counted | KiB of memory more |\n| --- | --- | --- |\n| {size} | {arrived} | {cost} |\n"
    )
    total = sum(count for _, count in rows)
    what = "agents that hang, ignore SIGTERM, fork twice, have 200 children; a flood of output"
    reached = f"{total} left in {runs} runs of each; {cost / 1024:.1f} MiB for {size:,} bytes"
    keep("agents-soak", what, "0 processes left; 64 MiB for 1 GB", reached)
    return int(any(count for _, count in rows) or arrived != size or cost > MEMORY)


if __name__ == "__main__":
    sys.exit(main())
