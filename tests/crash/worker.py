"""Runs one operation after another with one step failing, recovers, and says what does not hold.

Started by `sweep.py` with the library preloaded; reads one request a line, writes one answer a line (JSON).
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import pkgutil
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orchestrator
from orchestrator import cli
from tests.crash.facts import Facts, findings, look, reachable
from tests.crash.operations import OPERATIONS, PAYMENT, Operation, base, build
from tests.crash.site import Ended, Failpoint, Site

# What an interrupted attempt, or one whose agent met the fault, may leave beside the facts of an undisturbed one.
_OF_WORK = {
    "attempt_interrupted", "attempt_failed", "phase_started", "checkpoint_created", "branch_moved", "feature_paused",
    "feature_resumed",
}  # fmt: skip
_OF_A_KILLED_AGENT = {"checkpoint_created", "branch_moved", "phase_started"}  # an agent may commit twice, or once
_OF_ANY = {"log_repaired", "note_added", "branch_moved"}
_TRACES = ("Traceback", "this is a bug")
_OUTCOMES = ("passed", "waits at a gate", "rolled back")
_WELL = (0, 10, 11)
_LOCK = re.compile(r"(/\S+\.lock)\b(?=.* stay| is there)")
_GROWING = (b"_attempts.log", b"_decisions.md", b"_workflow-progress.md")  # files that a step writes a line to


class Scene:
    """An operation at its site: as it is before, and as it is after an undisturbed run."""

    def __init__(self, operation: Operation, site: Site, kept: Path, committed: Path) -> None:
        self.operation = operation
        self.site = site
        self.kept = kept
        self.committed = committed
        self.before = look(site, deeply=True)
        site.save(kept)
        self.plain = self._call()
        if self.plain.status not in _WELL:
            raise RuntimeError(f"{operation.name}: {self.plain}")
        self.middle = look(site)
        self._ask("status")
        self.after = look(site)
        checked = self._ask("verify", "--json")
        self.known = {one.split(" ")[0] for one in findings(checked.out)}  # of the outside: the same in each run

    def _call(self, mode: str = "", at: int = 0) -> Ended:
        one = self.operation
        return self.site.run(one.words, mode, at, git=one.git, where=one.where, typed=one.typed)

    def _ask(self, *words: str) -> Ended:
        return self.site.run(words)

    def run(self, mode: str, at: int) -> dict[str, object]:
        """Fail one step, recover, and return what was found."""
        self.site.put(self.kept)
        self.committed.write_bytes(b"")
        said: list[Ended] = []
        wrong: list[str] = []
        lost: list[str] = []
        recoveries = 0
        try:
            said.append(self._call(mode, at))
            recoveries = self._recover(said, wrong)
            lost += self._check(said, wrong)
        except (TimeoutError, RuntimeError, OSError, ValueError, subprocess.CalledProcessError) as error:
            wrong.append(f"{type(error).__name__}: {error}")
        rows = [f"{one.status} {one.out[-300:]}{one.err[-600:]}" for one in said] if wrong or lost else []
        return {
            "operation": self.operation.name, "mode": mode, "at": at, "steps": self.plain.steps, "wrong": wrong,
            "lost": lost, "recoveries": recoveries, "step": said[0].step if said else "", "said": rows,
        }  # fmt: skip

    def _recover(self, said: list[Ended], wrong: list[str]) -> int:
        """Do what a person does next; return how many commands it took until the end was reached."""
        first = look(self.site)
        self._check_log(first, wrong)
        if self._is_claimed(said[0]) and (missing := self._missing(first)):
            wrong.append(f"it exited {said[0].status} without its effect: {missing}")
        parked = self._parked(first)
        if parked:
            return self._resume(parked, first, said, wrong)
        said.append(self._ask("status"))
        self._expect_well(said[-1], wrong)
        self._take_locks_away(said[-1].out)
        if not self._missing(look(self.site)):
            return 1 if self._missing(first) else 0
        said.append(self._again())
        third = look(self.site)
        if self._parked(third) and self._take_locks_away(said[-1].out):
            return self._resume(self._parked(third), third, said, wrong)
        self._expect_well(said[-1], wrong)
        if missing := self._missing(third):
            wrong.append(f"after two recoveries: {missing}")
        return 2

    def _resume(self, parked: str, facts: Facts, said: list[Ended], wrong: list[str]) -> int:
        """Let a feature go on that was parked because its agent met the fault: its attempts begin anew."""
        self._take_locks_away(" ".join(facts.states[parked]["notes"]))
        for words in (("resume", parked), ("next", parked)):
            said.append(self._ask(*words))
            self._expect_well(said[-1], wrong)
        if again := self._parked(look(self.site)):
            wrong.append(f"{again} is parked again")
        return 2

    def _again(self) -> Ended:
        """Call the operation again; a commit that is made is not made twice: then any command that writes."""
        if self.operation.git and self.site.git("log", "-1", "--format=%s", where=PAYMENT).strip() == "by hand":
            return self._ask("note", "payment", "what was committed is taken in")
        if self.operation.git:  # it is the user's own git whose locks are left, and the user who takes them away
            for lock in (self.site.shop / ".git").rglob("*.lock"):
                if "orchestrator" not in lock.parts:
                    lock.unlink()
        return self._call()

    def _take_locks_away(self, text: str) -> bool:
        """Do what a person does who is told of a lock that a git left which the kit did not start."""
        names = [name for name in _LOCK.findall(text) if Path(name).exists()]
        for name in names:
            Path(name).unlink()
        return bool(names)

    def _is_claimed(self, ended: Ended) -> bool:
        """Tell whether a command said that it did what it is for; a step also ends well when its agent failed."""
        if ended.status not in _WELL or self.operation.git or "shown is the last recorded state" in ended.err:
            return False
        if not self.operation.is_work:
            return True
        return any(word in ended.out and word in self.plain.out for word in _OUTCOMES)

    def _parked(self, facts: Facts) -> str:
        """Return which feature the kit parked, where an undisturbed run parks none."""
        if not self.operation.is_work:
            return ""
        found = (slug for slug, state in facts.states.items() if state["status"] == "blocked")
        return next((slug for slug in found if self.middle.states[slug]["status"] != "blocked"), "")

    @property
    def whole(self) -> bytes:
        """The log of before, without what was torn at its end from the beginning."""
        return self.before.log[: self.before.problem.offset] if self.before.problem else self.before.log

    def _missing(self, facts: Facts) -> str:
        """Return what an undisturbed end has and this one has not; an empty string where nothing is missing."""
        gone = self.middle.events - facts.events
        if self.operation.name == "verify --repair" and not list((self.site.shop / ".context").glob("*.db.aside-*")):
            gone = Counter(
                {key: n for key, n in gone.items() if key != ("None", "note_added")}
            )  # `status` made it anew
        if self.operation.is_work:
            gone = Counter({key: n for key, n in gone.items() if key[1] not in _OF_A_KILLED_AGENT})
        if gone:
            return f"events {dict(gone)}"
        if self.operation.name == "verify --repair":
            left = [one for one in findings(self._ask("verify", "--json").out) if one.split(" ")[0] not in self.known]
            if left:
                return f"what verify still names: {left}"
        if self.operation.name == "init --remove" and (self.site.log.parent / "init.json").exists():
            return "init's own record is still there"
        for slug, state in self.middle.states.items():
            there = facts.states.get(slug, {})
            differing = {key for key in state if state[key] != there.get(key)}
            if self.operation.is_work:
                differing -= {"attempts", "notes"}
            called_off = facts.events["feat-payment", "rollback_aborted"]
            if called_off or self.operation.name in ("verify --repair", "post-commit"):
                differing -= {"notes"}
            if differing:
                return f"{slug}: { ({key: (there.get(key), state[key]) for key in differing}) }"
        return "" if self.operation.is_work else self._missing_files(facts)

    def _missing_files(self, facts: Facts) -> str:
        made = {name: one for name, one in self.middle.files.items() if self.before.files.get(name) != one}
        names = [name for name, one in made.items() if facts.files.get(name) != one and not name.endswith(_GROWING)]
        gone = [name for name in self.before.files.keys() - self.middle.files.keys() if name in facts.files]
        return f"files {names or gone}" if names or gone else ""

    def _expect_well(self, one: Ended, wrong: list[str]) -> None:
        if one.status not in _WELL:
            wrong.append(f"a recovery ended with {one.status}: {one.err[-300:]}")

    # --- what must hold in the end ---------------------------------------------------------------

    def _check(self, said: list[Ended], wrong: list[str]) -> list[str]:
        """Check all that must hold in the end; return what was lost."""
        said.append(self._ask("verify", "--json"))
        if said[-1].status != 0:
            wrong.append(f"verify exits {said[-1].status}: {said[-1].err[-300:]}")
        found = findings(said[-1].out)
        told = {"V706"} if self.operation.name == "post-commit" else set()  # that a hook failed, which nobody saw
        wrong.extend(f"verify: {one}" for one in found if one.split(" ")[0] not in {*self.known, *told})
        end = look(self.site, deeply=True)
        self._check_log(end, wrong)
        if end.problem is not None:
            wrong.append(f"the log does not hold: {end.problem}")
        self._check_once(end, wrong)
        self._check_other(end, wrong)
        wrong.extend(f"a traceback: {one.err[-500:]}" for one in said if any(trace in one.err for trace in _TRACES))
        for trace in self.site.top.parent.glob("tmp/orchestrator-crash-*"):
            wrong.append(trace.read_text()[-1500:])
            trace.unlink()
        return self._lost(end)

    def _check_log(self, facts: Facts, wrong: list[str]) -> None:
        if not facts.log.startswith(self.whole):
            wrong.append("the log of before is no beginning of the log")
        repaired = sum(n for (_, kind), n in facts.events.items() if kind == "log_repaired")
        pieces = list(self.site.log.parent.glob("events.torn-*"))
        if len(pieces) < repaired:
            wrong.append(f"log_repaired is recorded {repaired} times, and {len(pieces)} pieces are there")

    def _check_once(self, end: Facts, wrong: list[str]) -> None:
        allowed = _OF_ANY | (_OF_WORK if self.operation.is_work or self.operation.git else set())
        if end.events["feat-payment", "rollback_aborted"]:  # called off, and ordered again
            allowed |= {"rollback_aborted", "rollback_ordered"}
        if end.events["feat-payment", "feature_resumed"] > self.after.events["feat-payment", "feature_resumed"]:
            return  # a step more was done
        twice = {key: n for key, n in (end.events - self.after.events).items() if key[1] not in allowed}
        if twice:
            wrong.append(f"recorded more than once: {twice}")

    def _check_other(self, end: Facts, wrong: list[str]) -> None:
        """Compare all that is another feature's with what it was."""
        if "landing" not in self.before.states or self.operation.name == "verify --repair":
            return
        if end.states["landing"] != self.before.states["landing"]:
            wrong.append("the state of landing changed")
        for what, old, new in (("refs", self.before.refs, end.refs), ("files", self.before.files, end.files)):
            if _of_landing(old) != _of_landing(new):
                wrong.append(f"{what} of landing changed")
        if end.staged["landing"] != self.before.staged["landing"]:
            wrong.append("the index of landing changed")

    def _lost(self, end: Facts) -> list[str]:
        """Return what was written before and is nowhere any more: in no file, no index and behind no ref."""
        present = {*end.files.values(), *(one for staged in end.staged.values() for one in staged)}
        wanted = {
            name: one for name, one in self.before.files.items() if one not in present and not self._is_meant(name)
        }
        staged = {one for blobs in self.before.staged.values() for one in blobs} - present
        committed = set(self.committed.read_text().split())
        if not (wanted or staged or committed):
            return []
        held = reachable(self.site)
        gone = [os.fsdecode(name) for name, one in wanted.items() if one not in held and not self._is_grown(name, held)]
        gone += [f"commit {one}" for one in committed if one not in held]
        return gone + [f"staged {one}" for one in staged if one not in held]

    def _is_meant(self, name: bytes) -> bool:
        """Tell whether the operation is for changing a file; then its end is compared with the undisturbed one."""
        return not self.operation.is_set_up and self.middle.files.get(name) != self.before.files[name]

    def _is_grown(self, name: bytes, held: dict[str, str]) -> bool:
        """Tell whether all that a file held stands at the beginning of it now, or of what a ref holds of it."""
        was = content(self.kept, name)
        there = Path(os.fsdecode(os.path.join(os.fsencode(self.site.top), name)))  # noqa: PTH118
        if there.exists() and there.read_bytes().startswith(was):
            return True
        last = os.fsdecode(name.rpartition(b"/")[2])
        return any(self.site.blob(one).startswith(was) for one, path in held.items() if path.endswith(last))


def _of_landing(found: Mapping[Any, str]) -> dict[str, str]:
    named = {os.fsdecode(name): one for name, one in found.items()}
    return {name: one for name, one in named.items() if "/landing" in name or "/feat-landing_" in name}


def content(top: Path, name: bytes) -> bytes:
    with open(os.path.join(os.fsencode(top), name), "rb") as file:  # noqa: PTH118,PTH123
        return file.read()


def warm(site: Site) -> None:
    """Import all that a command would, and let what is slow the first time have been used."""
    for one in pkgutil.walk_packages(orchestrator.__path__, "orchestrator."):
        if one.name != "orchestrator.__main__" and ".templates" not in one.name:
            importlib.import_module(one.name)
    for name in ("jq", "psutil", "yaml", "markdown_it", "rich.console", "rich.table", "sqlite3", "filelock", "json"):
        importlib.import_module(name)
    silent = io.StringIO()
    with contextlib.chdir(site.shop), contextlib.redirect_stdout(silent), contextlib.redirect_stderr(silent):
        for words in (["status"], ["verify"]):
            cli._run(words)


def main() -> None:
    top = Path(os.environ["FAILPOINT_ROOT"])
    site = Site(top, Failpoint(Path(os.environ["FAILPOINT_FILE"])), sys.executable)
    committed = Path(os.environ["COMMITTED"])
    seed = top.parent / "seed"
    base(site)
    warm(site)
    site.save(seed)
    scenes: dict[str, Scene] = {}
    for line in sys.stdin:
        asked = json.loads(line)
        name = asked["operation"]
        if name not in scenes:
            operation = OPERATIONS[name]
            build(site, operation, seed)
            scenes[name] = Scene(operation, site, top.parent / "kept" / name.replace(" ", ""), committed)
        steps = scenes[name].plain.steps
        if "at" not in asked:
            answer: dict[str, object] = {"operation": name, "steps": steps}
        else:
            at = int(asked["at"]) if asked["at"] >= 1 else 1 + int(asked["at"] * steps)
            answer = scenes[name].run(asked["mode"], at)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
