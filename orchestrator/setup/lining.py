"""The line that init proposes: the user's documents or twelve to begin with, and the configuration for them."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from orchestrator import config
from orchestrator.assets import asset, names
from orchestrator.config import Configuration
from orchestrator.core.line import workflow_id
from orchestrator.core.values import Value
from orchestrator.documents import Source, matching, stem
from orchestrator.setup import surroundings
from orchestrator.setup.parts import File, Part
from orchestrator.setup.record import Places, Record, digest, found

DEFAULT_FOLDER = "docs/workflows"
DEFAULT_GLOB = f"{DEFAULT_FOLDER}/{surroundings.USUAL}*.md"

_PAUSE = '# [gates.pause]\n# "11a: Staging" = "24h"\n'  # the example in the template; a table may be there only once

DOCUMENTS = tuple(f"{DEFAULT_FOLDER}/{name}" for name in names("workflows"))


class Line(Value):
    """What is to be written for the line, and the configuration as it will then be read."""

    part: Part
    settings: Configuration


def line(places: Places, record: Record) -> Line:
    """Return the documents and the configuration to write. Raises BadConfiguration for one that is there."""
    reason = surroundings.version_tags(places.main)
    if found(places.path(config.FILE)) is not None:
        return _kept(places, reason)
    proposed = surroundings.globs(places.main, _own(places, record))
    documents = () if proposed else _defaults()
    glob = proposed[0].glob if proposed else DEFAULT_GLOB
    content = _configuration(glob, reason, is_default=bool(documents))
    others = [f"{one.glob} ({one.documents})" for one in proposed[1:]]
    notes = [
        f"the line is {glob}: "
        + (f"{proposed[0].documents} documents with ids" if proposed else "12 documents to begin with; make them yours")
        + (f"; also found: {', '.join(others)}" if others else "")
    ]
    if reason:
        notes.append(f"[checkpoints] tags is 0: tags decide versions here ({reason}), and checkpoints would be some")
    files = (*documents, File(config.FILE, content))
    return Line(part=Part(files=files, notes=tuple(notes)), settings=config.parse(content))


def is_own(source: Source) -> bool:
    """Tell whether the line is the kit's own, word for word, and nothing validates it: there is nothing to lint."""
    own = {one.name: one.content for one in _defaults()}
    return source.files == own and config.parse(source.configuration).validate == config.Validate()


def _defaults() -> tuple[File, ...]:
    return tuple(File(name, asset("workflows", PurePosixPath(name).name)) for name in DOCUMENTS)


def _own(places: Places, record: Record) -> set[str]:
    """Return the documents that an init which died had written; they are not the user's line."""
    return {name for name, digests in record.written.items() if _digest(places.path(name)) in digests}


def _digest(path: Path) -> str:
    content = found(path)
    return "" if content is None else digest(content)


def _configuration(glob: str, reason: str, *, is_default: bool) -> bytes:
    tags = f"0 # tags decide versions here ({reason})" if reason else "20"
    text = asset("orchestrator.toml").decode().replace("@GLOB@", glob).replace("@TAGS@", tags)
    return (with_pause(text) if is_default else text).encode()


def with_pause(text: str) -> str:
    """Return the configuration's text with the pause of the twelve documents in place of the example of one."""
    before, example, after = text.partition(_PAUSE)
    return f"{before}{asset('pause.toml').decode()}{after}" if example else text


def _kept(places: Places, reason: str) -> Line:
    """Return what there is to say about a configuration that is there: it is never written again."""
    settings = config.read(places.path(config.FILE))
    glob = settings.workflows.glob
    notes = []
    if not any(workflow_id(stem(one, glob)) for one in matching(places.main, glob)):
        near = surroundings.globs(places.main, set())
        mend = f"there is a line at {near[0].glob}" if near else "write the first one"
        notes.append(f"[workflows] glob = {glob!r} in {config.FILE} matches no document with an id; {mend}")
    if reason and settings.checkpoints.tags:
        notes.append(
            f"tags decide versions here ({reason}), and {config.FILE} keeps [checkpoints] tags = "
            f"{settings.checkpoints.tags}; with 0 no checkpoint becomes a tag"
        )
    return Line(part=Part(notes=tuple(notes)), settings=settings)
