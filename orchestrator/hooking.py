"""What the git hooks call. It prints nothing but pre-push's line, and nothing it meets fails a commit."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from orchestrator import checkpoints
from orchestrator.adapters.git import Git
from orchestrator.assets import DRAINING
from orchestrator.core.state import Feature
from orchestrator.errors import OrchestratorError
from orchestrator.workspace import Workspace


def call(name: str, arguments: Sequence[str]) -> None:
    """Do what a hook is for. What fails is left to the next command, which drains first and says so."""
    try:
        workspace = Workspace.find(Path.cwd(), f"orchestrator hook {name}")
        if not workspace.is_set_up:
            return
        if name in DRAINING:
            _drain(workspace, name)
        elif name == "pre-push":
            _warn(workspace, sys.stdin.read())
        elif name == "prepare-commit-msg":
            _add_trailers(workspace, arguments)
    except (OrchestratorError, OSError) as error:
        _remember(error, name)


def _drain(workspace: Workspace, name: str) -> None:
    """Record what git did, away from the terminal that started it."""
    with contextlib.suppress(PermissionError):  # the job leads its session already
        os.setsid()
    marker = workspace.home / "drain"
    with checkpoints.numbering(workspace):  # then the marker: commits meanwhile wait for one job, not for many
        marker.unlink(missing_ok=True)
        checkpoints.drain_held(workspace, f"hook:{name}")
    if _is_mine(marker):  # the stub named this job only after it had begun
        marker.unlink(missing_ok=True)
        checkpoints.drain(workspace, f"hook:{name}")
    workspace.close()


def _is_mine(marker: Path) -> bool:
    try:
        return marker.read_text(encoding="ascii").strip() == str(os.getpid())
    except (FileNotFoundError, UnicodeDecodeError):
        return False


def _remember(error: Exception, name: str) -> None:
    """Keep the reason for `verify`; a hook has nobody to tell."""
    with contextlib.suppress(OrchestratorError, OSError):
        home = Workspace.find(Path.cwd()).home
        if home.is_dir():
            (home / "hook-trouble").write_text(f"{name}: {error}\n", encoding="utf-8")


def _warn(workspace: Workspace, stdin: str) -> None:
    """Say in a line when a push carries commits behind an undecided deploy gate, or checkpoint tags."""
    rows = [row.split(" ") for row in stdin.splitlines() if row.count(" ") == 3]
    tags = sum(row[0].startswith("refs/tags/checkpoint/") for row in rows)
    if tags:
        click.echo(f"orchestrator: this push carries {tags} checkpoint/* tags, which are yours alone")
    for feature in workspace.load().features.values():
        if feature.gate is None or feature.gate.gate.type != "deploy" or feature.tip is None:
            continue
        if any(_carries(workspace.git, row[1], feature) for row in rows):
            click.echo(
                f"orchestrator: this push carries commits of {feature.slug}, which waits at an undecided deploy gate: "
                f"{feature.gate.gate.heading}"
            )


def _carries(git: Git, sha: str, feature: Feature) -> bool:
    if not sha.strip("0") or feature.tip is None:
        return False
    return git.run("merge-base", "--is-ancestor", feature.tip, sha, accept=(0, 1, 128)).returncode == 0


def _add_trailers(workspace: Workspace, arguments: Sequence[str]) -> None:
    """Add `Feature:` and `Workflow:` to a message on a feature's branch."""
    branch = Git(Path.cwd()).branch()
    features = workspace.load().features.values()
    feature = next((one for one in features if one.branch == branch and not one.retired), None)
    if feature is None or not arguments:
        return
    words = [f"--trailer=Feature: {feature.slug}", f"--trailer=Workflow: {feature.place.workflow}"]
    Git(Path.cwd()).run("interpret-trailers", "--in-place", "--if-exists=doNothing", *words, arguments[0])
