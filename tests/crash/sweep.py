"""The crash sweep: every libc step of every changing command, killed, torn, or refused by the disk, and then recovered.

    python -m tests.crash.sweep [--runs N|all] [--seed S] [--only OPERATION[:STEP[:MODE]]] [--workers N] [--seconds N]

Prints a table, then each violation with the words that repeat it; exit status 1 where there is one.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tests.conftest import environment
from tests.crash.operations import OPERATIONS
from tests.crash.site import MODES, SIZE
from tests.figures import keep

_HERE = Path(__file__).parent
_CHUNK = 15  # runs that a worker is given at once

Run = tuple[float, str]  # (step, or a part of them below 1; mode)


def compiled(folder: Path) -> Path | str:
    """Return the library, made now; or why it cannot be made."""
    compiler = os.environ.get("CC") or next((one for one in ("cc", "gcc", "clang") if shutil.which(one)), None)
    if compiler is None:
        return "there is no C compiler (cc, gcc, clang)"
    if sys.platform != "linux":
        return "the library is for Linux"
    made = folder / "failpoint.so"
    words = [compiler, "-O2", "-shared", "-fPIC", "-o", str(made), str(_HERE / "failpoint.c"), "-ldl", "-lpthread"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return made if done.returncode == 0 else f"{compiler} does not make the library: {done.stderr[:300]}"


class Worker:
    """A process with a site of its own, which does one run after another."""

    def __init__(self, folder: Path, library: Path) -> None:
        folder.mkdir(parents=True)
        (folder / "tmp").mkdir()
        (folder / "shared").write_bytes(bytes(SIZE))
        (folder / "committed").touch()
        env = {
            **environment(folder),
            "LD_PRELOAD": str(library),
            "FAILPOINT_FILE": str(folder / "shared"),
            "FAILPOINT_ROOT": str(folder / "site"),
            "COMMITTED": str(folder / "committed"),
            "TMPDIR": str(folder / "tmp"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self._errors = (folder / "errors").open("w+")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.worker"],
            cwd=_HERE.parent.parent, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True,
        )  # fmt: skip

    def ask(self, **words: object) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            self._errors.seek(0)
            raise RuntimeError(f"a worker ended: {self._errors.read()[-3000:]}")
        found: dict[str, Any] = json.loads(line)
        return found

    def end(self) -> None:
        self._process.communicate()


class Sweep:
    """Hands the runs out to the workers and collects what they found."""

    def __init__(self, workers: Sequence[Worker], seconds: float) -> None:
        self._workers = workers
        self._deadline = time.monotonic() + seconds if seconds else float("inf")
        self.steps: dict[str, int] = {}
        self.results: list[dict[str, Any]] = []

    def measure(self, names: Iterable[str]) -> None:
        """Count the steps of each operation."""
        for answer in self._all([[{"operation": name}] for name in names]):
            self.steps[answer["operation"]] = answer["steps"]

    def run(self, runs: Iterable[tuple[str, Run]]) -> None:
        by_name: dict[str, list[dict[str, object]]] = {}
        for name, (at, mode) in runs:
            by_name.setdefault(name, []).append({"operation": name, "at": at, "mode": mode})
        chunks = [rows[at : at + _CHUNK] for rows in by_name.values() for at in range(0, len(rows), _CHUNK)]
        random.Random(1).shuffle(chunks)  # of a sweep that is stopped, some of each
        for answer in self._all(chunks):
            self.steps[answer["operation"]] = answer["steps"]
            self.results.append(answer)

    def _all(self, chunks: Iterable[list[dict[str, object]]]) -> list[dict[str, Any]]:
        waiting: queue.SimpleQueue[list[dict[str, object]]] = queue.SimpleQueue()
        for chunk in chunks:
            waiting.put(chunk)
        found: list[dict[str, Any]] = []
        failed: list[BaseException] = []

        def work(worker: Worker) -> None:
            try:
                while time.monotonic() < self._deadline and not failed:
                    for asked in waiting.get_nowait():
                        if time.monotonic() > self._deadline:
                            return
                        found.append(worker.ask(**asked))
                        _say(found[-1], len(found))
            except queue.Empty:
                return
            except BaseException as error:  # raised again below, in the thread that prints
                failed.append(error)

        threads = [threading.Thread(target=work, args=(worker,)) for worker in self._workers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failed:
            raise failed[0]
        return found


def _say(answer: dict[str, Any], count: int) -> None:
    """Tell of a violation at once, and now and then how far it is."""
    if answer.get("wrong") or answer.get("lost"):
        sys.stderr.write(told(answer) + "\n")
    elif "at" in answer and count % 100 == 0:
        sys.stderr.write(f"{count} runs\n")
    sys.stderr.flush()


def told(answer: dict[str, Any]) -> str:
    """Return a violation as people read it, with the words that repeat it."""
    rows = [f"ONLY='{answer['operation']}:{answer['at']}:{answer['mode']}' ({answer['step']} of {answer['steps']})"]
    rows += [f"  lost: {one}" for one in answer["lost"]]
    rows += [f"  wrong: {one}" for one in answer["wrong"]]
    rows += [f"    said: {one!r}" for one in answer["said"]]
    return "\n".join(rows)


def spread(steps: dict[str, int], runs: int | None) -> list[tuple[str, Run]]:
    """Return `runs` of all steps in all modes, evenly chosen; None: all of them."""
    every = [(name, (float(at), mode)) for name, count in steps.items() for at in range(1, count + 1) for mode in MODES]
    if runs is None or runs >= len(every):
        return every
    return [every[place * len(every) // runs] for place in range(runs)]


def sampled(runs: int, seed: str, names: Sequence[str], kinds: int) -> list[tuple[str, Run]]:
    """Return a sample by `seed`: `runs` runs of `kinds` operations, at any of their steps."""
    chance = random.Random(seed)
    chosen = chance.sample(list(names), min(kinds, len(names)))
    return [
        (chosen[place % len(chosen)], (chance.random() * 0.999999, MODES[place // len(chosen) % len(MODES)]))
        for place in range(runs)
    ]


def table(steps: dict[str, int], results: Sequence[dict[str, Any]]) -> str:
    rows = [
        "| operation | steps | runs | bytes lost | at most recoveries | violations |",
        "| --- | --: | --: | --: | --: | --: |",
    ]
    for name in sorted({one["operation"] for one in results}, key=list(OPERATIONS).index):
        of = [one for one in results if one["operation"] == name]
        rows.append(_row(name, str(steps[name]), of))
    return "\n".join([*rows, _row("all", str(sum(steps.values())), results)])


def _row(name: str, steps: str, of: Sequence[dict[str, Any]]) -> str:
    lost, wrong = (sum(bool(one[kind]) for one in of) for kind in ("lost", "wrong"))
    most = max((one["recoveries"] for one in of), default=0)
    return f"| {name} | {steps} | {len(of)} | {lost} | {most} | {wrong} |"


def main() -> int:
    asked = _arguments()
    place = Path("/dev/shm")
    top = Path(tempfile.mkdtemp(prefix="crash-", dir=place if os.access(place, os.W_OK) else None))
    try:
        return _swept(top, asked)
    finally:
        shutil.rmtree(top, ignore_errors=True)


def _swept(top: Path, asked: argparse.Namespace) -> int:
    library = compiled(top)
    if isinstance(library, str):
        sys.stdout.write(f"skipped: {library}\n")
        return 77
    began = time.monotonic()
    workers = [Worker(top / f"w{n}", library) for n in range(asked.workers)]
    try:
        sweep = Sweep(workers, asked.seconds)
        sweep.run(_chosen(asked, sweep))
    finally:
        for worker in workers:
            worker.end()
    bad = [one for one in sweep.results if one["wrong"] or one["lost"]]
    sys.stdout.write(table(sweep.steps, sweep.results) + "\n\n")
    spent = time.monotonic() - began
    sys.stdout.write(f"{len(sweep.results)} runs in {spent:.0f} s, seed {asked.seed}, {len(bad)} with a violation\n")
    for one in bad:
        sys.stdout.write(told(one) + "\n")
    lost = sum(bool(one["lost"]) for one in sweep.results)
    most = max((one["recoveries"] for one in sweep.results), default=0)
    keep(
        "crash",
        f"every libc step of {len(sweep.steps)} operations, failed in {len(MODES)} ways",
        "5,000 runs; 0 lose a byte, ended in at most 2 recoveries",
        f"{len(sweep.results)} runs: {lost} lose a byte, at most {most} recoveries, {len(bad)} violations",
    )
    return 1 if bad or not sweep.results else 0


def _chosen(asked: argparse.Namespace, sweep: Sweep) -> list[tuple[str, Run]]:
    names = list(OPERATIONS)
    if asked.only:
        name, at, mode = (*asked.only.split(":"), "", "")[:3]
        names = [one for one in names if one == name]
        if not names:
            raise SystemExit(f"there is no operation {name!r}: {', '.join(OPERATIONS)}")
        if at:
            return [(name, (float(at), one)) for one in ([mode] if mode else MODES)]
    if asked.kinds:
        return sampled(int(asked.runs), asked.seed, names, asked.kinds)
    sweep.measure(names)
    chosen = spread(sweep.steps, None if asked.runs == "all" else int(asked.runs))
    random.Random(asked.seed).shuffle(chosen)  # and within an operation, too
    return chosen


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", default="5000", help="how many, or all")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--only", default="", metavar="OPERATION[:STEP[:MODE]]")
    parser.add_argument("--kinds", type=int, default=0, help="a sample by the seed, of so many operations")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=0, help="stop after so long")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
