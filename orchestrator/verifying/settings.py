"""git's configuration as the user has it; the kit's own calls override some of it."""

from __future__ import annotations

import os

from orchestrator.adapters.git import Git


def setting(git: Git, key: str, *kind: str) -> str | None:
    """Return a value as the user's git sees it, or None. `kind` is a `--type=` of `git config`."""
    done = git.run("config", "--null", "--show-scope", *kind, "--get-all", key, accept=(0, 1))
    words = os.fsdecode(done.stdout).split("\0")
    values = [value for scope, value in zip(words[::2], words[1::2], strict=False) if scope != "command"]
    return values[-1] if values else None
