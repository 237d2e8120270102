"""A night of the real Claude Code: features by workflows, with hangs, floods, limits, kills and failing validations.

`python -m tests.clients.night [FEATURES [WORKFLOWS [SEED]]]`. At its end every feature is completed, or stopped for
a reason that is stated; nothing is lost and no process is left. Its sleeps are the person's.
"""

from __future__ import annotations

import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from orchestrator.adapters.agent import RUN_ID
from tests.clients import harness
from tests.clients.cases import DONE, LIMIT
from tests.clients.script import Hang, Refusal, Scene, Shell, Turn, Write, does
from tests.clients.standin import StandIn
from tests.conftest import PROGRAM, Repo, environment

ROUNDS = 60  # of `run`, then the person decides and comes back
CONFIGURATION = """\
[workflows]
glob = "line/add-feature-*.md"
[agent]
preset = "claude"
arguments = ["--allowedTools", "Bash"]
timeout = "12s"
retry_after = "2s"
[validate]
command = "test ! -e broken"
"""
_HEAD = re.compile(r"^# (\S+): workflow (\S+), phase", re.MULTILINE)
_DONE = Turn(f"Done.\n\n{DONE}")
# What goes wrong, each for a while: a trouble that came once is over at the next attempt, but for the stubborn one.
TROUBLES: dict[str, tuple[Scene, ...]] = {
    "none": (),
    "limit": (Refusal(429, "rate_limit_error", LIMIT, times=4),),
    "overloaded": (Refusal(529, "overloaded_error", "Overloaded", times=2),),
    "login": (Refusal(401, "authentication_error", "invalid x-api-key", times=4),),
    "hang": (Hang(times=1),),
    "flood": (does(Shell("yes flood | head -c 20000000")),),
    "kill": (does(Shell("[ -e killed ] || { touch killed; kill -9 $PPID; }")),),
    "daemon": (does(Shell("setsid sh -c 'sleep 600 & sleep 600' >/dev/null 2>&1 & echo started")),),
    "breaks": (does(Shell("if [ -e tried ]; then rm -f broken; else touch tried broken; fi")),),
    "stubborn": (does(Shell("touch broken; date +%N >stubborn.txt")),),
}
WEIGHTS = {"none": 10, "stubborn": 0.6}


def called(prompt: str) -> str | None:
    """Return the play of a brief: its feature and workflow."""
    found = _HEAD.findall(prompt)
    return "-".join(found[-1]) if found else None


def plays(features: Sequence[str], workflows: int, chance: random.Random) -> dict[str, tuple[Scene, ...]]:
    found = {}
    for feature in features:
        for number in range(1, workflows + 1):
            trouble = chance.choices(list(TROUBLES), [WEIGHTS.get(name, 1) for name in TROUBLES])[0]
            work = does(Write(f"{feature}-{number}.txt", f"{feature} {number} {trouble}\n"))
            commit = does(Shell(f"git add {feature}-{number}.txt && git commit --quiet -m 'work {number}'"))
            found[f"{feature}-{number}"] = (work, *TROUBLES[trouble], commit, _DONE)
    return found


def line(workflows: int) -> dict[str, str]:
    """Return the documents, one phase each; the one in the middle stops for a person."""
    gate = "\n\nAsk the user for approval before you go on.\n"
    return {
        f"{number}-work": f"# Part {number}\n\n## Phase 1: Do\n\nDo part {number}.{gate if number == workflows // 2 else ''}"
        for number in range(1, workflows + 1)
    }


class Night:
    """A repository with features in flight, and the person who looks in now and then."""

    def __init__(self, folder: Path, features: int, workflows: int, seed: int) -> None:
        self.resumed: Counter[tuple[str, str]] = Counter()
        self.features = [f"f{number}" for number in range(1, features + 1)]
        self.standin = StandIn(plays(self.features, workflows, random.Random(seed)), called)
        home = folder / "home"
        env = {
            **environment(home),
            **harness.environment(home, self.standin.url),
            **harness.claude(home, self.standin.url),
        }
        path = f"{harness.PROGRAMS}:{PROGRAM.parent}:{env['PATH']}"
        self.repo = Repo(folder / "shop", {**env, "PATH": path, "PWD": str(folder / "shop")})
        self.repo.starts_anew = True
        self.repo.found(line(workflows), "", CONFIGURATION)
        self.repo.commit("begin")
        self.repo.write(".git/info/exclude", ".context/\nbroken\ntried\nkilled\n")
        for feature in self.features:
            self.repo.run("start", feature)

    def states(self) -> dict[str, dict[str, Any]]:
        return {feature: self.repo.state(feature) for feature in self.features}

    def play(self) -> None:
        """Run until nothing moves any more; the person approves what waits and resumes what only they can."""
        with self.standin:
            for _ in range(ROUNDS):
                done = self.repo.call("run", "-j", "2")
                if "this is a bug" in done.stderr:
                    raise SystemExit(done.stderr)
                states = self.states()
                if any(state["status"] == "paused" for state in states.values()):
                    self.repo.sit("APPROVE ALL")
                elif not self._resumed(states):
                    return

    def _resumed(self, states: dict[str, dict[str, Any]]) -> bool:
        """Do what a person does about the parked ones, and no more than thrice about the same; tell whether it moves."""
        parked = [feature for feature, state in states.items() if state["status"] == "blocked"]
        parked = [one for one in parked if states[one]["paused_until"] or self._is_worth_it(one, states[one])]
        for feature in parked:
            if not states[feature]["paused_until"]:
                self.repo.run("resume", feature, check=None)
        time.sleep(2.5 if parked else 0)
        return bool(parked)

    def _is_worth_it(self, feature: str, state: dict[str, Any]) -> bool:
        self.resumed[feature, state["notes"][-1]["note"]] += 1
        return self.resumed[feature, state["notes"][-1]["note"]] <= 3

    def findings(self) -> list[str]:
        """Return what is wrong at the end, none where nothing is."""
        found = []
        for feature, state in self.states().items():
            if state["status"] == "completed":
                head = self.repo.git("ls-tree", "--name-only", state["branch"]).split()
                found += [f"{feature}: {name} is lost" for name in self._written(feature) if name not in head]
            elif state["status"] == "active":
                found.append(f"{feature} could go on, and does not")
            elif not state["notes"] and not (state["status"] == "failed" and self._is_rolled_back(feature)):
                found.append(f"{feature} is {state['status']} for no reason that is stated")
        done = self.repo.call("verify")
        found += [f"verify: {done.stdout}{done.stderr}"] if done.returncode else []
        return [*found, *(f"left: {one}" for one in self._left())]

    def _is_rolled_back(self, feature: str) -> bool:
        return any(one["feature"] == f"feat-{feature}" for one in self.repo.events("rollback_executed"))

    def _written(self, feature: str) -> list[str]:
        return [f"{play}.txt" for play in self.standin.plays if play.startswith(f"{feature}-")]

    def _left(self) -> list[str]:
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                environ = process.environ()
                if environ.get("HOME") == self.repo.env["HOME"] and RUN_ID in environ:
                    found.append(" ".join(process.cmdline()))
        return found


def main(features: int = 5, workflows: int = 12, seed: int = 1) -> int:
    """Play a night; print how it ended and what is wrong with that."""
    with tempfile.TemporaryDirectory(prefix="night-") as folder:
        night = Night(Path(folder), features, workflows, seed)
        begun = time.monotonic()
        night.play()
        kinds = Counter(event["event_type"] for event in night.repo.events())
        ends = Counter(event["payload"]["ended"] for event in night.repo.events("agent_ended"))
        findings = night.findings()
        status = Counter(state["status"] for state in night.states().values())
        sys.stdout.write(f"{features} features, {workflows} workflows, seed {seed}: {time.monotonic() - begun:.0f} s\n")
        sys.stdout.write(f"features: {dict(status)}\ncalls: {dict(ends)}\nevents: {dict(kinds)}\n")
        sys.stdout.writelines(f"wrong: {one}\n" for one in findings)
        return int(bool(findings))


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:4])))
