"""One repository of the matrix: its shape, its hooks, a feature on a checked-out branch, and others that are not its.

Git is called as its user calls it, the kit's commands run in this process, its hooks as git starts them.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from orchestrator import cli

BRANCH = "feat/payment"
REFS = "refs/orchestrator/checkpoint/payment"
IDENTITY = ("-c", "user.name=A Person", "-c", "user.email=person@example.com")
FILES = {
    "line/add-feature-1-make.md": "# Make it\n\n## Phase 1: Write\n\nWrite the file.\n",
    "orchestrator.toml": '[workflows]\nglob = "line/add-feature-*.md"\n[agent]\ncommand = ["true"]\n',
    "README": "a shop\n",
}


class Broken(AssertionError):
    """A promise that did not hold; says which."""


class Scene:
    """A repository in a shape, with hooks.

    `root` is its main worktree, `place` where the feature's branch is checked out, `others` the folders in which
    nothing may change. `is_tip_only`: git's reflogs are not kept here, and only tips become checkpoints.
    """

    def __init__(self, top: Path, root: Path) -> None:
        self.top = top
        self.root = root
        self.place = root
        self.others: list[Path] = []
        self.not_others: list[Path] = []
        self.is_tip_only = False
        self.hook_folder: Path | None = None  # where the user writes a hook of his own
        self.says: tuple[str, ...] = ()  # lines of a hook manager's own that name the kit
        self.made = 0

    # --- git and the kit -----------------------------------------------------------------------

    def git(self, *words: str, where: Path | None = None, check: int | None = 0, **env: str) -> str:
        """Call git as its user does; Broken where its status is not `check`, or it says anything of the kit's."""
        done = subprocess.run(
            ["git", *IDENTITY, *words],
            cwd=where or self.place,
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        out, err = (os.fsdecode(one) for one in (done.stdout, done.stderr))
        if check is not None and done.returncode != check:
            raise Broken(f"git {' '.join(words)}: status {done.returncode}, not {check}\n{out}\n{err}")
        if words[0] not in _LOOKING:
            self._refuse_ours(words, out + err)
        return out.strip()

    def _refuse_ours(self, words: Iterable[str], said: str) -> None:
        rows = [row for row in said.splitlines() if "orchestrator" in row and not row.startswith(self.says or "\0")]
        if rows:
            raise Broken(f"git {' '.join(words)} said: {rows}")

    def kit(self, *words: str, where: Path | None = None) -> tuple[int, str, str]:
        """Call a command of the kit; return its exit status, stdout and stderr."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.chdir(where or self.place), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = cli._run(list(words))
        return status, out.getvalue(), err.getvalue()

    def do(self, *words: str, where: Path | None = None) -> str:
        """Call a command of the kit that must end well, and return its stdout."""
        status, out, err = self.kit(*words, where=where)
        if status != 0:
            raise Broken(f"orchestrator {' '.join(words)}: status {status}\n{out}\n{err}")
        return out

    def shown(self, *words: str) -> Any:
        """Call a command of the kit that must end well, and return the JSON that it prints."""
        return json.loads(self.do(*words, "--json"))

    def recorded(self) -> list[str]:
        """Return the commits of the feature's checkpoints in order; the kit takes in first what happened.

        Rollback points are left out: each is of a commit that is a checkpoint of its own.
        """
        found = self.shown("checkpoints", "payment")["checkpoints"]
        return [one["commit"] for one in found if not one["backup"]]

    def kept(self) -> list[tuple[int, str]]:
        """Return the number and commit of all checkpoints, rollback points too."""
        return [(one["n"], one["commit"]) for one in self.shown("checkpoints", "payment")["checkpoints"]]

    def numbers(self) -> list[int]:
        """Return the numbers of the checkpoints that are no rollback points."""
        return [one["n"] for one in self.shown("checkpoints", "payment")["checkpoints"] if not one["backup"]]

    def findings(self) -> list[dict[str, Any]]:
        """Return what `verify` finds wrong: the errors."""
        found = json.loads(self.kit("verify", "--json")[1])["findings"]
        return [one for one in found if one["severity"] == "error"]

    # --- what a person does ----------------------------------------------------------------------

    @property
    def tip(self) -> str:
        return self.git("rev-parse", "HEAD")

    def name(self) -> str:
        """Return a name that was not given before."""
        self.made += 1
        return f"n{self.made}"

    def write(self, name: str, text: str) -> None:
        (self.place / name).parent.mkdir(parents=True, exist_ok=True)
        (self.place / name).write_text(text)

    def commit(self, *words: str, file: str = "", text: str = "", **env: str) -> str:
        """Write a file, commit it and return the commit."""
        name = self.name()
        self.write(file or name, text or f"{name}\n")
        self.git("add", "--", file or name)
        self.git("commit", "--quiet", "-m", name, *words, **env)
        return self.tip

    def side(self, parent: str, *contents: Mapping[str, str]) -> str:
        """Make commits upon `parent` without a worktree, one for each of `contents`, on a branch; return its name."""
        index = {"GIT_INDEX_FILE": str(self.top / f"index-{self.name()}")}
        commit = self.git("rev-parse", parent)
        for files in contents:
            self.git("read-tree", commit, **index)
            for name, text in files.items():
                (self.top / "blob").write_text(text)
                blob = self.git("hash-object", "-w", str(self.top / "blob"))
                self.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{name}", **index)
            tree = self.git("write-tree", **index)
            commit = self.git("commit-tree", tree, "-p", commit, "-m", f"side {self.name()}")
        branch = f"side/{self.name()}"
        self.git("update-ref", f"refs/heads/{branch}", commit)
        return branch

    def between(self, old: str, new: str = "HEAD") -> list[str]:
        """Return the commits from `old` (left out) to `new`, oldest first."""
        return self.git("rev-list", "--reverse", f"{old}..{new}").split()

    # --- what must hold ----------------------------------------------------------------------------

    def strangers(self) -> dict[str, str]:
        """Return what lies in the other repositories, by name, as digests."""
        found = {}
        for path in (one for other in self.others for one in [other, *sorted(other.rglob("*"))]):
            if not any(path.is_relative_to(one) for one in self.not_others):
                found[os.fsencode(path).hex()] = _digest(path)
        return found

    def strays(self) -> list[str]:
        """Return the folders below `top` in which the kit keeps anything and should not."""
        common = Path(_git(self.root, "rev-parse", "--path-format=absolute", "--git-common-dir")).resolve()
        own = {self.root.resolve() / ".context", self.place.resolve() / ".context", common / "orchestrator"}
        found = []
        for folder, _, files in os.walk(self.top):
            path = Path(folder)
            is_home = path.name == "orchestrator" and not {"events.jsonl", "fold.json", "drain", "main"}.isdisjoint(
                files
            )
            is_others = any(path.is_relative_to(one) for one in self.others) and path not in self.not_others
            if (is_home or path.name == ".context") and path not in own and not is_others:
                found.append(str(path))
        return found


_LOOKING = frozenset({"rev-parse", "rev-list", "for-each-ref", "config", "log", "cat-file"})


def _digest(path: Path) -> str:
    mode = path.lstat().st_mode
    if path.is_symlink():
        return f"{mode:o} -> {path.readlink()}"
    return f"{mode:o} {sha256(path.read_bytes()).hexdigest() if path.is_file() else ''}"


def populated(root: Path, *init: str) -> None:
    """Make a repository with a line of one document and one commit."""
    root.mkdir(parents=True, exist_ok=True)
    _git(root.parent, "init", "--quiet", "--initial-branch=main", *init, str(root))
    for name, text in FILES.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
    _git(root, "add", "--all")
    _git(root, "commit", "--quiet", "-m", "begin")
    ignore(root)


def ignore(root: Path) -> None:
    """Have git ignore the context, in the way that is no file of the user's."""
    where = Path(_git(root, "rev-parse", "--path-format=absolute", "--git-path", "info/exclude"))
    where.parent.mkdir(exist_ok=True)
    where.write_text(".context/\n")


def _git(where: Path, *words: str) -> str:
    done = subprocess.run(["git", *IDENTITY, *words], cwd=where, capture_output=True, check=True)
    return os.fsdecode(done.stdout).strip()


@contextlib.contextmanager
def environment(**values: str) -> Iterator[None]:
    """Set environment variables of this process for a while."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
