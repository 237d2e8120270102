"""Reads the line: the configuration and the documents of the main worktree, and the line as last accepted.

A change that removes or weakens a stop, or changes a validation, while features are open holds only after
a person accepted it; until then the accepted text of that document, or table, is the one in effect.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

import msgspec

from orchestrator import config
from orchestrator.adapters import objects
from orchestrator.adapters.durable import content_of
from orchestrator.adapters.git import Git
from orchestrator.config import Configuration
from orchestrator.core import gatemap
from orchestrator.core.blocks import stored
from orchestrator.core.classified import MAP_FILE, Classified
from orchestrator.core.headings import names
from orchestrator.core.line import (
    Document,
    Rules,
    is_step,
    order,
    read_document,
    standing_for,
    weakened,
    workflow_id,
)
from orchestrator.core.steps import Line
from orchestrator.core.values import Sha, Value, natural_order
from orchestrator.errors import BadConfiguration, WrongUsage
from orchestrator.readings import Readings


class Source(Value):
    """What the line is read from: the configuration's bytes, the documents' by their path, the gate map's if any."""

    configuration: bytes
    files: dict[str, bytes]
    gates: bytes = b""


class Reading(Value):
    """A line as one source has it, and what could not be read, one line each."""

    configuration: Configuration
    line: Line
    problems: tuple[str, ...]
    missing: frozenset[str]  # ids of documents that are there and could not be read
    left_out: tuple[str, ...] = ()  # documents with an id that say of themselves that they are no step any more
    drift: tuple[gatemap.Drift, ...] = ()  # what differs from the gate map


class Effective(Value):
    """The line in effect. `pending` are the changes that wait for a person's yes, one line each."""

    configuration: Configuration
    line: Line
    problems: tuple[str, ...]
    pending: tuple[str, ...]
    is_changed: bool  # the source differs from the accepted one
    source: Source
    accepted: Sha | None = None  # the tree that it was compared with
    left_out: tuple[str, ...] = ()
    drift: tuple[gatemap.Drift, ...] = ()  # of the source, whatever waits


def source(root: Path) -> Source:
    """Read configuration, documents and gate map below the main worktree. Raises BadConfiguration."""
    path = root / config.FILE
    content = path.read_bytes() if path.is_file() else b""
    found = config.parse(content)
    files = {name: (root / name).read_bytes() for name in matching(root, found.workflows.glob)}
    return Source(configuration=content, files=files, gates=_gate_map(root))


def _gate_map(root: Path) -> bytes:
    try:
        return content_of(root / MAP_FILE)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise BadConfiguration(f"{MAP_FILE}: {error.strerror or error}", "make it a file that you can read") from error


def matching(root: Path, glob: str) -> list[str]:
    """Return the files that a glob names, relative to `root`, sorted; links that lead outside are left out."""
    inside = root.resolve()
    found = [one for one in root.glob(glob) if one.is_file() and one.resolve().is_relative_to(inside)]
    return sorted(one.relative_to(root).as_posix() for one in found)


def fits(name: str, glob: str) -> bool:
    """Tell whether a path is one that a glob with its one `*` names."""
    before, _, after = glob.partition("*")
    matched = stem(name, glob)
    return name == f"{before}{matched}{after}" and len(name) >= len(before) + len(after) and "/" not in matched


def digest(content: bytes) -> str:
    """Return the sha256 of a source's bytes, for the log."""
    return sha256(content).hexdigest()


def stem(name: str, glob: str) -> str:
    """Return what the glob's `*` matched in a path."""
    before, _, after = glob.partition("*")
    return name[len(before) : len(name) - len(after)]


def reading(source: Source, readings: Readings | None = None) -> Reading:
    """Return the line that a source holds, with what is kept of earlier `readings`.

    Raises BadConfiguration for the configuration itself, and for the gate map.
    """
    found = config.parse(source.configuration)
    gates = gatemap.parse(source.gates)
    documents: list[Document] = []
    left_out: list[Document] = []
    problems: list[str] = []
    missing: set[str] = set()
    named: set[str] = set()
    for name, content in source.files.items():
        workflow = workflow_id(stem(name, found.workflows.glob))
        if workflow is None or workflow in found.workflows.skip:
            continue
        types = {key: kind for key, kind in found.gates.types.items() if _names(key, workflow)}
        named |= types.keys()
        try:
            classified = gates.of(workflow) if gates else ()
            document = _document(name, content, workflow, found, types, classified, readings)
            (documents if is_step(document) else left_out).append(document)
        except BadConfiguration as error:
            problems.append(f"{error}" + (f"; {error.hint}" if error.hint else ""))
            missing.add(workflow)
    unknown = [key for key in found.gates.types if key not in named]
    problems += [f"{config.FILE}: gates.types: {key!r} names no document of the line" for key in unknown]
    documents = _ordered(documents, problems)
    line = Line(documents=tuple(documents), pauses=_pauses(found, documents, problems))
    return Reading(
        configuration=found,
        line=line,
        problems=tuple(problems),
        missing=frozenset(missing),
        left_out=tuple(one.file for one in left_out),
        drift=gatemap.drift(gates, documents, frozenset(missing)) if gates else (),
    )


def _names(key: str, workflow: str) -> bool:
    return key.partition(":")[0].strip() == workflow


def _document(
    name: str,
    content: bytes,
    workflow: str,
    found: Configuration,
    types: Mapping[str, str],
    classified: tuple[Classified, ...],
    readings: Readings | None,
) -> Document:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = content[: error.start].count(b"\n") + 1
        raise BadConfiguration(f"{name}:{row}: not UTF-8", "save it as UTF-8") from error
    rules = Rules(
        phase_words=tuple(dict.fromkeys((*config.PHASE_WORDS, *found.workflows.phase_words))),
        keywords=found.gates.keywords,
        types=tuple((key.partition(":")[2].strip(), kind) for key, kind in types.items()),
        classified=classified,
    )
    if readings is None:
        return read_document(text, name, workflow, rules)
    depended_on = msgspec.json.encode((name, workflow, rules)) + content
    return readings.document(depended_on, stored(text), lambda: read_document(text, name, workflow, rules))


def _ordered(documents: Sequence[Document], problems: list[str]) -> list[Document]:
    """Return the documents in order, of two with one id neither."""
    places = [natural_order(one.id) for one in documents]  # 01 and 1 are one place in the line
    twice = {one for one in places if places.count(one) > 1}
    for place in sorted(twice):
        same = [document for document in documents if natural_order(document.id) == place]
        files = " and ".join(document.file for document in same)
        problems.append(f"{files} have one id, {same[0].id}; rename one of them")
    return list(order([one for one in documents if natural_order(one.id) not in twice]))


def _pauses(found: Configuration, documents: Sequence[Document], problems: list[str]) -> dict[tuple[str, str], float]:
    pauses: dict[tuple[str, str], float] = {}
    for key, duration in found.gates.pause.items():
        workflow, _, part = key.partition(":")
        stops = [
            (document.id, gate)
            for document in documents
            for gate in document.gates
            if document.id == workflow.strip() and gate.stops
        ]
        exact = [(name, gate.key) for name, gate in stops if gate.key == part.strip()]
        keys = exact or [(name, gate.key) for name, gate in stops if names(gate.heading, part)]
        if len(keys) != 1:
            count = "no gate" if not keys else f"{len(keys)} gates"
            problems.append(f"{config.FILE}: gates.pause: {key!r} matches {count}; name one by a part of its heading")
            continue
        pauses[keys[0]] = config.seconds(duration, f"gates.pause.{key!r}")
    return pauses


# --- validations ----------------------------------------------------------------------------------


def check_filter(pass_when: str) -> None:
    """Raise BadConfiguration for a filter that could not judge what an agent does."""
    if not pass_when:
        return
    from orchestrator.log.query import check  # jq: only where a filter is configured

    try:
        check(pass_when)
    except WrongUsage as error:
        said = " ".join(str(error).split())  # jq speaks in several lines
        raise BadConfiguration(f"{config.FILE}: validate.pass_when: {said}", "mend the filter") from error


def check_filters(effective: Effective) -> None:
    """Check the filter in effect, and that of the file too where it still waits for a person's yes."""
    for found in (effective.configuration, config.parse(effective.source.configuration)):
        check_filter(found.validate.pass_when)


def idle_validations(effective: Effective) -> list[str]:
    """Return what to say of validations for workflows that are not in the line; nothing while it is not read whole."""
    if effective.problems:
        return []
    known = {one.id for one in effective.line.documents}
    rows = config.parse(effective.source.configuration).validate.workflows
    return [
        f"validate.workflows: {key!r} is no workflow of the line; nothing runs it" for key in rows if key not in known
    ]


# --- the gate map ----------------------------------------------------------------------------------


def renewed_gates(effective: Effective) -> gatemap.Renewed:
    """Return the gate map for the documents as they lie there. Raises BadConfiguration where one cannot be read."""
    if effective.problems:  # a document that is not read would lose its entries
        raise BadConfiguration(effective.problems[0], f"{MAP_FILE} is written once the line can be read whole")
    current = reading(effective.source)
    in_effect = {(one.id, gate.key): str(gate.type) for one in effective.line.documents for gate in one.gates}
    return gatemap.renewed(gatemap.parse(effective.source.gates), current.line.documents, in_effect)


# --- accepted and current ------------------------------------------------------------------------


def accepted_source(git: Git, tree: Sha) -> Source:
    """Return the line's source as a person last accepted it."""
    files = objects.files(git, tree)
    configuration, gates = files.pop(config.FILE, b""), files.pop(MAP_FILE, b"")
    return Source(configuration=configuration, files=files, gates=gates)


def as_files(source: Source) -> dict[str, bytes]:
    """Return a source as the files of a tree."""
    gates = {MAP_FILE: source.gates} if source.gates else {}  # lines without one are kept as they were
    return {**source.files, config.FILE: source.configuration, **gates}


def effective(current: Source, accepted: Source | None, readings: Readings | None = None) -> Effective:
    """Return the line in effect: the current one, but what is weaker than the accepted one waits."""
    new = reading(current, readings)
    if accepted is None or accepted == current:
        return _unchanged(new, current, is_changed=accepted is None)
    old = reading(accepted, readings)
    pending: list[str] = []
    documents = _mixed(old, new, pending)
    pauses = dict(new.line.pauses)
    for key, seconds in old.line.pauses.items():
        pauses[key] = max(seconds, pauses.get(key, 0.0))
    gates = _gates(old.configuration.gates, new.configuration.gates, pending)
    validate = new.configuration.validate
    if validate != old.configuration.validate:
        pending.append(f"{config.FILE}: [validate] changed: {_shown(old)} -> {_shown(new)}")
        validate = old.configuration.validate
    run = _run(old.configuration.run, new.configuration.run, pending)
    return Effective(
        configuration=msgspec.structs.replace(new.configuration, validate=validate, gates=gates, run=run),
        line=Line(documents=tuple(order(documents)), pauses=pauses),
        problems=tuple(one for one in new.problems if not _covered(one, new.missing, old.line)),
        pending=tuple(pending),
        is_changed=True,
        source=current,
        left_out=new.left_out,
        drift=new.drift,
    )


def without_what_waits(found: Effective, accepted: Source) -> Source:
    """Return the present line but for the files in which something waits for a yes: those as they were accepted.

    The accepted line itself where that would be none, or would ask less.
    """
    present = reading(found.source)
    waits = {one.id for one in found.line.documents if present.line.document(one.id) != one}
    waits |= {one.id for one in present.line.documents if found.line.document(one.id) is None}
    is_own = any(one.startswith(f"{config.FILE}:") for one in found.pending)
    made = Source(
        configuration=accepted.configuration if is_own else found.source.configuration,
        files={
            **{name: text for name, text in found.source.files.items() if _id(name, present) not in waits},
            **{name: text for name, text in accepted.files.items() if _id(name, present) in waits},
        },
        gates=found.source.gates,
    )
    replace = msgspec.structs.replace
    own = replace(made, configuration=accepted.configuration)  # what a document lost may be its doing
    for one in (made, replace(made, gates=accepted.gates), own, replace(own, gates=accepted.gates)):
        try:
            if not effective(one, accepted).pending and not reading(one).problems:
                return one
        except BadConfiguration:
            continue  # a table of the configuration speaks of what is not there
    return accepted


def unkept(found: Effective, accepted: Source) -> str:
    """Return the first stop in effect that cannot be accepted while something waits; nothing where each can.

    One that is in effect and not of the accepted line is asked of nobody when what was decided is looked at.
    """
    kept = reading(without_what_waits(found, accepted))
    if fewer := sorted(found.configuration.gates.signed - kept.configuration.gates.signed):
        return f"{' and '.join(fewer)} gates need a signature"
    said = (row for one in found.line.documents for row in weakened(one, kept.line.document(one.id)))
    return next(said, "")


def _id(name: str, found: Reading) -> str | None:
    return workflow_id(stem(name, found.configuration.workflows.glob))


def signed_types(git: Git, tree: Sha) -> frozenset[str]:
    """Return the types of gates whose approval needed a signature by an accepted line.

    Raises GitFailed where that is gone, BadConfiguration.
    """
    return config.parse(git.blob(f"{tree}:{config.FILE}")).gates.signed


def _gates(old: config.Gates, new: config.Gates, pending: list[str]) -> config.Gates:
    """Return how gates are decided: the present table, but what asks less of a person than the accepted one waits."""
    kept = new
    if fewer := sorted(old.signed - new.signed):
        pending.append(f"{config.FILE}: [gates] assurance: {' and '.join(fewer)} gates need a signature no longer")
        levels = dict.fromkeys(old.signed | new.signed, "signed")
        kept = msgspec.structs.replace(kept, assurance=levels)
    for name, says in (("client", "may be decided in the agent's own window"), ("batch", "go with APPROVE ALL")):
        before, now = getattr(old, name), getattr(new, name)
        if more := sorted(set(now) - set(before)):
            pending.append(f"{config.FILE}: [gates] {name}: {' and '.join(more)} gates {says} now")
            kept = msgspec.structs.replace(kept, **{name: tuple(one for one in now if one in before)})
    return kept


def _unchanged(new: Reading, source: Source, is_changed: bool) -> Effective:
    return Effective(
        configuration=new.configuration,
        line=new.line,
        problems=new.problems,
        pending=(),
        is_changed=is_changed,
        source=source,
        left_out=new.left_out,
        drift=new.drift,
    )


def _run(old: config.Run, new: config.Run, pending: list[str]) -> config.Run:
    """Return how agents run: the present table, but a sandbox that is gone or wider than the accepted one waits."""
    kept = new
    if old.sandbox and not new.sandbox:
        pending.append(f"{config.FILE}: [run] sandbox: agents run in none now")
        kept = msgspec.structs.replace(kept, sandbox=True)
    if old.sandbox and (more := sorted(set(new.writable) - set(old.writable))):
        pending.append(f"{config.FILE}: [run] writable: agents in the sandbox may write to {' and '.join(more)} now")
        kept = msgspec.structs.replace(kept, writable=tuple(one for one in new.writable if one in old.writable))
    return kept


def _mixed(old: Reading, new: Reading, pending: list[str]) -> list[Document]:
    """Return the current documents, but the accepted one wherever the current is weaker or gone."""
    documents = {one.id: one for one in new.line.documents}
    for accepted in old.line.documents:
        current = documents.get(accepted.id)
        said = [f"{accepted.file}: {row}" for row in weakened(accepted, current)]
        said += _shorter(old, new, accepted)
        if current is None and accepted.id in new.missing:
            said = said or [f"{accepted.file} cannot be read any more"]
        if said:
            documents[accepted.id] = accepted
            pending.extend(said)
            for other in [one for one in documents if _shares_place(one, accepted.id)]:
                del documents[other]  # one place in the line holds one document
    return list(documents.values())


def _shares_place(one: str, other: str) -> bool:
    """Tell whether two ids are one place in the line, written in two ways."""
    return one != other and natural_order(one) == natural_order(other)


def _shorter(old: Reading, new: Reading, accepted: Document) -> list[str]:
    """Return a line for each pause that got shorter, also where its gate's heading was reworded."""
    stands = standing_for(accepted, new.line.document(accepted.id))
    rows = []
    for gate in accepted.gates:
        before = old.line.pause(accepted.id, gate.key)
        now = stands.get(gate.key)
        after = new.line.pause(accepted.id, now.key) if now is not None and now.stops else before
        if after < before:
            rows.append(f"{accepted.file}: the pause of {gate.key} went from {before:g} s to {after:g} s")
    return rows


def _shown(reading: Reading) -> str:
    found = reading.configuration.validate
    words = [found.command or "none", *(f"{key}: {value}" for key, value in found.workflows.items())]
    if found.pass_when:
        words.append(f"pass_when {found.pass_when}")
    return f"{', '.join(words)} ({found.attempts} attempts)"


def _covered(problem: str, missing: frozenset[str], accepted: Line) -> bool:
    """Tell whether a document that cannot be read is replaced by its accepted text."""
    return any(problem.startswith(one.file) for workflow in missing if (one := accepted.document(workflow)) is not None)
