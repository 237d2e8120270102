"""The gate map: read, compared with the documents, brought up to date, written as TOML. Touches no file.

A person corrects its types. Bringing it up to date never changes one of them, and keeps their comments.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches

import msgspec

from orchestrator.core.classified import MAP_FILE, TYPES, Classified, Seen, is_weaker
from orchestrator.core.line import Document
from orchestrator.core.values import Value
from orchestrator.errors import BadConfiguration

HEAD = """\
# The gates of the line, as `orchestrator workflows --write` read them. Commit this file.
# Correct a `type` where it was read wrongly: "human", "deploy", "validation" or "none". What you set is kept.
# An entry holds for the text that it was written for (`digest`). When a section changed since, the stricter of this
# type and of what its words say holds, until `orchestrator workflows --write` is called again.
# [gates.types] in orchestrator.toml has the last word.
"""
_HEADER = re.compile(r"\s*\[\[\s*gates\s*\]\]\s*(#.*)?")
_ROW = re.compile(r"""\s*["']?([\w-]+)["']?\s*=\s*(?:"(?:[^"\\]|\\.)*"|'[^']*')?\s*(#.*)?""")
_PLACE = re.compile(r"(?P<what>.*?)(?: - at `\$(?:\.gates)?(?:\[(?P<entry>\d+)\])?(?:\.(?P<key>\w+))?`)?")
_TOML_PLACE = re.compile(r"\(at line (\d+), ")
_UNKNOWN = re.compile(r"Object contains unknown field `(.+)`")


class Entry(Value, forbid_unknown_fields=True):
    """One gate as a person classified it; `heading` is its key in the document, `why` how it was read."""

    workflow: str
    heading: str
    type: str
    why: str = ""
    digest: str = ""


class Drift(Value):
    """One difference between the map and the documents; `file` is the document, or the map where there is none."""

    workflow: str
    heading: str
    file: str
    what: str

    @property
    def row(self) -> str:
        """The difference in one line."""
        return f"{self.file}: the gate {self.heading!r} of workflow {self.workflow} {self.what}"


class GateMap(Value):
    """The map as it lies there: entries in their order, and what people noted beside them."""

    entries: tuple[Entry, ...] = ()
    comments: Mapping[tuple[str, str], tuple[str, ...]] = {}
    tail: tuple[str, ...] = ()  # comments behind the last entry

    def of(self, workflow: str) -> tuple[Classified, ...]:
        """Return what it says of one document."""
        return tuple(
            Classified(key=one.heading, type=one.type, digest=one.digest)
            for one in self.entries
            if one.workflow == workflow
        )


class Renewed(Value):
    """The map brought up to date, how many gates are new in it, and what a person is to know, one line each."""

    gates: GateMap
    new: int
    said: tuple[str, ...]


class _File(Value, forbid_unknown_fields=True):
    gates: tuple[Entry, ...] = ()


# --- reading ---------------------------------------------------------------------------------------


def parse(content: bytes) -> GateMap | None:
    """Return the map that `content` holds, None for an empty file. Raises BadConfiguration, with file and line."""
    try:
        text = content.decode("utf-8-sig")
        if not text.strip():
            return None
        entries = msgspec.convert(tomllib.loads(text), _File).gates
    except UnicodeDecodeError as error:
        row = content[: error.start].count(b"\n") + 1
        raise BadConfiguration(f"{MAP_FILE}:{row}: not UTF-8", "save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        place = _TOML_PLACE.search(str(error))
        where = f"{MAP_FILE}:{place[1]}" if place else MAP_FILE
        raise BadConfiguration(f"{where}: {error}", "mend the TOML at that place") from error
    except msgspec.ValidationError as error:
        raise _wrong(str(error), text) from error
    _check(entries, text)
    comments, tail = _comments(text, entries)
    return GateMap(entries=entries, comments=comments, tail=tail)


def _wrong(message: str, text: str) -> BadConfiguration:
    found = _PLACE.fullmatch(message)
    what, entry, key = found.group("what", "entry", "key") if found else (message, None, None)
    unknown = _UNKNOWN.fullmatch(what)
    if unknown is None:
        where = key or (f"[[gates]] number {int(entry) + 1}" if entry else "gates")
        hint = "an entry has workflow, heading and type, each a text in quotes"
        return BadConfiguration(f"{MAP_FILE}:{_line_of(text, entry, key)}: {where}: {what[0].lower()}{what[1:]}", hint)
    known = Entry.__struct_fields__ if entry else _File.__struct_fields__
    nearest = get_close_matches(unknown[1], known, n=1, cutoff=0.0)[0]
    line = _line_of(text, entry, unknown[1])
    return BadConfiguration(f"{MAP_FILE}:{line}: unknown key {unknown[1]!r}", f"the nearest known key is {nearest!r}")


def _check(entries: Sequence[Entry], text: str) -> None:
    first: dict[tuple[str, str], int] = {}  # the line of each
    for at, one in enumerate(entries):
        if one.type not in TYPES:
            raise BadConfiguration(
                f"{MAP_FILE}:{_line_of(text, at, 'type')}: type: {one.type!r} is unknown",
                'write "human", "deploy", "validation" or "none"',
            )
        place = (one.workflow, one.heading)
        line = _line_of(text, at, "heading")
        if place in first:
            raise BadConfiguration(
                f"{MAP_FILE}:{line}: {_named(*place)} stands here and at line {first[place]}", "take one of the two out"
            )
        first[place] = line


def _line_of(text: str, entry: int | str | None, key: str | None) -> int:
    """Return the line (from 1) of a key of an entry, or of the entry, or of a key outside of them; 1 if unknown."""
    rows = text.split("\n")
    headers = [number for number, row in enumerate(rows, 1) if _HEADER.fullmatch(row)]
    start, end = 1, len(rows)
    if entry is not None:
        if int(entry) >= len(headers):
            return 1
        start, end = headers[int(entry)], next(iter(headers[int(entry) + 1 :]), end + 1) - 1
    for number in range(start, end + 1):
        found = _ROW.match(rows[number - 1])
        if found and found[1] == key:
            return number
    return start


def _comments(text: str, entries: Sequence[Entry]) -> tuple[dict[tuple[str, str], tuple[str, ...]], tuple[str, ...]]:
    """Return each entry's comments: those above it, inside it, and at the ends of its lines; and those at the end."""
    head = set(HEAD.splitlines())
    kept: list[list[str]] = []
    waiting: list[str] = []
    for row in text.splitlines():
        line = row.strip()
        if line.startswith("#"):
            waiting += [line] if line not in head else []
        elif header := _HEADER.fullmatch(row):
            kept.append([*waiting, *filter(None, [header[1]])])
            waiting = []
        elif kept and (found := _ROW.fullmatch(row)):
            kept[-1] += [*waiting, *filter(None, [found[2]])]
            waiting = []
    if len(kept) != len(entries):  # written in another way than ours: which comment is whose is not known
        return {}, tuple([row for one in kept for row in one] + waiting)
    found_by_key = {(one.workflow, one.heading): tuple(rows) for one, rows in zip(entries, kept, strict=True) if rows}
    return found_by_key, tuple(waiting)


# --- comparing -------------------------------------------------------------------------------------


def drift(gates: GateMap, documents: Sequence[Document], unread: frozenset[str] = frozenset()) -> tuple[Drift, ...]:
    """Return what differs between the map and the documents of the line; nothing of documents in `unread`."""
    found = [one for document in documents for one in _drift_of(gates, document)]
    known = {*(one.id for one in documents), *unread}
    gone = [
        Drift(
            workflow=one.workflow, heading=one.heading, file=MAP_FILE, what="is gone: its workflow is not in the line"
        )
        for one in gates.entries
        if one.workflow not in known
    ]
    return (*found, *gone)


def _drift_of(gates: GateMap, document: Document) -> Iterator[Drift]:
    entries = {one.heading: one for one in gates.entries if one.workflow == document.id}
    for seen in document.seen:
        entry = entries.pop(seen.key, None)
        if what := "" if seen.is_chosen else _difference(entry, seen):
            yield Drift(workflow=document.id, heading=seen.key, file=document.file, what=what)
    for key in entries:
        yield Drift(workflow=document.id, heading=key, file=document.file, what="is gone from the document")


def _difference(entry: Entry | None, seen: Seen) -> str:
    if entry is None:
        return "is new and not classified"
    if not entry.digest:
        return "is classified without a digest of its section"
    return "" if entry.digest == seen.digest else "differs: its section changed since it was classified"


# --- bringing up to date -----------------------------------------------------------------------------


def renewed(gates: GateMap | None, documents: Sequence[Document], in_effect: Mapping[tuple[str, str], str]) -> Renewed:
    """Return the map for the documents as they are: a type that is there stays, a new gate gets the one in effect.

    `in_effect` are the types by workflow and key, as what was accepted and what lies there have them together.
    """
    before = gates or GateMap()
    old = {(one.workflow, one.heading): one for one in before.entries}
    entries: list[Entry] = []
    said: list[str] = []
    for document in documents:
        types = {one.key: str(one.type) for one in document.gates}
        for seen in document.seen:
            place = (document.id, seen.key)
            type_ = old[place].type if place in old else in_effect.get(place, types.get(seen.key))
            if type_ is None:
                continue  # [gates.types] says none
            entries.append(
                Entry(workflow=document.id, heading=seen.key, type=type_, why=_one_line(seen.why), digest=seen.digest)
            )
            if place in old and old[place].digest != seen.digest and is_weaker(type_, seen.type):
                said.append(f"stays {type_}, though its changed section reads as {seen.type}: {_named(*place)}")
    kept = {(one.workflow, one.heading) for one in entries}
    said += [f"dropped {_named(*place)}" for place in old if place not in kept]
    comments = {place: rows for place, rows in before.comments.items() if place in kept}
    made = GateMap(entries=tuple(entries), comments=comments, tail=before.tail)
    return Renewed(gates=made, new=len(kept - old.keys()), said=tuple(said))


def _named(workflow: str, heading: str) -> str:
    return f"{heading!r} of workflow {workflow}"


def _one_line(text: str) -> str:
    return " ".join(text.split())


# --- writing -----------------------------------------------------------------------------------------


def rendered(gates: GateMap) -> bytes:
    """Return the map as a file: the same for the same map, read back as the same entries."""
    parts = [HEAD]
    for one in gates.entries:
        rows = [*gates.comments.get((one.workflow, one.heading), ()), "[[gates]]"]
        rows += [f"{name} = {_quoted(getattr(one, name))}" for name in Entry.__struct_fields__]
        parts.append("\n".join(rows) + "\n")
    if gates.tail:
        parts.append("\n".join(gates.tail) + "\n")
    return "\n".join(parts).encode()


def _quoted(text: str) -> str:
    """Return a TOML string; what does not show on a screen, or turns the reading direction, is escaped."""
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
