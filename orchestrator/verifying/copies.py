"""What is made from the log: the kept fold, the log's second name, the SQLite copy and the state files."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from orchestrator import reconcile
from orchestrator.core import edits
from orchestrator.core.state import Feature
from orchestrator.core.values import Slug
from orchestrator.errors import BadConfiguration
from orchestrator.log import projections
from orchestrator.verifying.findings import ITSELF, REPAIR, Found, MovedAside, error, note, warning
from orchestrator.verifying.sight import Sight

_JOURNALS = ("-journal", "-wal", "-shm")  # SQLite's own, which belong to the file beside them


def kept_fold(sight: Sight) -> Iterator[Found]:
    """Compare the fold that commands start from with the replay of the whole log."""
    path = sight.workspace.home / "fold.json"
    if not path.is_file():
        yield note("V107", str(path), "the kept fold is missing", ITSELF)
        return
    checksum, _, content = path.read_bytes().partition(b"\n")
    if sha256(content).hexdigest().encode() != checksum:
        yield note("V107", str(path), "the kept fold is broken and is not used", ITSELF, MovedAside(paths=(path,)))
    elif _differs(sight):
        yield error("V106", str(path), "the kept fold is not what the log says", REPAIR, MovedAside(paths=(path,)))


def _differs(sight: Sight) -> bool:
    kept = sight.workspace.kept()
    return kept is not None and kept.world != sight.world and kept.head.id == sight.head


def kept_readings(sight: Sight) -> Iterator[Found]:
    """Compare how documents were read last, which commands start from, with how they are read now."""
    if isinstance(sight.line, BadConfiguration) or sight.workspace.readings is None:
        return
    path = sight.workspace.home / "line.json"
    differing = sight.workspace.readings.differing()
    if differing:
        what = f"the kept reading of {', '.join(differing)} is not how it is read"
        yield error("V114", str(path), what, REPAIR, MovedAside(paths=(path,)))


def second_name(sight: Sight) -> Iterator[Found]:
    """Look at the log's second name in the main `.context/`."""
    log, path = sight.workspace.log, sight.workspace.context / projections.LOG
    where = sight.shown(path)
    if not path.exists():
        yield note("V108", where, "the log's second name is missing", ITSELF)
    elif not path.samefile(log) and not (path.is_file() and log.read_bytes().startswith(path.read_bytes())):
        yield warning(
            "V109", where, "it is not the log but another file", "the next command sets it aside and says where"
        )


def database(sight: Sight) -> Iterator[Found]:
    """Compare the SQLite copy with the log, row by row."""
    from orchestrator.log.database import Database  # sqlite3: only here

    path = sight.workspace.database_file
    where = sight.shown(path)
    if not path.exists():
        yield note("V110", where, "the SQLite copy is missing", ITSELF)
        return
    copy = Database(path)
    differences = copy.compare(sight.workspace.journal)
    head = copy.head()
    if differences:
        first, more = differences[0], len(differences) - 1
        what = f"event {first.id}: {first.what}" if first.id else first.what
        rest = f", and {more} more" if more else ""
        mend = MovedAside(paths=tuple(path.with_name(path.name + end) for end in ("", *_JOURNALS)))
        yield warning("V111", where, f"the SQLite copy differs from the log: {what}{rest}", REPAIR, mend)
    elif head is not None and head.id < sight.head:
        yield note("V110", where, f"the SQLite copy ends at event {head.id} of {sight.head}", ITSELF)


# --- states ----------------------------------------------------------------------------------------


def states(sight: Sight) -> Iterator[Found]:
    """Compare each feature's state files, both copies, with the replay."""
    for feature in sight.features:
        for context in sight.workspace.contexts(feature):
            path = projections.state_file(context, feature.slug)
            content = projections.found(path)
            if content != projections.rendered(feature):
                yield _state(sight, feature, path, content)


def _state(sight: Sight, feature: Feature, path: Path, content: bytes | None) -> Found:
    where, of = sight.shown(path), feature.id
    if content is None and not path.exists():
        return warning("V201", where, "the state file is missing; the log holds the state", REPAIR, of=of)
    state, wrong = _read(content or b"")
    if not wrong and state.get("version", 1) > projections.VERSION:
        what = f"a newer version wrote it (schema {state['version']})"
        return error("V205", where, what, "install that version of orchestrator", of=of)
    if wrong:
        return warning("V202", where, f"the state file is broken: {wrong}", f"{REPAIR}; it is set aside", of=of)
    last = _last_event(state)
    if last and (last > sight.head or _hash_of(state) != sight.hashes[last]):
        what = f"it names event {last} as the log does not hold it"
        return warning("V207", where, what, "compare it with the log now: the next command takes it for an edit", of=of)
    then = sight.workspace.state_at(feature.id, last) if last and last < feature.last else None
    if then is not None and content == projections.rendered(then):
        return note("V204", where, f"the state file is that of event {last}, not of {feature.last}", ITSELF, of=of)
    return note("V203", where, "the state file was edited", "the next command adopts what may be edited", of=of)


def _read(content: bytes) -> tuple[Any, str]:
    """Return a state, and what is wrong with it or an empty string."""
    try:
        state = reconcile.parsed(content)
    except ValueError as failure:
        return None, str(failure)
    wrong = edits.problem(state)
    if not wrong and not isinstance(state.get("version", 1), int):
        wrong = "its version is no number"
    return state, wrong


def _event(state: Any) -> dict[str, Any]:
    event = state.get("event")
    return event if isinstance(event, dict) else {}


def _last_event(state: Any) -> int:
    found = _event(state).get("id")
    return found if isinstance(found, int) and found > 0 else 0


def _hash_of(state: Any) -> Any:
    return _event(state).get("hash")


def strange_states(sight: Sight) -> Iterator[Found]:
    """Name state files of features that the log knows nothing of."""
    known = {one.slug for one in sight.world.features.values()}
    for name in projections.slugs_found(sight.workspace.context):
        if name in known:
            continue
        path = projections.state_file(sight.workspace.context, name)
        state, wrong = _read(projections.found(path) or b"")
        if wrong:
            yield note(
                "V206", sight.shown(path), f"no state of a known feature, left alone: {wrong}", "mend or move it"
            )
        elif state.get("version", 1) > projections.VERSION:
            what = f"a newer version wrote it (schema {state['version']})"
            yield error("V205", sight.shown(path), what, "install that version of orchestrator")
        else:
            yield _importable(sight, name, path, state)


def _importable(sight: Sight, name: Slug, path: Path, state: Any) -> Found:
    wrong, mend = reconcile.obstacle(sight.workspace, sight.world, name, state)
    if wrong:
        return note("V206", sight.shown(path), f"{reconcile.LEFT_ALONE}: {wrong}", mend)
    return note("V206", sight.shown(path), "a feature that is not known yet", "the next command imports it")


def set_aside(sight: Sight) -> Iterator[Found]:
    """Name what was set aside in `.context/` folders: somebody may want to look at it."""
    folders = {context for one in sight.features for context in sight.workspace.contexts(one)} | {
        sight.workspace.context
    }
    for folder in sorted(folders):
        for pattern in ("*.broken-*", "*.conflict-*", "*.other-*", "*.aside-*", "backups/*.aside-*"):
            for path in sorted(folder.glob(pattern)):
                yield note(
                    "V208", sight.shown(path), "it was set aside here", "look whether it holds anything you miss"
                )
