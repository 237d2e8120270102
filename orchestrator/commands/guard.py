"""`guard`: lets a push to a protected branch pass only where its gates are approved and signed. Believes no log."""

from __future__ import annotations

import glob
import os
import re
import sys
from pathlib import Path

import click

from orchestrator import guarding
from orchestrator.adapters.git import Git
from orchestrator.core.values import Sha
from orchestrator.errors import Refusal, WrongUsage
from orchestrator.guarding import Guard, Update
from orchestrator.workspace import now

_PLAIN = re.compile(r"HEAD|refs/.+|[0-9a-f]{40}|[0-9a-f]{64}")


@click.command("guard")
@click.option(
    "--signers", type=click.Path(path_type=Path), required=True, metavar="FILE",
    help="Whose signature counts: an allowed-signers file of the server's own.",
)  # fmt: skip
@click.option("--protect", multiple=True, default=("main",), metavar="BRANCH", help="A protected branch, or a glob.")
@click.option(
    "--base", default="", metavar="COMMIT",
    help="In CI: what the branch holds, by a whole name (refs/remotes/origin/main) or hash.",
)  # fmt: skip
@click.option("--head", default="", metavar="COMMIT", help="In CI: what it is to hold, by HEAD, a whole name or hash.")
def command(signers: Path, protect: tuple[str, ...], base: str, head: str) -> None:
    """Check a push: as a pre-receive hook on standard input, or in CI with --base and --head."""
    if bool(base) != bool(head):
        raise WrongUsage("--base and --head go together", "orchestrator guard --help")
    allowed = _allowed(signers)
    git = guarding.quarantined(Path.cwd(), os.environ)
    if base:  # whatever the branch is called, this is a push to it
        pushed = [_update(git, protect[0], base, head)]
        protect = tuple(glob.escape(one.ref) for one in pushed)
    else:
        pushed = guarding.updates(map(os.fsdecode, sys.stdin.buffer))
    refused = Guard(git, protect, allowed, now()).check(pushed)
    if refused:
        raise Refusal("; ".join(refused), "a person approves and signs, then `orchestrator publish` and push again")


def _allowed(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise Refusal(f"{path}: {why}", "write it with: orchestrator signers list --ssh") from error


def _update(git: Git, branch: str, base: str, head: str) -> Update:
    return Update(ref=f"refs/heads/{branch}", old=_commit(git, base), new=_commit(git, head))


def _commit(git: Git, name: str) -> Sha:
    if not _PLAIN.fullmatch(name):
        raise Refusal(
            f"{name!r} may mean a tag, a branch or a remote's", "give its whole name or hash: refs/remotes/origin/main"
        )
    found = git.commit(name)
    if found is None:
        raise Refusal(f"{name!r} is no commit here", "fetch it, with its history: git fetch --unshallow")
    return found
