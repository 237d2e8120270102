"""What the kit needs from outside: configuration, documents, the agent's program, git's settings."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from orchestrator import documents
from orchestrator.adapters.agent import agent_environment, plain
from orchestrator.config import FILE, Agent
from orchestrator.core.classified import MAP_FILE
from orchestrator.core.clients import CLIENTS
from orchestrator.documents import Effective
from orchestrator.errors import BadConfiguration
from orchestrator.verifying.findings import Found, error, note, warning
from orchestrator.verifying.settings import setting
from orchestrator.verifying.sight import Sight

_OLDEST_GIT = (2, 34)
# How a client tells by its exit status whether it is logged in, and how one logs in. Asked only where its help lists
# the first word: an older client would take the words for a prompt.
_LOGIN = {"claude": (("auth", "status"), "claude auth login"), "codex": (("login", "status"), "codex login")}
_PATIENCE = 20.0  # seconds


def configuration(sight: Sight) -> Iterator[Found]:
    """See that configuration and documents can be read as they stand."""
    line = sight.line
    if isinstance(line, BadConfiguration):
        where = MAP_FILE if str(line).startswith(MAP_FILE) else FILE
        yield error("V801", where, str(line), line.hint or "mend it there")
        return
    for problem in line.problems:
        yield error("V802", "the line", problem, "orchestrator workflows shows the line as it is read")
    if not line.line.documents and sight.features:
        what = f"no workflow document matches {line.configuration.workflows.glob!r}"
        yield error("V803", FILE, what, "set [workflows] glob")
    try:
        documents.check_filters(line)
    except BadConfiguration as broken:
        yield error("V801", FILE, str(broken), broken.hint)
    for row in documents.idle_validations(line):
        yield warning("V805", FILE, row, "write an id that `orchestrator workflows` shows, or take the row out")
    for one in line.drift:
        what = plain(f"the gate {one.heading!r} of workflow {one.workflow} {one.what}")
        yield warning("V806", plain(one.file), what, "read it there, then `orchestrator workflows --write`")
    for change in line.pending:
        yield note(
            "V804", "the line", f"a change waits for a person's yes: {change}", "the person finds it with the gates"
        )


def agent(sight: Sight) -> Iterator[Found]:
    """See that the agent's program is there, and logged in."""
    if not isinstance(sight.line, Effective):
        return
    found = sight.line.configuration
    name = _agent(found.agent)
    program = _program(sight, name) if name else None
    if not name:
        yield note(
            "V813", FILE, "no agent is configured: agents can only drive themselves", "set [agent] preset or command"
        )
    elif program is None:
        yield warning("V811", FILE, f"the agent's program {name!r} is not found", "install it, or mend [agent]")
    elif not _is_logged_in(program):
        login = _LOGIN[Path(program).name][1]
        yield warning("V812", program, "the agent says that it is not logged in", f"log in: `{login}`")


def notifier(sight: Sight) -> Iterator[Found]:
    """See that there is what the ways of notifying need."""
    if not isinstance(sight.line, Effective):
        return
    found = sight.line.configuration
    if found.notify.command and _program(sight, found.notify.command[0]) is None:
        what = f"the notifier {found.notify.command[0]!r} is not found"
        yield warning("V814", FILE, what, "install it, or mend [notify] command")
    if found.notify.urls and find_spec("apprise") is None:
        what = "[notify] urls are set, and the extra that sends to them is not installed"
        yield warning("V830", FILE, what, "install orchestrator[notify], or take the addresses out")


def _agent(found: Agent) -> str:
    """Return the program that does the work, empty where none is configured; a command wins over a preset."""
    if found.command or not found.preset:
        return found.command[0] if found.command else ""
    return CLIENTS[found.preset].program


def _program(sight: Sight, name: str) -> str | None:
    """Return a program as the agent's environment finds it; a relative path is looked for in the main worktree."""
    if os.sep in name:
        path = sight.workspace.main / name
        return str(path) if os.access(path, os.X_OK) and path.is_file() else None
    return shutil.which(name)


def _is_logged_in(program: str) -> bool:
    """Ask a client that can tell; True for all others, and where it gives no answer."""
    words = _LOGIN.get(Path(program).name, ((), ""))[0]
    if not words or not re.search(rf"^\s+{words[0]}\b", _said(program, "--help") or "", re.MULTILINE):
        return True
    return _said(program, *words) is not None


def _said(program: str, *words: str) -> str | None:
    """Return what a program printed, None for a failure."""
    environment = agent_environment(os.environ, {}, sign=False)
    try:
        done = subprocess.run(
            [program, *words], capture_output=True, stdin=subprocess.DEVNULL, env=environment, timeout=_PATIENCE,
            check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="replace") if done.returncode == 0 else None


def git_settings(sight: Sight) -> Iterator[Found]:
    """Name what in git's version and configuration bears on the kit."""
    git = sight.git
    version = tuple(int(part) for part in re.findall(r"\d+", git.text("version"))[:2])
    if version < _OLDEST_GIT:
        yield warning("V825", "git", f"git {'.'.join(map(str, version))} is older than 2.34", "install a newer git")
    if git.run("var", "GIT_COMMITTER_IDENT", accept=(0, 128)).returncode != 0:
        what = "git has no user.name and user.email here: steps that leave something to commit park"
        yield warning("V822", "git config", what, "git config user.name NAME; git config user.email ADDRESS")
    signs = setting(git, "commit.gpgSign", "--type=bool") == "true"
    if signs and isinstance(sight.line, Effective) and not sight.line.configuration.run.sign:
        what = "commit.gpgSign is set, and commits of runs are not signed: nobody is there to type a passphrase"
        yield note("V821", "git config", what, "[run] sign = true, with a key that does not ask")
    if setting(git, "core.logAllRefUpdates") in ("false", "no", "off", "0"):
        what = "reflogs are switched off: of several commits between two commands only the last gets a checkpoint"
        yield note("V823", "git config", what, "git config core.logAllRefUpdates true")
    if setting(git, "remote.origin.mirror", "--type=bool") == "true":
        what = "a push to origin carries the kit's refs, which hold uncommitted work too"
        yield note("V824", "git config", what, "push branches by their names")
