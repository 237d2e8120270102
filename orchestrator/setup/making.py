"""The make targets and the ignore rules, as what init wants of them."""

from __future__ import annotations

import re
from pathlib import Path

from orchestrator.config import Configuration
from orchestrator.makefile import render
from orchestrator.setup import surroundings
from orchestrator.setup.parts import File, Part, with_lines
from orchestrator.setup.record import Places, Record, found

FILE = "orchestrator.mk"
LINE = f"-include {FILE}"
EXCLUDE = "git:info/exclude"
_INCLUDED = re.compile(rb"^ *[-s]?include[ \t][^#\n]*\borchestrator\.mk\b", re.MULTILINE)


def make(places: Places, record: Record) -> Part:
    """Return orchestrator.mk, and the line that includes it at the end of the Makefile that make reads.

    At the end: what the user's lines say of `$(lastword $(MAKEFILE_LIST))` stays true.
    """
    name = surroundings.makefile(places.main)
    targets = File(FILE, render(surroundings.taken(places.main, name) if name else frozenset()).encode())
    path = places.path(name or "Makefile")
    if is_included(found(path) if path.is_file() else b""):
        return Part(files=(targets,))
    if name and not path.resolve().is_relative_to(places.main.resolve()):
        by_hand = f"{name} is a link that leads out of this repository; the line for it is:\n{LINE}"
        return Part(files=(targets,), by_hand=(by_hand,))
    edit = with_lines(places, path.name, [LINE], f"one line: {LINE}", _old(record, path.name))
    return Part(files=(targets,), edits=(edit,) if edit else ())


def is_included(content: bytes | None) -> bool:
    """Tell whether a Makefile includes the targets, in whatever words."""
    return _INCLUDED.search(content or b"") is not None


def ignore(places: Places, settings: Configuration, record: Record) -> Part:
    """Return the ignore rules, which hold in every worktree of the clone; .gitignore is not touched.

    The contents of `.context/` are ignored and not the folder: the user's own `!.context/...` goes on to count.
    """
    rules = ["# orchestrator: its working files, in every worktree of this clone", "/.context/*", "/.orchestrator-*"]
    root = places.main / Path(settings.worktrees.root).expanduser()
    inside = root.resolve() if settings.worktrees.root else places.main.parent
    if inside != places.main and inside.is_relative_to(places.main):
        rules.append(f"/{inside.relative_to(places.main).as_posix()}/")
    edit = with_lines(places, EXCLUDE, rules, "ignore rules for .context/", _old(record, EXCLUDE))
    return Part(edits=(edit,) if edit else ())


def _old(record: Record, name: str) -> tuple[str, ...]:
    kept = record.inserted.get(name)
    return kept.texts if kept else ()
