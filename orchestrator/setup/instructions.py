"""The block in AGENTS.md, for the clients that read it, as text between two marks. Touches no file.

What somebody changed between the marks stays as it is.
"""

from __future__ import annotations

from orchestrator.assets import asset
from orchestrator.setup.inserting import appended, holds, newline
from orchestrator.setup.parts import Edit, Part
from orchestrator.setup.record import Places, Record, found

FILE = "AGENTS.md"
CLIENTS = ("codex", "opencode", "cursor", "gemini", "aider")
_BEGIN, _END = "<!-- orchestrator: begin -->", "<!-- orchestrator: end -->"
_SAYS = "a block for agents, between two marks"
_HOW = {
    "gemini": "Gemini CLI reads AGENTS.md where .gemini/settings.json says "
    '`{"context": {"fileName": ["AGENTS.md", "GEMINI.md"]}}`',
    "aider": "aider reads AGENTS.md where .aider.conf.yml says `read: AGENTS.md`",
}


def agents_md(places: Places, record: Record, clients: tuple[str, ...]) -> Part:
    """Return the edit that puts the block in, none where it is there; and what a client needs to read it."""
    path = places.path(FILE)
    before = found(path) or b""
    notes = [_HOW[one] for one in clients if one in _HOW and one not in record.agents]
    if not path.resolve().is_relative_to(places.main.resolve()):
        by_hand = f"{FILE} is a link that leads out of this repository; the block for it is:\n{_block()}"
        return Part(by_hand=(by_hand,), notes=tuple(notes))
    kept = record.inserted.get(FILE)
    former = next((one for one in (kept.texts if kept else ()) if holds(before, one)), "")
    if not former and is_left(before):
        other = [] if _is_current(before) else [f"{FILE} has another text between the marks; it stays as it is"]
        return Part(notes=(*notes, *other))
    text = _renewed(former) if former else _added(before)
    if text == former:
        return Part(notes=tuple(notes))
    after = before.replace(former.encode(), text.encode(), 1) if former else before + text.encode()
    edit = Edit(FILE, after, (text,), _SAYS, is_created=not path.exists())
    return Part(edits=(edit,), notes=tuple(notes))


def is_left(content: bytes | None) -> bool:
    """Tell whether a text holds the mark, whatever stands behind it."""
    return _BEGIN.encode() in (content or b"")


def _block() -> str:
    return f"{_BEGIN}\n{asset('agents-block.md').decode().strip()}\n{_END}\n"


def _is_current(content: bytes) -> bool:
    return _block().encode() in content.replace(b"\r\n", b"\n")


def _added(before: bytes) -> str:
    """Return the block as it goes behind a text, an empty line between them."""
    return appended(before, [*([""] if before else []), *_block().splitlines()])


def _renewed(former: str) -> str:
    """Return the block in the place of one that an earlier version put in."""
    glue = former[: len(former) - len(former.lstrip("\r\n"))]
    return glue + _block().replace("\n", newline(former.encode()))
