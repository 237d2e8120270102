"""A repository as the state machine sees it: what must not be lost, what is whose, and what the log itself says.

Reads files, git and the log with nothing of the kit's but the fold, which it compares.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from orchestrator.core.state import World, fold
from orchestrator.log.projections import rendered
from orchestrator.workspace import Workspace
from tests.conftest import CONFIGURATION, PROGRAM
from tests.kit import Kit, created

TOKEN = re.compile(rb"token-\d+-")
SLUGS = ("pay", "pay-2", "tree")  # the first is the beginning of the second; the last lives in the main worktree
STATE = "_orchestrator-state.json"
KIT = re.compile(r"orchestrator-events\.|/\.git/orchestrator/[^/]*$|_orchestrator-state\.json$")

# Does what `.git/mood` says, a word and a token, and passes where it says nothing.
AGENT = r"""
cat >/dev/null
read -r mood token <"$ORCHESTRATOR_MAIN/.git/mood" || mood=work token=none
echo "$token" >>"$ORCHESTRATOR_CONTEXT/feat-${ORCHESTRATOR_FEATURE}_decisions.md"
case $mood in
work) echo "$token" >>"work-$ORCHESTRATOR_FEATURE.txt" ;;
commit) echo "$token" >>"work-$ORCHESTRATOR_FEATURE.txt"; git add -A . && git commit -qm "by the agent: $token" ;;
twice)
    for one in 1 2; do echo "$token" >>"work-$one.txt"; git add -A . && git commit -qm "$one: $token"; done
    echo "$token" >>"work-$ORCHESTRATOR_FEATURE.txt" ;;
fail) echo "$token" >>"half-$ORCHESTRATOR_FEATURE.txt"; exit 1 ;;
invalid) echo "$token" >broken ;;
ask) echo "$token" >>"work-$ORCHESTRATOR_FEATURE.txt"
    echo '{"orchestrator": {"outcome": "gate", "trigger": "which of the two?"}}' ;;
busy) exit 75 ;;
dirt)
    echo "$token" >>"work-$ORCHESTRATOR_FEATURE.txt"
    echo "$token" >"loose-$token" && echo "$token" >"ignored-$token.log"
    echo "$token" >"$ORCHESTRATOR_CONTEXT/feat-${ORCHESTRATOR_FEATURE}_$token.md" ;;
esac
"""
LINE = {
    "1-make": "# Make it\n\n## Phase 1: Write\n\nWrite the file.\n\n## Phase 2: Look\n\nLook at it.\n",
    "2-show": (
        "# Show it\n\n## Phase 1: Draw\n\nDraw the screen.\n\n### GATE 1: Screens\n\nShow both screens.\n\n"
        "APPROVE the screens? (yes/no)\n\n## Phase 2: File\n\nFile it.\n"
    ),
    "3-ship": "# Ship it\n\n## Phase 1: Pack\n\nPack it.\n",
}


def seeded(root: Path, env: dict[str, str]) -> None:
    """Make the repository that every example gets a copy of: a line with a gate, and no feature yet."""
    shop = created(root, env)
    for path in (root / "line").iterdir():
        path.unlink()
    for name, text in LINE.items():
        shop.write(f"line/add-feature-{name}.md", text)
    shop.write("agent.sh", AGENT)
    shop.write("orchestrator.toml", CONFIGURATION)
    shop.write(".git/info/exclude", ".context/\n*.log\n")
    shop.commit("the line")
    shop.git("config", "gc.auto", "0")


class Shop(Kit):
    """One example's repository."""

    def __init__(self, root: Path, env: dict[str, str]) -> None:
        super().__init__(root, env)
        self._tokens: dict[str, set[bytes]] = {}  # by the object of git that holds them

    # --- what must not be lost -------------------------------------------------------------------

    def kept(self) -> set[bytes]:
        """Return the tokens in files, and in the blobs and messages that a ref or an index leads to.

        What the kit itself writes about them counts for nothing: log, SQLite copy, states.
        """
        found = (TOKEN.findall(path.read_bytes()) for path in self._files())
        return {one for some in found for one in some}.union(*self._in_git().values())

    def _files(self) -> list[Path]:
        found = []
        for folder, folders, names in os.walk(self.root.parent):
            if folder == str(self.root / ".git"):
                folders[:] = ["orchestrator"]
                continue
            found += [Path(folder, name) for name in names]
        return [path for path in found if path.is_file() and not KIT.search(str(path))]

    def _in_git(self) -> dict[str, set[bytes]]:
        rows = self.git("rev-list", "--objects", "--all", "--indexed-objects").splitlines()
        reached = {row.split(" ", 1)[0] for row in rows}
        unknown = sorted(reached - self._tokens.keys())
        if unknown:
            self._tokens.update(self._read(unknown))
        return {name: self._tokens[name] for name in reached}

    def _read(self, names: list[str]) -> dict[str, set[bytes]]:
        done = subprocess.run(
            ["git", "cat-file", "--batch"], cwd=self.root, env=self.env, input="\n".join(names).encode(),
            capture_output=True, check=True,
        )  # fmt: skip
        found, rest = {}, done.stdout
        for name in names:
            head, _, rest = rest.partition(b"\n")
            _, kind, size = head.split()
            found[name] = set(TOKEN.findall(rest[: int(size)])) if kind != b"tree" else set()
            rest = rest[int(size) + 1 :]
        return found

    # --- what is whose ---------------------------------------------------------------------------

    def place(self, slug: str) -> Path:
        """Return where the feature lives, or would."""
        return self.root if slug == "tree" else self.worktree(slug)

    def is_there(self, slug: str) -> bool:
        """Tell whether the feature's branch is checked out in its place."""
        place = self.place(slug)
        return (place / ".git").exists() and self.ask(
            "symbolic-ref", "-q", "HEAD", cwd=place
        ) == f"refs/heads/feat/{slug}"

    def ask(self, *words: str, cwd: Path | None = None) -> str:
        """Call git and return its output; an empty string where it fails."""
        done = subprocess.run(
            ["git", *words], cwd=cwd or self.root, env=self.env, capture_output=True, text=True, check=False
        )
        return done.stdout.strip() if done.returncode == 0 else ""

    def work(self, slug: str) -> dict[str, str]:
        """Return what a person sees of a feature: files, index, HEAD, branch, context; the kit's own files apart."""
        place = self.place(slug)
        found = {"branch": self.ask("rev-parse", f"feat/{slug}")}
        if self.is_there(slug):
            found["index"] = self.git("ls-files", "--stage", cwd=place)
            for folder, folders, names in os.walk(place):
                folders[:] = [name for name in folders if name != ".git"]
                found.update(self._seen(slug, place, [Path(folder, name) for name in names]))
        elif self.context.is_dir():
            found.update(self._seen(slug, self.root, list(self.context.iterdir())))
        return found

    def _seen(self, slug: str, place: Path, paths: list[Path]) -> dict[str, str]:
        names = {str(path.relative_to(place)): path for path in paths}
        return {name: _looks(path) for name, path in names.items() if self._is_work(slug, place, name)}

    def _is_work(self, slug: str, place: Path, name: str) -> bool:
        if name == ".git" or not name.startswith(".context/"):
            return name != ".git"
        if STATE in name or name.endswith("_backup.tar.gz"):
            return False
        return place != self.root or owner(Path(name).name) == slug

    def kit_of(self, slug: str) -> dict[str, str]:
        """Return what the kit keeps of a feature: its refs, tags, backups and states."""
        rows = self.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/orchestrator", "refs/tags")
        found = dict(
            row.split(" ") for row in rows.splitlines() if f"/{slug}/" in row or row.split(" ")[0].endswith(f"/{slug}")
        )
        paths = [self.state_file(slug), self.place(slug) / ".context" / self.state_file(slug).name]
        paths += [self.context / f"feat-{slug}_backup.tar.gz", *self.context.glob(f"backups/feat-{slug}_backup-*")]
        return {**found, **{str(path): _looks(path) for path in paths if path.is_file()}}

    # --- what the log says -----------------------------------------------------------------------

    def lines(self) -> list[dict[str, Any]]:
        """Return the log, checked: dense ids, a whole chain, time never backwards. Raises AssertionError."""
        before, then, found = "0" * 64, datetime.min, []
        for n, row in enumerate(self.whole_lines().splitlines(), 1):
            one = json.loads(row)
            assert one["id"] == n, f"event {one['id']} is line {n}"
            assert one["prev"] == before, f"event {n} does not follow"
            cut = row.rindex(b',"hash":')
            assert sha256(row[:cut] + b"}").hexdigest() == one["hash"], f"event {n} does not hold"
            at = datetime.fromisoformat(one["timestamp"])
            assert at.tzinfo is not None, f"event {n} has no offset"
            assert then is datetime.min or at >= then, f"event {n} is before {n - 1}"
            before, then = one["hash"], at
            found.append(one)
        return found

    def events(self, *kinds: str) -> list[dict[str, Any]]:
        """Return the events of the log, of these types only where any is named; what is torn is none."""
        found = [json.loads(row) for row in self.whole_lines().splitlines()]
        return [one for one in found if not kinds or one["event_type"] in kinds]

    def is_torn(self) -> bool:
        """Tell whether something lies behind the log's last whole line."""
        return self.log.stat().st_size > len(self.whole_lines())

    def whole_lines(self) -> bytes:
        """Return the log without what is torn at its end."""
        content = self.log.read_bytes() if self.log.exists() else b""
        return content[: content.rfind(b"\n") + 1]

    def rows(self) -> list[tuple[Any, ...]]:
        """Return the SQLite copy, payload decoded."""
        connection = sqlite3.connect(f"file:{self.context / 'orchestrator-events.db'}?mode=ro", uri=True)
        found = connection.execute(
            "SELECT id, feature, event_type, workflow, phase, payload, timestamp FROM events ORDER BY id"
        )
        rows = [(*row[:5], json.loads(row[5]), row[6]) for row in found]
        connection.close()
        return rows

    def warm(self) -> World:
        """Return the fold as commands get it, from the kept one on."""
        return Workspace.find(self.root).load()

    def cold(self) -> World:
        """Return the fold of the whole log."""
        return fold(World(), Workspace.find(self.root).events())

    def states(self, world: World) -> dict[str, bytes]:
        """Return what each state file is to hold, by its path."""
        workspace = Workspace.find(self.root)
        return {
            str(context / f"{feature.id}{STATE}"): rendered(feature)
            for feature in world.features.values()
            if not feature.retired
            for context in workspace.contexts(feature)
        }

    def findings(self) -> dict[str, str]:
        """Return what `verify` finds: id and place, and what it says."""
        _, out, err = self.inside("verify", "--json")
        assert out, err
        return {
            f"{one['id']} {one['where']}": f"{one['severity']}: {one['what']}" for one in json.loads(out)["findings"]
        }

    def killed(self, at: int, *words: str) -> bool:
        """Call `orchestrator`, which is killed with its children at its git call number `at`; tell whether it was."""
        folder = self.root.parent.with_name(f"{self.root.parent.name}-bin")
        folder.mkdir(exist_ok=True)
        (folder / "count").write_text("")
        git = folder / "git"
        git.write_text(
            f'#!/bin/sh\necho >>"{folder}/count"\n[ $(wc -l <"{folder}/count") -ne {at} ] || kill -9 0\n'
            f'exec {shutil.which("git")} "$@"\n'
        )
        git.chmod(0o755)
        done = subprocess.run(
            [PROGRAM, *words], cwd=self.root, env={**self.env, "PATH": f"{folder}{os.pathsep}{self.env['PATH']}"},
            stdin=subprocess.DEVNULL, capture_output=True, start_new_session=True, check=False,
        )  # fmt: skip
        return done.returncode == -9


def owner(name: str) -> str:
    """Return whose a context file in the main worktree is: the longest slug that its name begins with."""
    return max((slug for slug in SLUGS if name.startswith(f"feat-{slug}_")), key=len, default="")


def _looks(path: Path) -> str:
    mode = path.lstat().st_mode
    if path.is_symlink():
        return f"{mode:o} -> {path.readlink()}"
    return f"{mode:o} {sha256(path.read_bytes()).hexdigest()}"
