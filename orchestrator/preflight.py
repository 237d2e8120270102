"""Looks at a line before it is run: its documents and validations against the rules. Blocks nothing, writes nothing."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from orchestrator import documents
from orchestrator.adapters.git import Git
from orchestrator.config import FILE, Configuration, line_of
from orchestrator.core.blocks import Section, sections
from orchestrator.core.line import Document, workflow_id
from orchestrator.core.linting import accepting, naming, orders, scripts, validations
from orchestrator.core.linting.findings import Finding, counted, finding, keyed, open_ones, stale
from orchestrator.core.linting.scripts import Presence, Surroundings
from orchestrator.core.linting.shell import Command
from orchestrator.core.linting.told import told
from orchestrator.core.linting.validations import Validation
from orchestrator.documents import Reading, Source
from orchestrator.errors import BadConfiguration, OrchestratorError
from orchestrator.makefile import targets
from orchestrator.readings import Readings
from orchestrator.workspace import Workspace

_PLACE = re.compile(r"(?P<file>[^:]+):(?:(?P<line>\d+):)? ")
_INCLUDE = re.compile(r"^[ \t]*[-s]?include[ \t]+(.+)$", re.MULTILINE)
_RULE = re.compile(r"^([^\s#=:][^=:\n]*?)[ \t]*::?(?!=)", re.MULTILINE)
_MAKEFILES = ("GNUmakefile", "makefile", "Makefile")

Told = tuple[Document, tuple[Section, ...], list[Command]]


def check(workspace: Workspace) -> tuple[Finding, ...]:
    """Return all findings on the line as its files are now, accepted ones marked. Raises BadConfiguration."""
    source = documents.source(workspace.main)
    readings = workspace.readings or Readings(workspace.home / "line.json")
    reading = documents.reading(source, readings)
    around = surroundings(workspace.main, workspace.git)
    found = list(_findings(source, reading, around))
    accepted = reading.configuration.lint.accept
    rows = keyed(found, accepted)
    text = _text(source)
    gone = [accepting.stale(FILE, line_of(text, "lint.accept"), key) for key in stale(accepted, rows)]
    return keyed([*found, *gone], accepted) if gone else rows


def notice(workspace: Workspace) -> str:
    """Return one line for a person on errors and warnings that nobody accepted; empty where there are none."""
    try:
        found = list(open_ones(check(workspace)))
    except OrchestratorError:
        return ""  # what cannot be read is said by the command itself
    if not found:
        return ""
    errors = counted(found).get("error", 0)
    count = f"{len(found)} finding{'s' * (len(found) > 1)} in the documents"
    tail = f", {errors} error{'s' * (errors > 1)}" if errors else ""
    return f"lint: {count}{tail}; orchestrator lint shows {'them' if len(found) > 1 else 'it'}"


def _findings(source: Source, reading: Reading, around: Surroundings) -> Iterator[Finding]:
    found = reading.configuration
    of_line = [_told(one) for one in reading.line.documents]
    yield from _names(source, reading)
    yield from naming.old_schema(reading.line.documents)
    for document, _, said in of_line:
        yield from naming.phases(document)
        yield from naming.gates(document)
        yield from orders.findings(document, said)
    yield from orders.passwords([(document, said) for document, _, said in of_line])
    yield from scripts.findings(of_line, around)
    known = [] if reading.problems else [one.id for one in reading.line.documents]
    yield from validations.findings(
        FILE, _validations(found, _text(source)), known, around, bool(found.validate.pass_when)
    )
    yield from _filter(found, _text(source))


def _told(document: Document) -> Told:
    found = sections(document.text, document.skipped, "")
    return document, found, told(found)


def _text(source: Source) -> str:
    return source.configuration.decode("utf-8-sig")


def _names(source: Source, reading: Reading) -> Iterator[Finding]:
    """Yield what is wrong with the documents' ids, and what cannot be read at all."""
    workflows = reading.configuration.workflows
    ids = {file: workflow_id(documents.stem(file, workflows.glob)) for file in source.files}
    skipped = [file for file, one in ids.items() if one in workflows.skip]
    run = {file: one for file, one in ids.items() if one and file not in (*skipped, *reading.left_out)}
    yield from naming.duplicates(run)
    yield from naming.never_run([file for file, one in ids.items() if one is None], reading.left_out, skipped)
    for problem in reading.problems:
        if " have one id, " not in problem:
            place = _PLACE.match(problem)
            file, line = (place["file"], int(place["line"] or 1)) if place else (FILE, 1)
            yield finding(naming.UNREADABLE, file, line, problem[place.end() :] if place else problem)


# --- validations ----------------------------------------------------------------------------------


def _validations(found: Configuration, text: str) -> list[Validation]:
    common = Validation(command=found.validate.command, line=line_of(text, "validate.command"))
    rows = found.validate.workflows.items()
    own = [Validation(command, line_of(text, "validate.workflows", name), name) for name, command in rows]
    return [common, *own]


def _filter(found: Configuration, text: str) -> Iterator[Finding]:
    pass_when = found.validate.pass_when
    line = line_of(text, "validate.pass_when")
    try:
        documents.check_filter(pass_when)
    except BadConfiguration as error:
        yield finding(naming.UNREADABLE, FILE, line, pass_when, str(error), error.hint)
        return
    if pass_when and _is_constant(pass_when):
        from orchestrator.log.query import truth  # jq: only where a filter is configured

        try:
            is_true = truth(pass_when, "null")
        except OrchestratorError:
            is_true = False
        if not is_true:
            yield validations.never_true(FILE, line, pass_when)


def _is_constant(pass_when: str) -> bool:
    """Tell whether a filter gives one answer to everything: it neither looks at its input nor calls anything."""
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', '""', pass_when)
    words = set(re.findall(r"[A-Za-z_]\w*", bare))
    return "." not in re.sub(r"\d\.\d", "", bare) and words <= {"false", "true", "null", "not", "and", "or", "empty"}


# --- what is there --------------------------------------------------------------------------------


def surroundings(main: Path, git: Git) -> Surroundings:
    """Return what the main worktree has: files, programs, npm scripts and make targets."""
    tracked = frozenset(git.names("ls-files", "-z"))
    return Surroundings(
        look=lambda path: _presence(main, git, tracked, path),
        has_program=lambda name: shutil.which(name) is not None,
        npm=_npm_scripts(main, tracked),
        targets=_targets(main),
    )


def _presence(main: Path, git: Git, tracked: frozenset[str], path: str) -> Presence:
    is_there = os.access(main / path, os.F_OK)
    if path in tracked:
        if not is_there:
            return Presence.UNKNOWN  # deleted, not committed: a feature's branch may have it
        return Presence.THERE if os.access(main / path, os.X_OK) else Presence.PLAIN
    asked = git.run("check-ignore", "--quiet", "--", path, accept=(0, 1, 128))
    if asked.returncode != 1:  # ignored; or behind a link or in a submodule, of which git says nothing
        return Presence.UNKNOWN
    return Presence.UNTRACKED if is_there else Presence.MISSING


def _npm_scripts(main: Path, tracked: frozenset[str]) -> Mapping[str, str] | None:
    """Return the scripts of all package.json files by name; None where one cannot be read."""
    files = {name for name in tracked if name.rpartition("/")[2] == "package.json"} | {"package.json"}
    found: dict[str, str] = {}
    for name in sorted(files, reverse=True):
        if not (main / name).is_file():
            continue
        try:
            scripts_of_one = json.loads((main / name).read_bytes()).get("scripts", {})
            found |= {str(key): str(value) for key, value in scripts_of_one.items()}
        except (OSError, ValueError, AttributeError):
            return None
    return found


def _targets(main: Path) -> frozenset[str] | None:
    """Return the targets of the Makefile and what it includes; None where make alone can tell them."""
    first = next((main / name for name in _MAKEFILES if (main / name).is_file()), None)
    found: set[str] = set()
    left = [first] if first else []
    seen: set[Path] = set()
    while left:
        path = left.pop()
        if path in seen:
            continue
        seen.add(path)
        try:
            text = path.read_text(errors="replace")
        except OSError:
            continue
        names = [name for found_line in _INCLUDE.findall(text) for name in found_line.split("#")[0].split()]
        if _has_made_names(text) or any(set(name) & set("$*?%") for name in names):
            return None
        found |= targets(text)
        left += [main / name for name in names]
    return frozenset(found)


def _has_made_names(makefile: str) -> bool:
    """Tell whether a Makefile makes names of targets by a pattern or a variable, files' paths left out."""
    words = (word for rule in _RULE.findall(makefile) for word in rule.split())
    return any(set(word) & set("$%") and not set(word) & set("/.") for word in words)
