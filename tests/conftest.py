"""A small repository with a line and a scripted agent, the console script in a sealed environment, a person."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import forked

if TYPE_CHECKING:
    from tests.kit import Kit

PROGRAM = Path(sys.executable).with_name("orchestrator")
MAKES = ("MAKE", "MFLAGS", "FEATURE", "WHY", "VENV", "PYTHON")
MARKERS = ("CLAUDE", "CODEX", "GEMINI", "OPENCODE", "CURSOR", "AI_AGENT", "AGENT", "OR_APP_NAME", "ORCHESTRATOR_")

CONFIGURATION = """\
[workflows]
glob = "line/add-feature-*.md"
[agent]
command = ["sh", "agent.sh"]
[validate]
command = "test ! -e broken"
"""
LINE = {
    "1-make": "# Make it\n\nRead this first.\n\n## Phase 1: Write\n\nWrite the file.\n\n## Phase 2: Check\n\nLook at it.\n",
    "2-show": (
        "# Show it\n\n## Phase 1: Draw\n\nDraw the screen.\n\n### GATE 1: Screens\n\nShow both screens.\n\n"
        "APPROVE the screens? (yes/no)\n\nAfterwards file them.\n\n## Phase 2: File\n\nFile them.\n"
    ),
    "3-ship": (
        "# Ship it\n\n## Phase 1: Pack\n\nPack it.\n\n## GATE 2: Production\n\nShow the version.\n\n"
        "APPROVE the deploy to production? (yes/no)\n\n- yes: run `./ship`\n"
    ),
}

# Does what `.agent/WORKFLOW-PHASE` in the main worktree says, else writes and commits a line.
AGENT = r"""
brief=$(cat)
slug=$ORCHESTRATOR_FEATURE
printf '%s\n' "$brief" >"$ORCHESTRATOR_CONTEXT/feat-${slug}_brief.md"
printf '%s\n=====\n' "$brief" >>"$ORCHESTRATOR_MAIN/../briefs-$slug.txt"
echo "$ORCHESTRATOR_WORKFLOW/$ORCHESTRATOR_PHASE" >>"$ORCHESTRATOR_CONTEXT/feat-${slug}_decisions.md"
script=$ORCHESTRATOR_MAIN/../agent/$slug-$ORCHESTRATOR_WORKFLOW-$ORCHESTRATOR_PHASE
[ -e "$script" ] || script=$ORCHESTRATOR_MAIN/../agent/default
[ -e "$script" ] && . "$script"
echo "$ORCHESTRATOR_WORKFLOW/$ORCHESTRATOR_PHASE" >>"work-$slug.txt"
git add "work-$slug.txt" && git commit -qm "work on $ORCHESTRATOR_WORKFLOW/$ORCHESTRATOR_PHASE"
"""


# Kills the kit from inside an agent's shell; on Linux a warden stands between them.
KILL_KIT = "kit=$PPID; case $(ps -o args= -p $kit) in *warden.py*) kit=$(ps -o ppid= -p $kit) ;; esac; kill -KILL $kit"


def environment(home: Path) -> dict[str, str]:
    """Return the environment of a person at a plain machine: no agent's marker, no configuration of this one."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith((*MARKERS, *MAKES, "GIT_"))}
    return {
        **kept,
        "HOME": str(home),
        "PATH": f"{PROGRAM.parent}{os.pathsep}{kept['PATH']}",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "ORCHESTRATOR_HOOKS": "wait",
        "TERM": "dumb",
        "COLUMNS": "160",
    }


@contextlib.contextmanager
def sealed(home: Path) -> Iterator[dict[str, str]]:
    """Give this process, for a while, the environment of a person at a plain machine."""
    env = environment(home)
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name not in env]:
            patch.delenv(name)
        for name, value in env.items():
            patch.setenv(name, value)
        yield env


class Repo:
    """A repository as its user has it; `root` is the main worktree, all else lies beside it.

    A command is a process of its own, forked from one that has the program loaded; `starts_anew`: the program itself.
    """

    def __init__(self, root: Path, env: Mapping[str, str]) -> None:
        self.root = root
        self.env = dict(env)
        self.starts_anew = False

    def run(self, *words: str, check: int | None = 0, cwd: Path | None = None, **env: str) -> str:
        """Call `orchestrator` and return its stdout; fails unless its exit status is `check`."""
        done = self.call(*words, cwd=cwd, **env)
        if check is not None:
            assert done.returncode == check, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def call(self, *words: str, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
        """Call `orchestrator` with stdin closed."""
        call = forked.started if self.starts_anew else forked.call
        return call(PROGRAM, words, cwd or self.root, {**self.env, **env})

    def refused(self, *words: str, status: int = 1, cwd: Path | None = None, **env: str) -> str:
        """Call `orchestrator`, expect one line on stderr and nothing on stdout, and return the line."""
        done = self.call(*words, cwd=cwd, **env)
        assert (done.returncode, done.stdout) == (status, ""), (done.stdout, done.stderr)
        assert done.stderr.count("\n") == 1, done.stderr
        return done.stderr.removeprefix("orchestrator: ").rstrip("\n")

    def json(self, *words: str, check: int | None = 0) -> Any:
        """Call `orchestrator ... --json` and return what it printed."""
        return json.loads(self.run(*words, "--json", check=check))

    def state(self, name: str) -> dict[str, Any]:
        """Return a feature's state file in the main worktree."""
        found: dict[str, Any] = json.loads(self.state_file(name).read_text())
        return found

    def state_file(self, name: str) -> Path:
        return self.root / ".context" / f"feat-{name}_orchestrator-state.json"

    def found(self, line: Mapping[str, str], agent: str, configuration: str = CONFIGURATION) -> None:
        """Make the repository, with a line, an agent and a configuration; nothing is committed yet."""
        self.root.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("config", "user.name", "A Person")
        self.git("config", "user.email", "person@example.com")
        for name, text in line.items():
            self.write(f"line/add-feature-{name}.md", text)
        self.write("agent.sh", agent)
        self.write("orchestrator.toml", configuration)

    def worktree(self, name: str) -> Path:
        return self.root.with_name(f"{self.root.name}.worktrees") / name

    def git(self, *words: str, cwd: Path | None = None) -> str:
        """Call git as the user does and return its output."""
        done = subprocess.run(
            ["git", *words], cwd=cwd or self.root, env=self.env, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def write(self, name: str, text: str) -> Path:
        """Write a file below the main worktree."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def commit(self, message: str, cwd: Path | None = None) -> str:
        """Commit everything and return the commit."""
        self.git("add", "--all", cwd=cwd)
        self.git("commit", "--quiet", "--allow-empty", "-m", message, cwd=cwd)
        return self.git("rev-parse", "HEAD", cwd=cwd)

    def script(self, name: str, text: str) -> None:
        """Tell the agent what to do at `FEATURE-WORKFLOW-PHASE`, or at `default`, before its usual work."""
        folder = self.root.parent / "agent"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(text)

    def briefs(self, name: str) -> list[str]:
        """Return the briefs that the agent of a feature was handed, in order."""
        path = self.root.parent / f"briefs-{name}.txt"
        return path.read_text().split("\n=====\n")[:-1] if path.exists() else []

    def events(self, *kinds: str) -> list[dict[str, Any]]:
        """Return the events of the log, of these types only where any is named."""
        lines = (self.root / ".git/orchestrator/events.jsonl").read_text().splitlines()
        found = [json.loads(line) for line in lines]
        return [one for one in found if not kinds or one["event_type"] in kinds]

    def sit(self, line: str, *words: str) -> str:
        """Play the person at `approve` on a terminal: type `line` at the question; return what was printed."""
        import pexpect

        child = pexpect.spawn(
            str(PROGRAM), ["approve", *words], cwd=self.root, env=self.env, encoding="utf-8", timeout=30,
            dimensions=(60, 160),
        )  # fmt: skip
        child.expect_exact("anything else approves nothing: ")
        shown = str(child.before)
        child.sendline(line)
        child.expect(pexpect.EOF)
        child.close()
        self.sat = child.exitstatus
        return shown + str(child.before)


@pytest.fixture(scope="session")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository that every test gets a copy of."""
    top = tmp_path_factory.mktemp("seed")
    repo = Repo(top / "shop", environment(top))
    repo.found(LINE, AGENT)
    repo.write("README", "a shop\n")
    repo.commit("begin")
    (repo.root / ".git/info/exclude").write_text(".context/\n")
    return repo.root


@pytest.fixture
def repo(seed: Path, tmp_path: Path) -> Repo:
    """A repository with three workflows, two gates, an agent that writes and commits, and a validation."""
    root = tmp_path / "shop"
    shutil.copytree(seed, root, symlinks=True)
    return Repo(root, environment(tmp_path))


@pytest.fixture
def make_repo(tmp_path: Path) -> Callable[[str], Repo]:
    """Make an empty repository of a name."""

    def make(name: str) -> Repo:
        made = Repo(tmp_path / name, environment(tmp_path))
        made.root.mkdir()
        made.git("init", "--quiet", "--initial-branch=main")
        made.git("config", "user.name", "A Person")
        made.git("config", "user.email", "person@example.com")
        return made

    return make


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a person at a plain machine, in this process too."""
    with sealed(tmp_path_factory.mktemp("home")) as found:
        yield found


@pytest.fixture
def small_disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A file system of the size that the test's parameter names, as `mount` takes it."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    place = tmp_path / "disk"
    place.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={request.param}", "tmpfs", place]
    mounted = subprocess.run(words, capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", place], check=True)


@pytest.fixture
def kit(seeds: tuple[Path, Path], env: dict[str, str]) -> Kit:
    """A fresh copy of a module's `seeds`, in the very place where it was made: all of it holds absolute paths."""
    from tests.kit import Kit, copied  # it builds on this file

    source, place = seeds
    copied(source, place)
    return Kit(place / "shop", env)
