"""What is loaded when: by the names of modules that must not be, never by milliseconds."""

from __future__ import annotations

import subprocess
import sys

from orchestrator.group import COMMANDS, MODULES
from tests.conftest import PROGRAM, Repo

HEAVY = {"jinja2", "starlette", "uvicorn", "rich", "markdown_it", "jq", "yaml", "sqlite3", "psutil", "filelock"}
HEAVY |= {"importlib.metadata", "altair"}


def loaded(*words: str, repo: Repo | None = None) -> list[str]:
    """Return the modules that `python -I WORDS` loads, in the order in which their loading ended."""
    command = [sys.executable, "-I", "-X", "importtime", *words]
    cwd, env = (repo.root, repo.env) if repo else (None, None)
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = [row.rpartition("|")[2].strip() for row in done.stderr.splitlines() if row.startswith("import time:")]
    return rows[1:]


def heavy(modules: list[str]) -> list[str]:
    return [one for one in modules if one in HEAVY]


def rooms(modules: list[str]) -> list[str]:
    return [one for one in modules if one.split(".")[0] == "orchestrator"]


def test_help_loads_nothing_heavy_and_no_command() -> None:
    found = loaded("-m", "orchestrator", "--help")
    assert heavy(found) == []
    assert set(rooms(found)) <= {"orchestrator", "orchestrator.cli", "orchestrator.errors", "orchestrator.group"}


def test_the_version_loads_nothing_heavy() -> None:
    assert heavy(loaded("-m", "orchestrator", "--version")) == []


def test_the_installed_script_loads_no_more_than_the_module() -> None:
    assert heavy(loaded(str(PROGRAM), "--help")) == []


def test_no_command_loads_anything_heavy_before_it_runs() -> None:
    """One process imports them one after the other and prints what each of them added."""
    names = [MODULES.get(name, name) for name in COMMANDS]
    code = (
        "import sys, importlib\n"
        f"heavy = {sorted(HEAVY)!r}\n"
        f"for name in {names!r}:\n"
        "    before = set(sys.modules)\n"
        "    importlib.import_module('orchestrator.commands.' + name)\n"
        "    for one in heavy:\n"
        "        if one in sys.modules and one not in before: print(name, one)\n"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("", "")


def test_a_commits_hook_loads_sqlite_at_its_end_and_nothing_else_that_is_heavy(repo: Repo) -> None:
    repo.run("start", "payment")
    repo.git("switch", "-q", "feat/payment")
    repo.commit("by hand")
    found = loaded("-m", "orchestrator", "hook", "post-commit", repo=repo)
    assert [one["payload"]["action"] for one in repo.events("checkpoint_created")] == ["commit: by hand"]
    assert heavy(found) == ["sqlite3"]
    assert rooms(found[found.index("sqlite3") :]) == ["orchestrator.log.database"]


def test_a_commits_hook_reads_no_document_and_runs_no_agent(repo: Repo) -> None:
    repo.run("start", "payment")
    repo.git("switch", "-q", "feat/payment")
    repo.commit("by hand")
    found = rooms(loaded("-m", "orchestrator", "hook", "post-commit", repo=repo))
    assert {"orchestrator.documents", "orchestrator.perform", "orchestrator.runner"} & set(found) == set()


def test_a_hook_in_a_repository_without_a_log_loads_nothing_heavy(repo: Repo) -> None:
    assert heavy(loaded("-m", "orchestrator", "hook", "post-commit", repo=repo)) == []
