"""Random sequences of commands, git operations, hand edits and faults, looked at after each command of the kit.

The model is small: what was written, what states were at each event, what was there before a rollback, and which
findings of `verify` the faults so far account for.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.machine.shop import SLUGS, STATE, Shop

FEATURES = st.sampled_from(SLUGS)
MOODS = st.sampled_from(["work", "commit", "twice", "fail", "invalid", "ask", "busy", "dirt", "idle"])
# What is found after a fault and goes with the next command or with `verify --repair`, by fault.
NAMED = {
    "lose the database": {"V110"},
    "break the database": {"V111"},
    "lose a state": {"V201"},
    "break a state": {"V202"},
    "lose the fold": {"V107"},
    "break the fold": {"V107"},
    "flip a bit of the fold": {"V107"},
    "tear the log": {"V103"},
    "lose the second name": {"V108"},
    "lose a tag": {"V304"},
    "lose a checkpoint's ref": {"V301"},
    "lose a backup": {"V501"},
    "lose the newest backup": {"V503"},
    "break a backup": {"V502"},
}
# What may be found at any time, for it is no fault: set-aside files, a torn end that was, changes that wait, hooks.
ALWAYS = frozenset({"V113", "V208", "V804"})
KILLED = frozenset(
    {"V110", "V201", "V203", "V204", "V306", "V321", "V401", "V402", "V405", "V503", "V504", "V601", "V602", "V604"}
)
REPAIRED = frozenset(
    {
        "V110",
        "V113",
        "V201",
        "V202",
        "V203",
        "V204",
        "V304",
        "V301",
        "V403",
        "V501",
        "V502",
        "V503",
        "V504",
        "V601",
        "V602",
    }
)


class Machine(RuleBasedStateMachine):
    """One repository and its user; `seed` and `env` are set by `of`."""

    seed: Path
    env: dict[str, str]
    figures: Counter[str]

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="machine-"))
        shutil.copytree(self.seed, self.folder / "top/shop", symlinks=True)
        self.shop = Shop(self.folder / "top/shop", self.env)
        self.count = 0
        self.started: list[str] = []
        self.retired: list[str] = []
        self.moments: dict[int, dict[str, Any]] = {}  # states as they were written, by the last event then
        self.before: dict[str, tuple[dict[str, str], dict[str, Any]]] = {}  # what an undo is to bring back
        self.edits: dict[str, str] = {}  # words in state files that no command has seen yet, by the slug
        self.tolerated: set[str] = set()
        self.is_settled = False  # whether nothing happened since the last command of the kit

    def teardown(self) -> None:
        self.figures["sequences"] += 1
        try:
            if self.started:
                self.command("verify", "--repair", accept=(0, 1))
                self.look()
        finally:
            shutil.rmtree(self.folder)

    # --- the user's hands ------------------------------------------------------------------------

    def token(self) -> str:
        self.count += 1
        return f"token-{self.count}-"

    def happens(self, what: str) -> None:
        self.figures[what] += 1
        self.is_settled = False

    def mood(self, mood: str) -> None:
        (self.shop.root / ".git/mood").write_text(f"{mood} {self.token()}\n")

    def alive(self, slug: str) -> bool:
        return slug in self.started and self.shop.is_there(slug)

    def state(self, slug: str) -> dict[str, Any]:
        return self.shop.state(slug)

    # --- a command of the kit and what is looked at after it -----------------------------------------

    def command(self, *words: str, accept: tuple[int, ...] = (0, 1, 10, 11), slug: str = "") -> tuple[int, str, str]:
        """Run a command; whatever it says, nothing is lost, no other feature is touched, all copies are as the log."""
        with self.watched(slug, words[0]):
            done = self.shop.inside(*words)
        status, _, err = done
        assert "this is a bug" not in err, err
        assert status in accept, (words, done)
        assert status != 1 or err.startswith("orchestrator: "), (words, done)
        return done

    @contextmanager
    def watched(self, slug: str, name: str) -> Iterator[None]:
        shop, others = self.shop, [one for one in self.started if one != slug] if slug else []
        kept = shop.kept()
        work = {one: shop.work(one) for one in others}
        ours = {one: shop.kit_of(one) for one in others} if self.is_settled else {}
        lines = shop.whole_lines()
        yield
        self.figures[name] += 1
        self.figures["commands"] += 1
        lost = kept - shop.kept()
        assert not lost, f"{name} lost {sorted(lost)}"
        for one in others:
            same(shop.work(one), work[one], f"{name} {slug} touched the work of {one}")
        for one in ours:
            same(shop.kit_of(one), ours[one], f"{name} {slug} touched what is kept of {one}")
        assert shop.whole_lines().startswith(lines), "a line of the log is not what it was"

    def look(self) -> None:
        """Look at everything that is made from the log, and ask `verify`."""
        shop = self.shop
        events = shop.lines()
        if shop.is_torn():  # only a command that writes sets it aside; one that shows takes nothing in until then
            assert any(name.startswith("V103") for name in shop.findings()), "verify does not name the torn end"
            return
        cold = shop.cold()
        assert shop.warm() == cold, "the kept fold is not what the log says"
        for path, content in shop.states(cold).items():
            assert Path(path).is_file(), f"{path} is missing"
            assert Path(path).read_bytes() == content, f"{path} is not what the log says"
        keys = ("id", "feature", "event_type", "workflow", "phase")
        wanted = [
            (*(one[key] for key in keys), {"actor": one["actor"], **one["payload"]}, one["timestamp"]) for one in events
        ]
        assert shop.rows() == wanted, "SQLite is not what the log says"
        for one in events:
            if one["event_type"] == "checkpoint_created":
                ref = f"refs/orchestrator/checkpoint/{one['feature'].removeprefix('feat-')}/{one['payload']['n']}"
                if f"V301 {ref}" not in self.tolerated:
                    assert shop.ask("rev-parse", ref) == one["payload"]["commit"], f"checkpoint {ref} is lost"
        self.moments[len(events)] = {one: self.state(one) for one in self.started if one not in self.retired}
        for slug, word in list(self.edits.items()):
            aside = shop.root.parent.rglob(f"feat-{slug}{STATE}.*")
            known = word in shop.log.read_text() or any(word in path.read_text(errors="replace") for path in aside)
            assert known, f"what was written into the state of {slug} is lost"
            del self.edits[slug]
        found = shop.findings()
        strange = {
            name: what
            for name, what in found.items()
            if name.split()[0] not in ALWAYS | {one.split()[0] for one in self.tolerated}
        }
        assert not strange, strange
        self.is_settled = True
        self.figures["looks"] += 1

    def past(self, pick: int) -> None:
        """Replay a prefix and compare it with what was written then."""
        ids = sorted(self.moments)
        then = ids[pick % len(ids)]
        features = self.shop.shown("replay", "--at", f"#{then}")["features"]
        found = {one["feature"].removeprefix("feat-"): one for one in features}
        for slug, state in self.moments[then].items():
            assert found[slug] == state, f"event {then} of {slug} is replayed differently"
        self.figures["prefixes"] += 1

    def done(self, *words: str, slug: str = "", accept: tuple[int, ...] = (0, 1, 10, 11)) -> tuple[int, str, str]:
        """Run a command that takes in what happened, and look."""
        was_settled, head = self.is_settled, self.shop.whole_lines().count(b"\n")
        found = self.command(*words, slug=slug, accept=accept)
        if slug and found[0] == 0:
            self.before.pop(slug, None)
        if found[0] == 1 and was_settled and words[0] not in ("verify", "approve"):
            left = {one["event_type"] for one in self.shop.lines()[head:]}
            assert left <= {"rollback_ordered", "rollback_aborted", "note_added", "state_edited", "gate_reached"}, (
                words,
                found,
                left,
            )
        self.look()
        return found

    # --- commands --------------------------------------------------------------------------------

    @initialize(names=st.sampled_from([SLUGS, SLUGS, SLUGS[:2], SLUGS[:1]]), steps=st.integers(0, 4))
    def first(self, names: tuple[str, ...], steps: int) -> None:
        for slug in names:
            self.start(slug)
        for step in range(steps):
            self.next_of(names[step % len(names)], "commit")

    @rule(slug=FEATURES)
    def start(self, slug: str) -> None:
        words = ("--checkout",) if slug == "tree" else ()
        status, _, err = self.command("start", slug, *words)
        if status == 0:
            self.started.append(slug)
        else:
            assert slug in self.started or any(
                word in err for word in ("checked out", "uncommitted", "orchestrator.toml:")
            ), err
        self.look()

    @rule(slug=FEATURES, mood=MOODS)
    def next_of(self, slug: str, mood: str) -> None:
        if slug not in self.started:
            return
        self.mood(mood)
        status, out, _ = self.done("next", slug, "--json", slug=slug)
        if status == 0:
            outcome = json.loads(out)["outcome"]
            self.figures[f"next: {outcome}"] += 1
            state = self.state(slug)
            wanted = {
                "passed": ("active", "completed"),
                "failed": ("active",),
                "gate": ("paused",),
                "parked": ("blocked",),
                "rolled_back": ("failed",),
            }
            assert state["status"] in wanted.get(outcome, (state["status"],)), (outcome, state)
            assert (state["gate"] is not None) == (outcome == "gate"), (outcome, state)
            if outcome == "rolled_back":
                assert self.shop.ask("rev-parse", f"feat/{slug}") == state["rollback_points"][-1]["commit"]

    @rule(mood=MOODS)
    def next_of_any(self, mood: str) -> None:
        self.mood(mood)
        self.before.clear()
        self.done("next")

    @rule(mood=st.sampled_from(["work", "commit", "ask", "fail"]))
    def run(self, mood: str) -> None:
        self.mood(mood)
        self.before.clear()
        self.done("run", "-j", "1", accept=(1, 10, 11))

    @rule(slug=FEATURES)
    def brief(self, slug: str) -> None:
        if slug in self.started:
            self.done("brief", slug, slug=slug)

    @rule(slug=FEATURES, how=st.sampled_from(["--ok", "--fail"]))
    def report(self, slug: str, how: str) -> None:
        if slug in self.started:
            self.done("report", slug, how, slug=slug)

    @rule(slug=FEATURES)
    @precondition(lambda self: self.started)
    def approve(self, slug: str) -> None:
        if not self.is_settled:
            return
        waiting = [one for one in self.started if one not in self.retired and self.state(one)["gate"]]
        if not waiting:
            return
        with self.watched("", "approve"):
            self.shop.sit("APPROVE ALL")
        assert self.shop.sat == 0
        self.before.clear()
        self.look()
        assert all(self.state(one)["gate"] is None for one in waiting)

    @rule(slug=FEATURES, place=st.sampled_from(["", "1", "1/1"]))
    def reject(self, slug: str, place: str) -> None:
        if slug in self.started:
            status, _, _ = self.done("reject", slug, "-m", "not yet", *(("--to", place) if place else ()), slug=slug)
            assert status != 0 or (self.state(slug)["gate"], self.state(slug)["status"]) == (None, "active")

    @rule(slug=FEATURES)
    def checkpoint(self, slug: str) -> None:
        if slug not in self.started:
            return
        status, _, _ = self.done("checkpoint", slug, slug=slug)
        if status == 0:
            point = self.state(slug)["rollback_points"][-1]
            assert point["commit"] == self.shop.ask("rev-parse", f"feat/{slug}")
            assert (self.shop.root / point["backup"]).is_file()

    @rule(slug=FEATURES, to=st.integers(0, 9), settles=st.booleans())
    def rollback(self, slug: str, to: int, settles: bool) -> None:
        if slug not in self.started or slug in self.retired:
            return
        if settles:
            self.done("status")
        was_settled, work, state = self.is_settled, self.shop.work(slug), self._position(slug)
        status, out, _ = self.done("rollback", slug, *(("--to", str(to)) if to else ()), slug=slug)
        if status != 0 or "ended what had been interrupted" in out:
            return
        self.figures["rolled back"] += 1
        assert self.state(slug)["status"] == "failed"
        last = self.shop.events("rollback_executed")[-1]["payload"]
        assert self.shop.ask("rev-parse", f"feat/{slug}") == last["commit"]
        made = next(
            one
            for one in self.shop.events("checkpoint_created")
            if one["feature"] == f"feat-{slug}" and one["payload"]["n"] == last["n"]
        )
        assert made["payload"]["commit"] == last["commit"]
        if made["id"] in self.moments and slug in self.moments[made["id"]]:
            then, now = self.moments[made["id"]][slug], self.state(slug)
            keys = ("current_workflow", "workflows_completed", "attempts")
            same(
                {key: now[key] for key in keys},
                {key: then[key] for key in keys},
                f"{slug} is not where it was at {last['n']}",
            )
            self.figures["positions"] += 1
        if self.shop.is_there(slug):
            assert self.shop.git("status", "--porcelain", cwd=self.shop.place(slug)) == ""
        if was_settled:
            self.before[slug] = work, state

    @rule(slug=FEATURES)
    def undo(self, slug: str) -> None:
        if slug not in self.started or slug in self.retired:
            return
        before = self.before.get(slug)
        status, out, err = self.command("rollback", slug, "--undo", slug=slug)
        self.before.pop(slug, None)
        if before is not None and self.is_settled:
            assert status == 0, (out, err)
            same(self.shop.work(slug), before[0], f"the undo did not bring back the work of {slug}")
            self.look()
            same(self._position(slug), before[1], f"the undo did not bring back the position of {slug}")
            self.figures["undone"] += 1
        self.look()

    def _position(self, slug: str) -> dict[str, Any]:
        kept = (
            "status",
            "current_workflow",
            "current_phase",
            "gate",
            "workflows_completed",
            "attempts",
            "rollback_points",
        )
        return {key: value for key, value in self.state(slug).items() if key in kept} if self.is_settled else {}

    @rule(slug=FEATURES)
    def pause(self, slug: str) -> None:
        if slug in self.started:
            status, _, _ = self.done("pause", slug, "-m", "a while", slug=slug)
            assert status != 0 or self.state(slug)["status"] == "paused"

    @rule(slug=FEATURES)
    def resume(self, slug: str) -> None:
        if slug in self.started:
            status, _, _ = self.done("resume", slug, slug=slug)
            assert status != 0 or self.state(slug)["status"] == "active"

    @rule(slug=FEATURES)
    def note(self, slug: str) -> None:
        if slug in self.started:
            word = self.token()
            status, _, _ = self.done("note", slug, word, slug=slug)
            assert status != 0 or self.state(slug)["notes"][-1]["note"] == word

    @rule(
        slug=FEATURES,
        field=st.sampled_from(
            [
                ("workflow", "1"),
                ("workflow", "2"),
                ("workflow", "3"),
                ("phase", "1"),
                ("phase", "2"),
                ("status", "active"),
                ("status", "failed"),
                ("status", "completed"),
                ("complete-workflow", "1"),
                ("owner", "ana"),
            ]
        ),
    )
    def set_field(self, slug: str, field: tuple[str, str]) -> None:
        if slug in self.started:
            self.done("set", slug, *field, slug=slug)

    @rule(slug=FEATURES)
    def retire(self, slug: str) -> None:
        if slug not in self.started or slug in self.retired:
            return
        branch = self.shop.ask("rev-parse", f"feat/{slug}")
        status, _, _ = self.command("retire", slug, slug=slug)
        if status == 0:
            self.retired.append(slug)
            self.before.pop(slug, None)
            assert not self.shop.worktree(slug).exists()
            assert self.shop.ask("rev-parse", f"feat/{slug}") == branch
        self.look()

    @rule()
    def status(self) -> None:
        self.done("status", accept=(0,))

    @rule(pick=st.integers(0, 99))
    def replay(self, pick: int) -> None:
        self.past(pick)

    @rule()
    def write_again(self) -> None:
        self.done("replay", "--write")

    @rule()
    def repair(self) -> None:
        self.command("verify", "--repair")
        self.tolerated = {one for one in self.tolerated if one.split()[0] not in REPAIRED}
        self.look()

    # --- what people do in git -------------------------------------------------------------------

    @rule(
        slug=FEATURES,
        how=st.sampled_from(["untracked", "tracked", "staged", "deleted", "renamed", "context", "ignored", "ahead"]),
    )
    def write(self, slug: str, how: str) -> None:
        if not self.alive(slug):
            return
        place, word = self.shop.place(slug), self.token()
        name = {"context": f".context/feat-{slug}_notes.md", "ignored": "mine.log"}.get(how, f"file-{self.count % 4}")
        path = place / name
        path.parent.mkdir(exist_ok=True)
        match how:
            case "deleted":
                path.unlink(missing_ok=True)
            case "renamed":
                if path.exists():
                    path.rename(place / f"moved-{self.count}")
            case "tracked":
                self.append(place / "README-of-us", word)
            case "ahead":
                path = place / f"soon-{self.count}"
                self.append(path, word)
                self.shop.ask("add", "--intent-to-add", path.name, cwd=place)
            case _:
                self.append(path, word)
        if how == "staged":
            self.shop.ask("add", name, cwd=place)
        self.happens(f"write: {how}")

    def append(self, path: Path, word: str) -> None:
        with path.open("a") as file:
            file.write(f"{word}\n")

    @rule(slug=FEATURES, hooks=st.booleans(), count=st.integers(1, 3))
    def commit(self, slug: str, hooks: bool, count: int) -> None:
        if not self.alive(slug):
            return
        quiet = () if hooks else ("-c", "core.hooksPath=/dev/null")
        for _ in range(count):
            self.append(self.shop.place(slug) / "by-hand", self.token())
            self.shop.git("add", "--all", cwd=self.shop.place(slug))
            self.shop.git(*quiet, "commit", "-qm", f"by hand {self.count}", cwd=self.shop.place(slug))
        self.happens("git: commit")

    @rule(
        slug=FEATURES,
        hooks=st.booleans(),
        how=st.sampled_from(
            [
                ("commit", "--amend", "--allow-empty", "-m", "amended"),
                ("reset", "--hard", "HEAD~1"),
                ("reset", "--soft", "HEAD~1"),
                ("reset", "-q", "HEAD~1"),
                ("rebase", "main"),
                ("merge", "--no-edit", "main"),
                ("checkout", "--detach"),
                ("switch", "main"),
                ("stash", "-u"),
                ("stash", "pop"),
                ("revert", "--no-edit", "HEAD"),
                ("cherry-pick", "main"),
            ]
        ),
    )
    def rewrite(self, slug: str, hooks: bool, how: tuple[str, ...]) -> None:
        """What git is asked to do; refused it is called off, and the branch is checked out again."""
        if not self.alive(slug):
            return
        place = self.shop.place(slug)
        self.shop.ask(*(() if hooks else ("-c", "core.hooksPath=/dev/null")), *how, cwd=place)
        for name in ("rebase", "merge", "revert", "cherry-pick"):
            self.shop.ask(name, "--abort", cwd=place)
        self.tolerated.add(f"V402 {place}")
        self.happens(f"git: {how[0]}")

    @rule(slug=FEATURES)
    def check_out_again(self, slug: str) -> None:
        if slug in self.started and slug not in self.retired and (self.shop.place(slug) / ".git").exists():
            self.shop.ask("switch", f"feat/{slug}", cwd=self.shop.place(slug))
            self.happens("git: switch back")

    @rule(slug=FEATURES)
    def merge(self, slug: str) -> None:
        """Merge into the base branch, wherever that is: by a tree made without a worktree."""
        if slug not in self.started or self.shop.ask("symbolic-ref", "HEAD") == "refs/heads/main":
            return
        tip = self.shop.ask("rev-parse", f"feat/{slug}")
        made = tip and self.shop.ask("commit-tree", f"{tip}^{{tree}}", "-p", "main", "-p", tip, "-m", "merge")
        if made:
            self.shop.git("update-ref", "refs/heads/main", made)
            self.happens("git: merge into main")

    @rule()
    def gc(self) -> None:
        self.shop.git("gc", "--quiet", "--prune=now")
        self.shop.git("pack-refs", "--all")
        self.happens("git: gc")

    @rule(slug=FEATURES)
    def delete_branch(self, slug: str) -> None:
        if slug not in self.started:
            return
        if self.alive(slug):
            self.shop.git("checkout", "-q", "--detach", cwd=self.shop.place(slug))
        self.shop.ask("branch", "-D", f"feat/{slug}")
        self.before.pop(slug, None)
        self.tolerated |= {f"V320 refs/heads/feat/{slug}", f"V402 {self.shop.place(slug)}"}
        self.happens("git: branch deleted")

    @rule(slug=FEATURES, pick=st.integers(0, 9))
    def make_branch_again(self, slug: str, pick: int) -> None:
        if slug not in self.started or self.shop.ask("rev-parse", f"refs/heads/feat/{slug}"):
            return
        refs = self.shop.git("for-each-ref", "--format=%(objectname)", f"refs/orchestrator/checkpoint/{slug}/").split()
        self.shop.ask("branch", f"feat/{slug}", refs[pick % len(refs)] if refs else "main")
        self.happens("git: branch made again")

    @rule(slug=FEATURES, how=st.sampled_from(["remove", "folder"]))
    def remove_worktree(self, slug: str, how: str) -> None:
        if slug == "tree" or not self.shop.worktree(slug).exists():
            return
        if how == "remove":
            self.shop.ask("worktree", "remove", "--force", str(self.shop.worktree(slug)))
        else:
            shutil.rmtree(self.shop.worktree(slug))
        self.before.pop(slug, None)
        self.edits.pop(slug, None)  # with the copy that held it
        self.tolerated |= {f"V401 {self.shop.worktree(slug)}", "V403 any"}
        self.happens(f"worktree: {how}")

    @rule()
    def prune_worktrees(self) -> None:
        self.shop.git("worktree", "prune")
        self.happens("git: worktree prune")

    # --- what people write into files of the kit ------------------------------------------------------

    @rule(
        slug=FEATURES,
        own=st.booleans(),
        edit=st.sampled_from(
            [
                {},
                {"status": "active"},
                {"status": "completed"},
                {"gate": None},
                {"current_workflow": "3"},
                {"current_workflow": "1", "current_phase": "1"},
                {"attempts": {}},
                {"branch": "main"},
                {"rollback_points": []},
                {"workflows_completed": ["1", "2", "3"]},
            ]
        ),
    )
    def edit_state(self, slug: str, own: bool, edit: Mapping[str, Any]) -> None:
        """Edit a state, by the rules or against them; with it always a key of the user's own."""
        path = (
            self.shop.place(slug) / ".context" / self.shop.state_file(slug).name if own else self.shop.state_file(slug)
        )
        if slug not in self.started or slug in self.retired or slug in self.edits or not path.is_file():
            return
        try:
            state = json.loads(path.read_text())
        except ValueError:
            return
        word = self.token().replace("token", "word")
        path.write_text(json.dumps({**state, **edit, "by_hand": word}))
        if own or self.alive(slug) or slug == "tree" or not self.shop.worktree(slug).exists():
            self.edits[slug] = word
        self.happens("edit: state")

    @rule(
        which=st.sampled_from(
            ["add a phase", "remove the gate", "validate less", "skip", "break", "back", "back", "back"]
        )
    )
    def edit_line(self, which: str) -> None:
        """Edit documents or configuration in the main worktree; `back` is as it was at first."""
        root = self.shop.root
        show, config = root / "line/add-feature-2-show.md", root / "orchestrator.toml"
        match which:
            case "add a phase":
                ship = root / "line/add-feature-3-ship.md"
                ship.write_text(f"{ship.read_text()}\n## Phase {self.count + 2}: More\n\nMore.\n")
                self.count += 1
            case "remove the gate":
                show.write_text(show.read_text().partition("### GATE")[0] + "## Phase 2: File\n\nFile it.\n")
            case "validate less":
                config.write_text(config.read_text().replace("test ! -e broken", "true"))
            case "skip":
                config.write_text(config.read_text().replace('.md"\n', '.md"\nskip = ["1"]\n', 1))
            case "break":
                config.write_text("[workflows]\nglobb = 1\n")
            case _:
                self.shop.ask("checkout", "main", "--", "line", "orchestrator.toml")
        self.tolerated |= {"V706 any", "V801 any", "V802 any", "V803 any"}
        self.happens("edit: line")

    @rule()
    def bring_an_old_state(self) -> None:
        """A state of the shell scripts that came before, with its branch."""
        if "pay-2" in self.started:
            return
        if not self.shop.ask("rev-parse", "-q", "--verify", "refs/heads/feat/pay-2"):
            self.shop.git("branch", "feat/pay-2", "main")
        at = "2026-01-31T10:30:00-03:00"
        old = {
            "feature": "feat-pay-2",
            "branch": "feat/pay-2",
            "status": "active",
            "current_workflow": "2",
            "current_phase": "1",
            "started_at": at,
            "updated_at": at,
            "workflows_completed": ["1"],
            "owner": "ana",
        }
        self.shop.context.mkdir(exist_ok=True)
        self.shop.state_file("pay-2").write_text(json.dumps(old))
        self.happens("import")
        self.command("status")
        if any(one["feature"] == "feat-pay-2" for one in self.shop.events()):
            self.started.append("pay-2")
            assert self.state("pay-2")["owner"] == "ana"
        else:
            self.shop.state_file("pay-2").unlink()
        self.look()

    # --- faults ----------------------------------------------------------------------------------

    def seeded(self, what: str, deed: Callable[[], Any]) -> None:
        """Let a fault happen to a repository in order; `verify` names it and nothing else."""
        if not self.is_settled:
            return
        known = self.shop.findings().keys()
        deed()
        new = {name.split()[0] for name in self.shop.findings().keys() - known}
        assert new, f"verify does not name it: {what}"
        assert new <= NAMED[what], (what, new)
        self.happens(f"fault: {what}")

    @rule(
        how=st.sampled_from(
            [
                "lose the database",
                "break the database",
                "lose the fold",
                "break the fold",
                "flip a bit of the fold",
                "tear the log",
                "lose the second name",
            ]
        ),
        pick=st.integers(0, 9999),
    )
    def copy_breaks(self, how: str, pick: int) -> None:
        fold, database = self.shop.home / "fold.json", self.shop.context / "orchestrator-events.db"
        deeds: dict[str, Callable[[], Any]] = {
            "lose the database": database.unlink,
            "break the database": lambda: database.write_bytes(b"no database" * 99),
            "lose the fold": fold.unlink,
            "break the fold": lambda: fold.write_bytes(fold.read_bytes()[:-9]),
            "flip a bit of the fold": lambda: flip(fold, pick),
            "tear the log": lambda: self.tear(pick),
            "lose the second name": (self.shop.context / "orchestrator-events.jsonl").unlink,
        }
        self.seeded(how, deeds[how])

    def tear(self, pick: int) -> None:
        """Leave the beginning of a line behind the last one, or zeros, as a power cut does."""
        line = self.shop.log.read_bytes().splitlines()[-1]
        with self.shop.log.open("ab") as log:
            log.write(line[: 1 + pick % (len(line) - 1)] if pick % 5 else b"\0" * (1 + pick % 50))

    @rule(slug=FEATURES, own=st.booleans(), how=st.sampled_from(["lose a state", "break a state"]))
    def state_breaks(self, slug: str, own: bool, how: str) -> None:
        path = (
            self.shop.worktree(slug) / ".context" / self.shop.state_file(slug).name
            if own
            else self.shop.state_file(slug)
        )
        if slug in self.started and slug not in self.retired and path.is_file() and not self.edits:
            self.seeded(
                how, path.unlink if how == "lose a state" else lambda: path.write_bytes(path.read_bytes()[:-20])
            )

    @rule(slug=FEATURES, pick=st.integers(0, 99), how=st.sampled_from(["lose a tag", "lose a checkpoint's ref"]))
    def ref_goes(self, slug: str, pick: int, how: str) -> None:
        folder = "refs/tags/checkpoint" if how == "lose a tag" else "refs/orchestrator/checkpoint"
        names = self.shop.git("for-each-ref", "--format=%(refname)", f"{folder}/{slug}/").split()
        if slug in self.retired or not names or not self.is_settled:
            return
        if any(one.startswith("V801") for one in self.shop.findings()):
            return  # how many tags are to be there stands in the configuration
        name = names[pick % len(names)]
        self.seeded(how, lambda: self.shop.git("update-ref", "-d", name))
        self.tolerated |= {f"{'V304' if how == 'lose a tag' else 'V301'} {name}", "V303 any"}
        if how != "lose a tag":
            self.repair()

    @rule(
        slug=FEATURES,
        pick=st.integers(0, 99),
        how=st.sampled_from(["lose a backup", "lose the newest backup", "break a backup"]),
    )
    def backup_goes(self, slug: str, pick: int, how: str) -> None:
        if (
            slug not in self.started
            or slug in self.retired
            or not self.is_settled
            or not self.state(slug)["rollback_points"]
        ):
            return
        points = self.state(slug)["rollback_points"]
        path = self.shop.root / points[pick % len(points)]["backup"]
        newest = self.shop.context / f"feat-{slug}_backup.tar.gz"
        if path.exists() and newest.exists():
            deeds: dict[str, Callable[[], Any]] = {
                "lose a backup": path.unlink,
                "lose the newest backup": newest.unlink,
                "break a backup": lambda: broken(path),
            }
            self.seeded(how, deeds[how])
            self.tolerated |= {"V501 any", "V502 any", "V503 any", "V504 any"}

    @rule()
    def context_goes(self) -> None:
        """`rm -rf .context` in the main worktree; what people wrote there is in the newest snapshot."""
        if self.is_settled:
            shutil.rmtree(self.shop.context)
            self.edits.clear()
            self.before.clear()
            self.tolerated |= {"V403 any", "V501 any", "V503 any", "V504 any"}
            self.happens("rm -rf .context")

    @rule(
        slug=FEATURES,
        at=st.integers(1, 60),
        mood=st.sampled_from(["work", "commit", "fail", "ask"]),
        words=st.sampled_from(
            [
                ("next",),
                ("rollback",),
                ("rollback", "--undo"),
                ("checkpoint",),
                ("status",),
                ("resume",),
                ("note", "hello"),
                ("verify", "--repair"),
                ("replay", "--write"),
                ("retire",),
            ]
        ),
    )
    def kill(self, slug: str, at: int, mood: str, words: tuple[str, ...]) -> None:
        """Kill a command, and git with it, at one of its calls of git; nothing is lost, and the next one ends it."""
        if slug not in self.started or slug in self.retired:
            return
        self.mood(mood)
        names = () if words[0] in ("status", "verify", "replay") else (slug,)
        kept = self.shop.kept()
        was = self.shop.killed(at, words[0], *names, *words[1:])
        lost = kept - self.shop.kept()
        assert not lost, f"{words} killed at {at} lost {sorted(lost)}"
        self.before.clear()
        self.happens(f"killed: {words[0]}" if was else "not killed in time")
        self.tolerated |= {f"{one} any" for one in KILLED}
        self.command("status")
        if any(
            one["event_type"] == "feature_retired" and one["feature"] == f"feat-{slug}" for one in self.shop.events()
        ):
            self.retired.append(slug)
        self.look()


def same(found: Mapping[str, Any], wanted: Mapping[str, Any], what: str) -> None:
    """Compare two tables and name only the rows that differ. Raises AssertionError."""
    rows = {key: (wanted.get(key), found.get(key)) for key in {**wanted, **found} if wanted.get(key) != found.get(key)}
    assert not rows, f"{what}: {rows}"


def flip(path: Path, pick: int) -> None:
    content = bytearray(path.read_bytes())
    content[pick % len(content)] ^= 1 << pick % 8
    path.write_bytes(content)


def broken(path: Path) -> None:
    """Write half of a file anew; its other name, if it has one, keeps the whole."""
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[: len(content) // 2])


def of(seed: Path, env: dict[str, str]) -> type[Machine]:
    """Return the machine whose examples begin with a copy of `seed`; its `figures` count what happened."""
    return type("Machine", (Machine,), {"seed": seed, "env": env, "figures": Counter()})
