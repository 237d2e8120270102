"""What the git hooks call. It prints nothing but pre-push's line, and nothing it meets fails a commit."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from orchestrator import checkpoints
from orchestrator.adapters.durable import write_atomically
from orchestrator.adapters.git import Git
from orchestrator.assets import DRAINING
from orchestrator.core.state import Feature
from orchestrator.core.values import FeatureId, Sha
from orchestrator.errors import Busy, OrchestratorError
from orchestrator.workspace import Workspace

_PATIENCE = 2.0  # seconds


def call(name: str, arguments: Sequence[str]) -> None:
    """Do what a hook is for. What fails is left to the next command, which drains first and says so."""
    try:
        workspace = Workspace.find(Path.cwd(), f"orchestrator hook {name}")
        if name in DRAINING:
            _drain(workspace, f"hook:{name}")
        elif workspace.is_set_up and name == "pre-push":
            _warn(workspace, _pushed(sys.stdin.read(), os.environ))
        elif workspace.is_set_up and name == "prepare-commit-msg":
            _add_trailers(workspace, arguments)
    except Busy:  # whoever is at work may hang; a hook waits for nobody, and the next command drains
        return
    except (OrchestratorError, OSError) as error:
        _remember(error, name)


def _drain(workspace: Workspace, actor: str) -> None:
    """Record what git did, away from the terminal that started it, until nothing is left to record.

    The marker goes before the last look: a commit afterwards finds none and starts a job of its own, and one
    before is seen. What cannot be recorded is looked at once.
    """
    with contextlib.suppress(PermissionError):  # the job leads its session already
        os.setsid()
    left: dict[FeatureId, Sha | None] = {}
    while True:
        _drain_once(workspace, actor)
        seen, left = left, checkpoints.unrecorded(workspace) if workspace.is_set_up else {}
        if left in ({}, seen) or not _is_claimed(checkpoints.marker(workspace)):
            return


def _drain_once(workspace: Workspace, actor: str) -> None:
    """Record what there is, then take the marker away, whatever happened."""
    try:
        if workspace.is_set_up:
            with checkpoints.numbering(workspace, _PATIENCE):
                checkpoints.drain_held(workspace, actor)
                workspace.close()
    finally:
        checkpoints.marker(workspace).unlink(missing_ok=True)


def _is_claimed(marker: Path) -> bool:
    """Make the marker in this job's name; False where another job was started meanwhile."""
    try:
        with marker.open("x", encoding="ascii") as file:
            file.write(f"{os.getpid()}\n")
    except FileExistsError:
        return False
    return True


def _remember(error: Exception, name: str) -> None:
    """Keep the reason for `verify`; a hook has nobody to tell."""
    with contextlib.suppress(OrchestratorError, OSError):
        home = Workspace.find(Path.cwd()).home
        if home.is_dir():
            write_atomically(home / "hook-trouble", f"{name}: {error}\n".encode())


def _pushed(stdin: str, environment: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return each local ref that is pushed, and what it holds: a commit, or a name that leads to it.

    The pre-commit framework keeps git's list to itself and tells of one ref, in the environment.
    """
    rows = [row.rsplit(" ", 3) for row in stdin.splitlines() if row.count(" ") > 2]
    local = environment.get("PRE_COMMIT_LOCAL_BRANCH", "")
    if rows or not local:
        return [(row[0], row[1]) for row in rows]
    return [(local, environment.get("PRE_COMMIT_TO_REF") or local)]


def _warn(workspace: Workspace, pushed: Sequence[tuple[str, str]]) -> None:
    """Say in a line when a push carries commits behind an undecided deploy gate, or checkpoint tags."""
    tags = sum(name.startswith("refs/tags/checkpoint/") for name, _ in pushed)
    if tags:
        click.echo(f"orchestrator: this push carries {tags} checkpoint/* tags, which are yours alone")
    for feature in workspace.load().features.values():
        if feature.gate is None or feature.gate.gate.type != "deploy" or feature.tip is None:
            continue
        if any(_carries(workspace.git, commit, feature) for _, commit in pushed):
            click.echo(
                f"orchestrator: this push carries commits of {feature.slug}, which waits at an undecided deploy gate: "
                f"{feature.gate.gate.heading}"
            )


def _carries(git: Git, sha: str, feature: Feature) -> bool:
    if not sha.strip("0") or feature.tip is None:
        return False
    return git.leads_to(feature.tip, Sha(sha))


def _add_trailers(workspace: Workspace, arguments: Sequence[str]) -> None:
    """Add `Feature:` and `Workflow:` to a message on a feature's branch."""
    branch = Git(Path.cwd()).branch()
    features = workspace.load().features.values()
    feature = next((one for one in features if one.branch == branch and not one.retired), None)
    if feature is None or not arguments:
        return
    words = [f"--trailer=Feature: {feature.slug}", f"--trailer=Workflow: {feature.place.workflow}"]
    Git(Path.cwd()).run("interpret-trailers", "--in-place", "--if-exists=doNothing", *words, arguments[0])
