"""Gives a linked worktree what git does not bring: `[worktrees] copy`, then `setup`. Never touches the main worktree.

What was done is remembered in the worktree's own git directory: it goes with the worktree, and one that is made anew
gets all of it again.
"""

from __future__ import annotations

import threading
import uuid
from hashlib import sha256
from pathlib import Path

import msgspec
from msgspec.structs import replace

from orchestrator import attempts, confining, worktrees
from orchestrator.adapters import copying
from orchestrator.adapters.agent import Ran, end_leftovers, one_line, run_validation
from orchestrator.adapters.durable import content_of, mend, sync_filesystem, write_durably
from orchestrator.core import telling
from orchestrator.core.state import Feature
from orchestrator.core.steps import Step
from orchestrator.core.values import Value
from orchestrator.errors import AgentFault, Refusal
from orchestrator.workspace import Workspace, about


class Furnished(Value):
    """What a worktree was given."""

    copied: tuple[str, ...] = ()  # entries of `copy` that were taken, each once
    missed: tuple[str, ...] = ()  # entries that named nothing, which was said once
    setup: str = ""  # sha256 of the command that succeeded last
    run: str = ""  # whose processes may be left: a setup that was begun


def furnish(workspace: Workspace, feature: Feature, step: Step, stop: threading.Event) -> bool:
    """Make the feature's worktree where it is missing and give it what is configured; False: stopped by the keyboard.

    Cheap where all of it was done. Raises Refusal where the worktree cannot be made or the setup failed: the same
    again at the next try.
    """
    wanted = workspace.configuration.worktrees
    if not (wanted.copy or wanted.setup):
        return True
    path = worktrees.ensure(workspace, feature)
    if worktrees.is_main(workspace, path):
        return True
    feature = workspace.world.features[feature.id]
    _copy(workspace, feature, path)
    return _set_up(workspace, feature, step, path, stop)


def read(path: Path) -> Furnished:
    """Return what a worktree was given; where nothing says so, nothing."""
    try:
        return msgspec.json.decode(content_of(_mark(path)), type=Furnished)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return Furnished()


def _mark(path: Path) -> Path:
    return worktrees.git_dir(path) / worktrees.FURNISHED


def _keep(path: Path, found: Furnished) -> None:
    """Remember what was given, after it is on the disk itself."""
    sync_filesystem(path)
    write_durably(_mark(path), msgspec.json.encode(found))


def _copy(workspace: Workspace, feature: Feature, path: Path) -> None:
    found = before = read(path)
    for entry in (one for one in workspace.configuration.worktrees.copy if one not in before.copied):
        try:
            copied = copying.copy(workspace.main, path, entry)
        except OSError as error:
            what = f"[worktrees] copy: {error.filename or entry}: {error.strerror or error}"
            raise Refusal(what, mend(error.errno)) from error
        said = list(copied.left)
        if not copied.is_missing:
            missed = tuple(one for one in found.missed if one != entry)
            found = replace(found, copied=(*found.copied, entry), missed=missed)
        elif entry not in before.missed:
            said.append(f"there is no {entry} in the main worktree; it is copied as soon as there is")
            found = replace(found, missed=(*found.missed, entry))
        workspace.notices += [f"{feature.slug}: [worktrees] copy: {one_line(one)}" for one in said]
    if found != before:
        _keep(path, found)


def _set_up(workspace: Workspace, feature: Feature, step: Step, path: Path, stop: threading.Event) -> bool:
    command = workspace.configuration.worktrees.setup
    found, wanted = read(path), sha256(command.encode()).hexdigest()
    if found.run:
        end_leftovers(found.run)
        confining.clear(found.run)
    if not command or found.setup == wanted:
        return True
    begun = replace(found, setup="", run=uuid.uuid4().hex)
    _keep(path, begun)  # first: what is left of a setup that this kit does not survive is found by its run
    dirt = set(workspace.git.at(path).dirt())
    ran = _run(workspace, feature, step, path, begun.run, stop)
    failure = _failure(workspace, feature, ran)
    _keep(path, replace(begun, setup="" if failure or ran.stopped else wanted, run=""))
    if ran.stopped:
        return False
    if failure:
        raise failure
    changed = sorted(set(workspace.git.at(path).dirt()) - dirt)
    if changed:
        named = f"the setup left changes that git does not ignore ({one_line(', '.join(changed[:3]))})"
        workspace.notices.append(about(feature.slug, f"{named}; the first step commits them"))
    return True


def _run(workspace: Workspace, feature: Feature, step: Step, path: Path, run: str, stop: threading.Event) -> Ran:
    """Run the setup, in a sandbox where steps run in one: it runs files of the worktree, which agents write."""
    environment = attempts.environment(workspace, feature, step, run)
    try:
        with confining.room(workspace, feature, path, run, environment) as room:
            return run_validation(
                workspace.configuration.worktrees.setup,
                directory=path,
                environment=room.environment,
                limit=workspace.configuration.timeout,
                output=attempts.output_file(workspace, feature, "setup"),
                stop=stop,
                writable=room.writable,
            )
    except AgentFault as error:
        raise Refusal(f"the setup could not be run: {error}", error.hint) from error


def _failure(workspace: Workspace, feature: Feature, ran: Ran) -> Refusal | None:
    if ran.code == 0 and not ran.timed_out:
        return None
    how = "ran into the time limit" if ran.timed_out else f"failed (exit {ran.code})"
    last = telling.one_line(one_line(ran.text.rstrip().rpartition("\n")[2])) or "it printed nothing"
    output = attempts.output_file(workspace, feature, "setup")
    return Refusal(f"the setup {how}: {last}", f"its output is in {output}")
