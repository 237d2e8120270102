"""Leaves behind what is wanted: recorded first, then written. Commits nothing, replaces nothing of the user's."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace

from orchestrator.adapters.durable import said_in_one_line, write_atomically
from orchestrator.adapters.git import Git
from orchestrator.assets import asset, names
from orchestrator.core.values import Value
from orchestrator.errors import Refusal
from orchestrator.makefile import is_outdated
from orchestrator.setup import chaining, claude, framework, hooks, instructions, lining, making
from orchestrator.setup import record as records
from orchestrator.setup.chaining import Standing
from orchestrator.setup.inserting import holds
from orchestrator.setup.parts import PROGRAM, Edit, File, Part, joined
from orchestrator.setup.record import NATIVE, Inserted, Places, Record, digest, found
from orchestrator.setup.removing import Undone, rewrite, undo

T = TypeVar("T")
AGENT = ".claude/agents/workflow-orchestrator.md"
ROLLBACK = "orchestrator-rollback.sh"


class Asked(Value):
    """What the command line asks for; `choice` and `agents` are empty where it says nothing."""

    choice: str = ""
    scripts: bool = False
    agents: tuple[str, ...] = ()


class Outcome(Value):
    """What init did, by the names of the record. `kept`: was there and is not the kit's, so it stays."""

    part: Part
    wrote: tuple[str, ...]
    kept: tuple[str, ...]
    hooks: tuple[str, ...]
    chained: tuple[str, ...]
    undone: Undone

    @property
    def is_unchanged(self) -> bool:
        """Tell whether everything was there already."""
        did = self.wrote or self.part.edits or self.hooks or self.part.stages
        return not did and not self.undone.is_something


def install(places: Places, git: Git, asked: Asked) -> Outcome:
    """Set the repository up. Raises Refusal, BadConfiguration, NotRecorded; can be called again then."""
    old = records.read(places) or Record()
    choice = asked.choice or old.choice
    agents = tuple(dict.fromkeys([*old.agents, *asked.agents]))
    part = _wanted(places, git, old, choice, agents, asked.scripts)
    _refuse_obstacles(places, part)
    undone = undo(places, _unwanted(old, part, choice))
    if undone.is_something:  # what was there before lies open again
        part = _wanted(places, git, old, choice, agents, asked.scripts)
    files = [one for one in part.files if _is_due(places.path(one.name), one, old)]
    stubs, notes = _due_hooks(places, part.hooks, old)
    new = replace(_recorded(places, old, files, part, stubs, choice), agents=agents)
    records.write(places, new)
    _make_folders(places, [*files, *part.edits, *stubs])
    chained = [one.name for one in stubs if chaining.write(places, one, old.hooks.get(one.name))]
    for one in files:
        write_atomically(places.path(one.name), one.content, one.mode)
    for edit in part.edits:
        rewrite(places.path(edit.name), edit.content)
    framework.install(places.main, part.stages)
    kept = [one.name for one in part.files if found(places.path(one.name)) != one.content]
    return Outcome(
        part=replace(part, notes=(*part.notes, *notes)),
        wrote=tuple(one.name for one in files),
        kept=tuple(kept),
        hooks=tuple(one.name for one in stubs),
        chained=tuple(chained),
        undone=undone,
    )


def uncommitted(places: Places, git: Git) -> list[str]:
    """Return what init wrote into the working tree and git holds not yet as it is; ignored files are left out."""
    record = records.read(places) or Record()
    names = [one for one in (*record.written, *record.inserted) if not one.startswith("git:")]
    there = [name for name in names if places.path(name).exists()]
    if not there:
        return []
    rows = git.names("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--", *there)
    return sorted(row[3:] for row in rows)


def _names(wanted: Iterable[File | Edit]) -> list[str]:
    return [one.name for one in wanted]


def _wanted(places: Places, git: Git, old: Record, choice: str, agents: tuple[str, ...], scripts: bool) -> Part:
    line = lining.line(places, old)
    readers = tuple(one for one in agents if one in instructions.CLIENTS)
    return joined([
        line.part,
        making.make(places, old),
        making.ignore(places, line.settings, old),
        hooks.hooks(places, git, line.settings, choice),
        Part(files=(File(AGENT, asset("workflow-orchestrator.md")), *_scripts(scripts))),
        claude.settings(places) if claude.CLAUDE in agents else Part(),
        instructions.agents_md(places, old, readers) if readers else Part(),
    ])  # fmt: skip


def _scripts(all_of_them: bool) -> Iterable[File]:
    """Give the scripts of the user's old names; one alone where not asked for the others."""
    chosen = names("scripts") if all_of_them else (ROLLBACK,)
    return (File(f"scripts/{name}", asset("scripts", name), PROGRAM) for name in chosen)


# --- what is in the way ---------------------------------------------------------------------------


def _refuse_obstacles(places: Places, part: Part) -> None:
    """Raise Refusal, before anything is written, where something cannot be."""
    every: list[File | Edit] = [*part.files, *part.edits, *part.hooks]
    for one in every:
        path = places.path(one.name)
        if path.is_dir():
            raise records.a_folder(path)
        above = next(folder for folder in path.parents if os.path.lexists(folder))
        if not above.is_dir():
            raise Refusal(f"{above} is no folder, and init writes {path.name} below it", "move it out of the way")
        if not os.access(above, os.W_OK) and found(path) != one.content:
            raise Refusal(f"{above} is not writable for you", "make it writable, then call init again")


def _is_due(path: Path, wanted: File, old: Record) -> bool:
    """Tell whether a file is to be written: there is none, or an older text of the kit's.

    The make targets are known by their first line, too: a colleague's init wrote what is committed.
    """
    if not os.path.lexists(path):
        return True
    content = found(path)
    if content is None or content == wanted.content:
        return False
    if digest(content) in old.written.get(wanted.name, ()):
        return True
    return wanted.name == making.FILE and is_outdated(content.decode(errors="replace"), wanted.content.decode())


def _due_hooks(places: Places, wanted: Iterable[File], old: Record) -> tuple[list[File], list[str]]:
    """Return the hooks to write, and why others stay as they are."""
    due: list[File] = []
    notes: list[str] = []
    for one in wanted:
        match chaining.standing(places, one, old.hooks.get(one.name)):
            case Standing.CURRENT:
                pass
            case Standing.CHANGED:
                notes.append(f"{places.shown(one.name)} was changed since init wrote it; it stays as it is")
            case Standing.BLOCKED:
                beside = chaining.chained(places.path(one.name)).name
                notes.append(f"{places.shown(one.name)} stays: {beside} beside it is taken by yet another hook")
            case _:
                due.append(one)
    return due, notes


# --- the record -----------------------------------------------------------------------------------


def _unwanted(old: Record, part: Part, choice: str) -> Record:
    """Return what was written for a choice that holds no longer."""
    wanted = {one.name for one in part.hooks}
    hooks = {name: one for name, one in old.hooks.items() if name not in wanted}
    if choice != NATIVE:
        return Record(hooks=hooks)
    return Record(
        hooks=hooks,
        stages=old.stages,
        written=_only(old.written, framework.FILE),
        inserted=_only(old.inserted, framework.FILE),
    )


def _only(table: dict[str, T], name: str) -> dict[str, T]:
    return {key: value for key, value in table.items() if key == name}


def _recorded(places: Places, old: Record, files: list[File], part: Part, stubs: list[File], choice: str) -> Record:
    """Return the record of all that is there and all that is about to be."""
    gone = _unwanted(old, part, choice)
    written = {name: one for name, one in old.written.items() if name not in gone.written}
    for file in files:
        written[file.name] = _with(written.get(file.name, ()), digest(file.content))
    inserted = {name: one for name, one in old.inserted.items() if name not in gone.inserted}
    for edit in part.edits:
        inserted[edit.name] = _inserted(places, inserted.get(edit.name), edit)
    hooked = {name: one for name, one in old.hooks.items() if name not in gone.hooks}
    for stub in stubs:
        hooked[stub.name] = chaining.recorded(places, stub, old.hooks.get(stub.name))
    stages = [one for one in old.stages if one not in gone.stages]
    return Record(
        choice=choice,
        written=written,
        inserted=inserted,
        hooks=hooked,
        stages=tuple(dict.fromkeys([*stages, *part.stages])),
        folders=_folders(places, old, [*files, *part.edits, *stubs]),
    )


def _with(known: tuple[str, ...], new: str) -> tuple[str, ...]:
    return known if new in known else (*known, new)


def _inserted(places: Places, old: Inserted | None, edit: Edit) -> Inserted:
    """Return the record of an edit; a file stays one of init's while its text stands in it."""
    if old is None:
        return Inserted(texts=edit.texts, is_created=edit.is_created)
    content = found(places.path(edit.name)) or b""
    is_still_ours = old.is_created and any(holds(content, text) for text in old.texts)
    texts = tuple(dict.fromkeys([*old.texts, *edit.texts]))
    return Inserted(texts=texts, is_created=edit.is_created or is_still_ours)


def _folders(places: Places, old: Record, wanted: Iterable[File | Edit]) -> tuple[str, ...]:
    """Return the folders that init made and those that it is about to make."""
    missing = {folder for one in wanted for folder in places.path(one.name).parents if not folder.exists()}
    return tuple(sorted({*old.folders, *map(places.name, missing)}))


def _make_folders(places: Places, wanted: Iterable[File | Edit]) -> None:
    for one in wanted:
        path = places.path(one.name)
        with said_in_one_line(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
