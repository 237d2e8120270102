"""A repository with a line that stops nobody, its commands run in this process: a tenth of a process' time each.

`tests/conftest.py` has the one with gates, and with the console script.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

from orchestrator import cli
from orchestrator.assets import HOOKS, hook
from orchestrator.core.state import Feature
from orchestrator.workspace import Workspace
from tests.conftest import Repo

AGENT = """\
cat >/dev/null
echo "$ORCHESTRATOR_WORKFLOW $ORCHESTRATOR_PHASE" >>"work-$ORCHESTRATOR_FEATURE.txt"
echo "decided" >>"$ORCHESTRATOR_CONTEXT/feat-${ORCHESTRATOR_FEATURE}_decisions.md"
[ ! -e "$ORCHESTRATOR_MAIN/.git/fail" ] || { rm "$ORCHESTRATOR_MAIN/.git/fail"; exit 1; }
"""
CONFIGURATION = """\
[workflows]
glob = "line/add-feature-*.md"
[agent]
command = ["sh", "agent.sh"]
"""
LINE = {
    "1-make": "# Make it\n\n## Phase 1: Write\n\nWrite the file.\n",
    "2-show": "# Show it\n\n## Phase 1: Draw\n\nDraw the screen.\n\n## Phase 2: File\n\nFile it.\n",
}


class Kit(Repo):
    """A repository whose commands run in this process, in the environment that the module's fixture sealed."""

    @property
    def home(self) -> Path:
        return self.root / ".git/orchestrator"

    @property
    def log(self) -> Path:
        return self.home / "events.jsonl"

    @property
    def context(self) -> Path:
        return self.root / ".context"

    def inside(self, *words: str, where: Path | None = None) -> tuple[int, str, str]:
        """Run a command as the console script does and return its exit status, stdout and stderr."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.chdir(where or self.root), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = cli._run(list(words))
        return status, out.getvalue(), err.getvalue()

    def do(self, *words: str) -> str:
        """Run a command that ends well, or says that nothing is left to do, and return its stdout."""
        status, out, err = self.inside(*words)
        assert status in (0, 10, 11), (words, status, out, err)
        return out

    def shown(self, *words: str) -> Any:
        """Run a command that ends well and return the JSON it prints."""
        return json.loads(self.do(*words, "--json"))

    def feature(self, slug: str) -> Feature:
        return Workspace.find(self.root).feature(slug)

    def digest(self) -> dict[str, str]:
        """Return what lies in the repository and beside it, by name: type, permissions and content."""
        return {str(path): _digest(path) for path in sorted(self.root.parent.rglob("*"))}


def _digest(path: Path) -> str:
    mode = path.lstat().st_mode
    if path.is_symlink():
        return f"{mode:o} -> {path.readlink()}"
    return f"{mode:o} {sha256(path.read_bytes()).hexdigest() if path.is_file() else ''}"


def copied(source: Path, to: Path) -> None:
    """Put a copy of `source` in the place of `to`, hard links and times kept."""
    shutil.rmtree(to, ignore_errors=True)
    subprocess.run(["cp", "-a", str(source), str(to)], check=True)


def created(root: Path, env: dict[str, str], *, hooks: bool = True) -> Kit:
    """Make a repository with a line and an agent, and the kit's hooks as `init` leaves them."""
    kit = Kit(root, env)
    kit.found(LINE, AGENT, CONFIGURATION)
    kit.write(".git/info/exclude", ".context/\n")
    kit.commit("begin")
    for name in HOOKS if hooks else ():
        install(root / ".git/hooks" / name, hook(name, sys.executable))
    return kit


def install(path: Path, text: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text)
    path.chmod(0o755)


def commit_seed() -> int:
    """Return a number that moves with the commit that is checked out, or SEED's; 1 where there is neither."""
    words = ["git", "rev-parse", "HEAD"]
    done = subprocess.run(words, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    return int(os.environ.get("SEED") or (int(done.stdout[:6], 16) if done.returncode == 0 else 1))
