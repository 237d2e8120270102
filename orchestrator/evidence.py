"""Gathers what a person is to judge a gate by, and what a decision about it is bound to. Decides nothing.

Runs nothing that an agent can set: git's plumbing between commits, and files read as bytes, links not followed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from orchestrator import checkpoints, documents
from orchestrator.adapters import objects
from orchestrator.adapters.durable import opened_plain
from orchestrator.adapters.snapshots import owned
from orchestrator.core.events import Evidence, Exhibit, Gate
from orchestrator.core.line import Document, gate_section
from orchestrator.core.state import Feature
from orchestrator.core.statement import Bound, digest_of_evidence
from orchestrator.core.values import Sha
from orchestrator.errors import BadConfiguration, GitFailed, OrchestratorError
from orchestrator.workspace import Workspace

_SECTION = 16_000  # characters
_FILES = 100
_CHUNK = 1 << 20
_LARGEST = 256 << 20  # bytes


def gather(
    workspace: Workspace, feature: Feature, gate: Gate, commit: Sha | None, cost: float = 0.0, turns: int = 0
) -> Evidence:
    """Return what speaks for a decision now, hashed: for the event that says that the gate is reached."""
    base = _base(workspace, feature, commit)
    return Evidence(
        base=base,
        tree=_tree(workspace, commit),
        context=context_digest(workspace, feature),
        document=document_digest(workspace, feature),
        section=_section(document(workspace, feature), gate),
        files=tuple(files(workspace, feature, _names(workspace, feature, gate, base, commit))),
        cost=cost,
        turns=turns,
    )


def bound(workspace: Workspace, feature: Feature) -> tuple[Bound, tuple[Exhibit, ...]]:
    """Return what a decision about a feature's gate is bound to as things are now, and its files as they are."""
    waits = feature.gate
    if waits is None:
        raise ValueError(f"{feature.slug} waits at no gate")
    named = waits.evidence.files if waits.evidence else [Exhibit(path=name) for name in waits.gate.evidence]
    found = tuple(files(workspace, feature, [one.path for one in named]))
    there = Bound(
        feature=feature.id,
        branch=feature.branch,
        workflow=feature.place.workflow,
        phase=feature.place.phase,
        gate=waits.gate.key,
        type=waits.gate.type,
        reached=waits.event,
        commit=feature.tip,
        tree=_tree(workspace, feature.tip),
        document=document_digest(workspace, feature),
        context=context_digest(workspace, feature),
        evidence=digest_of_evidence(waits, found),
        head=feature.last_hash,
        base=_base(workspace, feature, feature.tip),
    )
    return there, found


def sizes(workspace: Workspace, feature: Feature, base: Sha | None) -> dict[str, tuple[str, str]]:
    """Return the files in which a feature differs from `base`, each with the lines added and removed.

    Read from objects that are what their names say. Raises GitFailed where one is not.
    """
    if base is None or feature.tip is None:
        return {}
    return objects.sizes(workspace.git.unaltered(), base, feature.tip)


def is_false(workspace: Workspace, feature: Feature, base: Sha | None) -> bool:
    """Tell whether git holds something else than its names say where a signature is asked for."""
    if not workspace.signed:
        return False
    try:
        sizes(workspace, feature, base)
        uncounted(workspace, feature, base)
    except GitFailed:
        return True
    return False


def section(workspace: Workspace, feature: Feature) -> str:
    """Return the gate's own text: as its document has it, or where that lost it, as it was when it was reached.

    Never what the log says of it: anybody may have written that.
    """
    waits = feature.gate
    if waits is None:
        return ""
    found = _section(document(workspace, feature), waits.gate)
    return found or _section(document_then(workspace, feature), waits.gate)


def document(workspace: Workspace, feature: Feature) -> Document | None:
    """Return the document at which a feature is, as it is in effect."""
    return workspace.line.document(feature.place.workflow)


def document_then(workspace: Workspace, feature: Feature) -> Document | None:
    """Return it as the line had it that was accepted when the feature's gate was reached; None where that is gone."""
    waits = feature.gate
    if waits is None or waits.line is None or waits.line == workspace.world.line:
        return None
    try:
        then = documents.reading(documents.accepted_source(workspace.git.unaltered(), waits.line))
    except (GitFailed, BadConfiguration):
        return None
    return then.line.document(feature.place.workflow)


def base(workspace: Workspace, feature: Feature) -> Sha | None:
    """Return the commit from which a gate's changes count; None where the branch no longer descends from one.

    Worked out anew: what was noted when the gate was reached is for the record.
    """
    return _base(workspace, feature, feature.tip)


def _base(workspace: Workspace, feature: Feature, commit: Sha | None) -> Sha | None:
    """Return the commit of the last decided gate, else of the newest rollback point, that leads to `commit`.

    Where any gate needs a signature only what was signed counts as seen, else the feature's beginning: also at those
    that need none, for a sitting with one that does signs them all, and what is signed counts as seen from there on.
    """
    git = workspace.git.unaltered()
    if commit is None:
        return None
    if workspace.signed:
        return _unsigned_from(workspace, feature, commit)
    points = [one.commit for one in reversed(feature.points) if one.n in feature.ancestors]
    return next((one for one in (feature.judged, *points) if one is not None and git.leads_to(one, commit)), None)


def _unsigned_from(workspace: Workspace, feature: Feature, commit: Sha) -> Sha | None:
    """Return the commit from which nothing was signed yet.

    Where the main branch was merged in since, that is where the two met: what a merge undid of it shows.
    """
    git = workspace.git.unaltered()
    seen = _seen(workspace, feature, commit)
    main = workspace.git.commit("HEAD")
    if seen is None or main is None or workspace.git.branch() == feature.branch:
        return seen
    beyond = git.lines("rev-list", "--first-parent", main, f"^{commit}")  # what came to main is not the branch's own
    met = git.commit(f"{beyond[-1]}~" if beyond else main)
    return seen if met is None or met == commit or git.leads_to(met, seen) else met


def _seen(workspace: Workspace, feature: Feature, commit: Sha) -> Sha | None:
    """Return the commit of the last signed approval that leads to `commit`, else the feature's beginning."""
    git = workspace.git.unaltered()
    known = [one for one in (*reversed(feature.signed), feature.first) if one and git.commit(one) == one]
    return next((one for one in known if git.leads_to(one, commit)), None)


def uncounted(workspace: Workspace, feature: Feature, base: Sha | None) -> dict[str, tuple[str, str]]:
    """Return the files that `base` brings and no gate showed, each with the lines added and removed.

    Where the main branch was merged in that is what came with it. Which commit that is the main worktree's HEAD says,
    and any process can set it: so it is shown. Raises GitFailed as `sizes`.
    """
    if not workspace.signed or base is None or feature.tip is None:
        return {}
    seen = _seen(workspace, feature, feature.tip)
    return {} if seen is None or seen == base else objects.sizes(workspace.git.unaltered(), seen, base)


def _tree(workspace: Workspace, commit: Sha | None) -> Sha | None:
    return workspace.git.unaltered().ref(f"{commit}^{{tree}}") if commit else None


def document_digest(workspace: Workspace, feature: Feature) -> str:
    """Return the sha256 of the text of the workflow document in effect; empty where there is none."""
    found = document(workspace, feature)
    return sha256(found.text.encode()).hexdigest() if found else ""


def _section(found: Document | None, gate: Gate) -> str:
    if found is None or gate.reported or all(one.key != gate.key for one in found.gates):
        return ""
    text = gate_section(found, gate.key)
    cut = f"\n(cut here: {len(text) - _SECTION} more characters in {found.file})\n" if len(text) > _SECTION else ""
    return text[:_SECTION] + cut


def context_digest(workspace: Workspace, feature: Feature) -> str:
    """Return a sha256 over the names and contents of the feature's context files."""
    owner = checkpoints.owner(workspace, feature)
    total = sha256()
    for name in owned(owner):
        total.update(f"{len(os.fsencode(name))} ".encode() + os.fsencode(name))
        one = hashed(owner.directory / name)
        total.update((one.sha256 or one.why).encode() + b"\n")
    return total.hexdigest()


# --- files -----------------------------------------------------------------------------------------


def _names(workspace: Workspace, feature: Feature, gate: Gate, base: Sha | None, commit: Sha | None) -> list[str]:
    """Return the files that the agent named, and those under `[gates] evidence` that are new since the last gate.

    Neither of the two can push the other out.
    """
    new = list(_new(workspace, feature, base, commit)) if workspace.configuration.gates.evidence else []
    return list(dict.fromkeys([*gate.evidence[:_FILES], *new[:_FILES]]))


def _new(workspace: Workspace, feature: Feature, base: Sha | None, commit: Sha | None) -> Iterator[str]:
    """Give what the configured globs match and git does not hold already as it was at `base`."""
    place = place_of(workspace, feature)
    git = workspace.git.unaltered()
    tracked = set(git.names("ls-tree", "-r", "-z", "--name-only", commit)) if commit else set()
    changed = tracked
    if base and commit:
        words = ("--no-ext-diff", "--no-textconv", "--ignore-submodules=none", "-r", "-z", "--name-only")
        changed = set(git.names("diff-tree", *words, base, commit))
    for glob in workspace.configuration.gates.evidence:
        for path in sorted(place.glob(glob)):
            name = path.relative_to(place).as_posix()
            if path.is_file() and (name in changed or name not in tracked):
                yield name


def place_of(workspace: Workspace, feature: Feature) -> Path:
    """Return the worktree in which a feature's files are looked for."""
    return Path(feature.worktree) if feature.worktree else workspace.main


def files(workspace: Workspace, feature: Feature, names: Sequence[str]) -> Iterator[Exhibit]:
    """Give the named files as they are: relative to the feature's worktree, or inside its `.context/`."""
    place = place_of(workspace, feature)
    inside = [os.path.realpath(place), os.path.realpath(workspace.own_context(feature))]
    for name in names:
        shown = os.fsencode(name).decode(errors="backslashreplace")
        if "\0" in name:
            yield Exhibit(path=shown.replace("\0", "\\0"), why="it is no file's name")
            continue
        found = os.path.realpath(place / name)
        if not any(found == one or found.startswith(f"{one}{os.sep}") for one in inside):
            yield Exhibit(path=shown, why="it lies outside the feature's worktree")
        else:
            one = hashed(Path(found))
            yield Exhibit(path=shown, sha256=one.sha256, bytes=one.bytes, why=one.why)


def hashed(path: Path) -> Exhibit:
    """Return a plain file's sha256 and size, read in pieces, or why there is none."""
    total, size = sha256(), 0
    try:
        if (there := path.stat()).st_size > _LARGEST:
            when = datetime.fromtimestamp(there.st_mtime).astimezone().isoformat(timespec="milliseconds")
            why = f"too large to be hashed, {there.st_size} bytes written {when}"
            return Exhibit(path=path.name, bytes=there.st_size, why=why)
        with os.fdopen(opened_plain(path, os.O_RDONLY), "rb") as file:
            while piece := file.read(_CHUNK):
                total.update(piece)
                size += len(piece)
    except OSError as error:
        why = "it is not there" if isinstance(error, FileNotFoundError) else (error.strerror or str(error)).lower()
        return Exhibit(path=path.name, why=why)
    except OrchestratorError as error:
        return Exhibit(path=path.name, why=str(error))
    return Exhibit(path=path.name, sha256=total.hexdigest(), bytes=size)
