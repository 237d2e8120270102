"""The git hooks that init wants, native or by way of the pre-commit framework. Only looks.

No path of this machine goes into the user's working tree: other people's machines get that, too.
"""

from __future__ import annotations

import sys
from pathlib import Path

from orchestrator.adapters.git import Git
from orchestrator.assets import HOOKS, TRAILERS, hook
from orchestrator.config import Configuration
from orchestrator.errors import Refusal
from orchestrator.setup import framework, surroundings
from orchestrator.setup.parts import PROGRAM, Edit, File, Part
from orchestrator.setup.record import FRAMEWORK, Places, found
from orchestrator.setup.surroundings import HooksPlace

STUBS = "git:orchestrator/hooks"
CALL = 'orch="$(git rev-parse --git-common-dir)/orchestrator/hooks/${0##*/}"; [ ! -x "$orch" ] || "$orch" "$@"'
_MARK = b"/orchestrator/hooks/"


def hooks(places: Places, git: Git, settings: Configuration, choice: str) -> Part:
    """Return the hooks of the way that was chosen. Raises Refusal where it cannot be gone."""
    place = surroundings.hooks_place(git, places.main, places.common)
    if choice == FRAMEWORK:
        return _framework(places, place, settings)
    return _native(places, place, settings)


# --- native ---------------------------------------------------------------------------------------


def _native(places: Places, place: HooksPlace, settings: Configuration) -> Part:
    wanted = (*HOOKS, TRAILERS) if settings.hooks.trailers else HOOKS
    folder = STUBS if is_by_hand(place) else places.name(place.folder)
    texts = {name: hook(name, sys.executable, waits=settings.hooks.wait) for name in wanted}
    files = tuple(File(f"{folder}/{name}", content, PROGRAM) for name, content in texts.items())
    if place.is_off:
        why = f"core.hooksPath is {place.configured!r}, so git runs no hooks here; each command records what happened"
        return Part(notes=(why, *_choice(places)))
    if folder == STUBS:
        return Part(hooks=files, notes=_choice(places), by_hand=_call_by_hand(places, place, wanted))
    return Part(hooks=files, notes=(*_choice(places), *_elsewhere(place)))


def is_by_hand(place: HooksPlace) -> bool:
    """Tell whether the user's own hooks are to call ours, by a line that a person writes."""
    return place.is_in_tree or not _is_nameable(place)


def calling_folder(place: HooksPlace) -> Path:
    """Return the folder of the user's hooks into which that line goes."""
    return place.folder.parent if place.folder.name == "_" else place.folder  # husky's own scripts lie in _


def is_calling(content: bytes) -> bool:
    """Tell whether a hook of the user's holds that line."""
    return _MARK in content


def _is_nameable(place: HooksPlace) -> bool:
    """Tell whether the folder's name can be kept in the record, which is text."""
    return str(place.folder).encode(errors="replace") == str(place.folder).encode(errors="surrogateescape")


def _choice(places: Places) -> tuple[str, ...]:
    if not places.path(framework.FILE).exists():
        return ()
    why = (
        f"the hooks are native although there is a {framework.FILE}: the framework takes some 0.5 s for each stage of "
        "a commit and hides what is not staged meanwhile; `orchestrator init --hooks pre-commit` goes its way"
    )
    return (why,)


def _elsewhere(place: HooksPlace) -> tuple[str, ...]:
    if place.configured is None:
        return ()
    if place.configured.startswith("/"):
        return (f"core.hooksPath is {place.configured}: the hooks lie there, for every repository that uses it",)
    where = f"core.hooksPath is {place.configured!r}, which leads elsewhere in each linked worktree"
    return (f"{where}: what is committed there is recorded by the next command",)


def _call_by_hand(places: Places, place: HooksPlace, wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Return which line goes into which of the user's hooks, where it is not there yet."""
    folder = calling_folder(place)
    open_ones = [name for name in wanted if not is_calling(found(folder / name) or b"")]
    if not open_ones:
        return ()
    real = folder.resolve()
    shown = real.relative_to(places.main) if real.is_relative_to(places.main) else folder
    files = ", ".join(f"{shown}/{name}" for name in open_ones)
    named = "the folder of git's hooks leads to" if place.configured is None else "core.hooksPath is"
    why = f"{named} {place.configured or shown}, in the working tree, where no path of this machine is written."
    how = f"Add this as the last line of {files} (a new file begins with #!/bin/sh and is executable):"
    return (f"{why} {how}\n{CALL}",)


# --- by way of the framework ----------------------------------------------------------------------


def _framework(places: Places, place: HooksPlace, settings: Configuration) -> Part:
    if place.configured is not None:
        raise Refusal(
            f"core.hooksPath is {place.configured!r}, and pre-commit installs no hooks then",
            "orchestrator init --hooks native",
        )
    stages = framework.stages(settings.hooks.trailers)
    missing = framework.missing(place.folder, stages)
    content = found(places.path(framework.FILE))
    if content is None:
        return Part(files=(File(framework.FILE, framework.configuration(settings.hooks.trailers)),), stages=missing)
    if framework.is_there(content):
        return Part(stages=missing, by_hand=_missing_by_hand(content, stages))
    merge = framework.merged(content, settings.hooks.trailers, missing)
    if merge.content is None:
        text = (
            f"add this to the list `repos:` of {framework.FILE}, which is written in a way that init does not touch:\n"
        )
        return Part(stages=missing, by_hand=(text + framework.block(settings.hooks.trailers).rstrip("\n"),))
    says = "the hooks as the last entry of `repos:`" + (
        "; default_stages keeps yours to the stages they had" if len(merge.texts) > 1 else ""
    )
    edit = Edit(framework.FILE, merge.content, merge.texts, says, is_created=False)
    note = f"commit {framework.FILE} next: the framework refuses to run while it holds changes that are not staged"
    return Part(edits=(edit,), stages=missing, notes=(note,))


def _missing_by_hand(content: bytes, stages: tuple[str, ...]) -> tuple[str, ...]:
    """Return what to add where our hooks are there already, but for the one that came later."""
    if TRAILERS not in stages or framework.is_there(content, TRAILERS):
        return ()
    return (f"add this to our hooks in {framework.FILE}:\n{framework.TRAILERS_HOOK.rstrip()}",)
