"""Runs a real client headless in a linked worktree, as a preset would, with an empty HOME; judges no result."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from orchestrator.adapters.agent import RUN_ID, end_leftovers
from orchestrator.core.values import Value

FOLDER = Path(os.environ.get("ORCHESTRATOR_CLIENTS") or Path(__file__).parents[2] / ".clients")
PROGRAMS = FOLDER / "node_modules/.bin"
KEY = "dummy"
LIMIT = 120.0  # seconds after which a client is ended


class Ran(Value):
    """How a client ended: exit status, negative for a signal; None where the harness ended it after its limit.

    `text` is stdout and stderr in one stream, as the kit reads it; `left` counts the processes that were still
    there after it.
    """

    code: int | None
    text: str
    seconds: float
    left: int

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines() if line.startswith("{")]

    @property
    def last(self) -> dict[str, Any]:
        return self.events[-1]


def environment(home: Path, url: str) -> dict[str, str]:
    """Return the environment of a person with an empty HOME, whose machine reaches the stand-in and nothing else."""
    home.mkdir(parents=True, exist_ok=True)
    return {
        "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "SHELL": "/bin/sh",
        "IS_SANDBOX": "1",
        "HTTP_PROXY": url,
        "HTTPS_PROXY": url,
        "NO_PROXY": "127.0.0.1",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
    }


def claude(home: Path, url: str) -> dict[str, str]:
    """Set Claude Code up: a key and where to ask by environment, nothing on disk."""
    return {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": KEY, "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}


def codex(home: Path, url: str) -> dict[str, str]:
    """Set Codex up: a provider of its own in an otherwise empty CODEX_HOME."""
    folder = home / "codex"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.toml").write_text(
        'model = "scripted"\n'
        'model_provider = "standin"\n'
        "check_for_update_on_startup = false\n"
        "[analytics]\n"
        "enabled = false\n"
        "[model_providers.standin]\n"
        'name = "stand-in"\n'
        f'base_url = "{url}/v1"\n'
        'env_key = "STANDIN_KEY"\n'
        'wire_api = "responses"\n'
    )
    return {"CODEX_HOME": str(folder), "STANDIN_KEY": KEY}


def opencode(home: Path, url: str) -> dict[str, str]:
    """Set opencode up: a provider of its own by a configuration file outside of the repository."""
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "stand-in",
        "options": {"baseURL": f"{url}/v1", "apiKey": KEY},
        "models": {"scripted": {"name": "scripted", "cost": {"input": 1000, "output": 1000}}},
    }
    path = home / "opencode.json"
    found = {
        "$schema": "https://opencode.ai/config.json",
        "model": "standin/scripted",
        "autoupdate": False,
        "share": "disabled",
        "provider": {"standin": provider},
    }
    path.write_text(json.dumps(found))
    return {
        "OPENCODE_CONFIG": str(path),
        "OPENCODE_DISABLE_AUTOUPDATE": "1",
        "OPENCODE_DISABLE_MODELS_FETCH": "1",
        "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
        "OPENCODE_DISABLE_DEFAULT_PLUGINS": "1",
    }


SETUPS: Mapping[str, Callable[[Path, str], dict[str, str]]] = {"claude": claude, "codex": codex, "opencode": opencode}


def installed(name: str) -> bool:
    return (PROGRAMS / name).exists()


class Place:
    """A repository with a linked worktree, an empty HOME and one client that is set up."""

    def __init__(self, folder: Path, name: str, url: str) -> None:
        self.name = name
        self.root = folder / "shop"
        self.tree = folder / "shop.worktrees/payment"
        home = folder / "home"
        self.env = {**environment(home, url), **SETUPS[name](home, url), RUN_ID: uuid.uuid4().hex}
        self.root.mkdir(parents=True)
        for words in (
            ("init", "--quiet", "--initial-branch=main"),
            ("config", "user.name", "A Person"),
            ("config", "user.email", "person@example.com"),
            ("commit", "--quiet", "--allow-empty", "-m", "begin"),
            ("worktree", "add", "--quiet", "-b", "feat/payment", str(self.tree)),
        ):
            self.git(*words, cwd=self.root)

    def git(self, *words: str, cwd: Path | None = None) -> str:
        done = subprocess.run(
            ["git", *words], cwd=cwd or self.tree, env=self.env, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def run(
        self,
        command: Sequence[str],
        prompt: str,
        *,
        env: Mapping[str, str] | None = None,
        limit: float = LIMIT,
        until: Callable[[str], bool] = lambda text: False,
        by: signal.Signals = signal.SIGKILL,
    ) -> Ran:
        """Run the client to its end, or until `until` holds of its output, then send it `by`; end all it leaves."""
        output = self.tree.parent / "output"
        begun = time.monotonic()
        with tempfile.TemporaryFile() as stdin, output.open("wb") as out:
            stdin.write(prompt.encode())
            stdin.seek(0)
            child = subprocess.Popen(
                command, cwd=self.tree, env={**self.env, **(env or {})}, stdin=stdin, stdout=out,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        try:
            code = _code(child, begun + limit, lambda: until(output.read_text(errors="replace")), by)
            seconds = time.monotonic() - begun
        finally:
            left = end_leftovers(self.env[RUN_ID], 2.0)
            child.wait()
        return Ran(code, output.read_text(errors="replace"), seconds, left)


def _code(child: subprocess.Popen[bytes], end: float, is_due: Callable[[], bool], by: signal.Signals) -> int | None:
    sent = False
    while time.monotonic() < end:
        with suppress(subprocess.TimeoutExpired):
            return child.wait(0.05)
        if not sent and is_due():
            child.send_signal(by)
            sent = True
    return None
