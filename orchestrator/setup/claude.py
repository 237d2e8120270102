"""The two hooks of Claude Code in the project's settings: put in as text, and taken out again. Touches no file.

Never writes a user's JSON anew: what is added is text at one place, every other byte stays, and it is added only where
it reads back as meant.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from orchestrator.core.values import Value
from orchestrator.errors import Refusal
from orchestrator.setup.inserting import newline
from orchestrator.setup.parts import Edit, Part
from orchestrator.setup.record import Places, found

CLAUDE = "claude"
FILE = ".claude/settings.json"
_HOOKS = {"PreToolUse": ("Bash", "pre-tool"), "PostToolUse": ("AskUserQuestion", "post-tool")}
_PROGRAM = "orchestrator"
_NOTE = (
    'a person\'s answers in Claude Code count where orchestrator.toml says `client = ["human"]` below [gates]; '
    "until then gates are decided in a terminal"
)
_SAYS = "two hooks: an agent's commands that decide are denied, a person's answers recorded"
_BLANK = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


class Member(Value):
    """One member of an object, or element of an array, by where it lies in the text; `key` is empty in an array."""

    key: str
    begin: int
    start: int  # of the value
    end: int


def settings(places: Places) -> Part:
    """Return the edit that puts the hooks in; none where they are there. Raises Refusal for what is no settings."""
    path = places.path(FILE)
    content = found(path)
    if not path.resolve().is_relative_to(places.main.resolve()):
        raise Refusal(f"{FILE} is a link that leads out of this repository", "put a file there, or leave --agent out")
    text = _text(content) if content is not None else ""
    after, texts = merged(text)
    if not texts:
        return Part()
    edit = Edit(FILE, after.encode(), tuple(texts), _SAYS, is_created=content is None)
    return Part(edits=(edit,), notes=(_NOTE,))


def _text(content: bytes) -> str:
    """Return settings as text. Raises Refusal where they are no JSON object, or hold hooks of another shape."""
    try:
        text = content.decode()
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refusal(f"{FILE} is no JSON: {error}", "mend it, then call init again") from error
    hooks = value.get("hooks", {}) if isinstance(value, dict) else None
    if not isinstance(hooks, dict) or not all(isinstance(hooks.get(event, []), list) for event in _HOOKS):
        what = "`hooks` has another shape than Claude Code takes" if isinstance(value, dict) else "it is no JSON object"
        raise Refusal(f"{FILE}: {what}", "mend it, then call init again")
    return text


def entry(event: str) -> dict[str, Any]:
    """Return what stands in the list of an event: without a shell, and never in the way where the program is gone."""
    matcher, name = _HOOKS[event]
    words = {"type": "command", "command": _PROGRAM, "args": ["claude-hook", name]}
    return {"matcher": matcher, "hooks": [{**words, "timeout": 10, "onFailure": "continue"}]}


def _is_ours(handler: Any, event: str) -> bool:
    name = _HOOKS[event][1]
    return isinstance(handler, dict) and "claude-hook" in (args := _list(handler.get("args"))) and name in args


def _is_there(value: Any, event: str) -> bool:
    groups = _list(_table(_table(value).get("hooks")).get(event))
    return any(_is_ours(one, event) for group in groups for one in _list(_table(group).get("hooks")))


# --- put in ----------------------------------------------------------------------------------------


def merged(text: str) -> tuple[str, list[str]]:
    """Return settings with the hooks in them, and the texts that were put in, in order.

    Raises Refusal where that cannot be done by adding text alone.
    """
    if not text:
        whole = json.dumps({"hooks": {event: [entry(event)] for event in _HOOKS}}, indent=2) + "\n"
        return whole, [whole]
    value = json.loads(text)
    missing = {event: entry(event) for event in _HOOKS if not _is_there(value, event)}
    after, pieces = text, []
    if _find(text, "hooks") is None:
        after, piece = _with(text, _top(text), "hooks", {event: [one] for event, one in missing.items()})
        return after, [piece]
    for event, one in missing.items():
        hooks, groups = _find(after, "hooks"), _find(after, "hooks", event)
        if groups is not None:
            after, piece = _with(after, groups.start, "", one)
        elif hooks is not None:
            after, piece = _with(after, hooks.start, event, [one])
        pieces.append(piece)
    for event, one in missing.items():
        value["hooks"].setdefault(event, []).append(one)
    if json.loads(after) != value:  # a key that stands twice, for instance
        raise Refusal(f"{FILE} is written in a way that init does not touch", "write each key once")
    return after, pieces


def _with(text: str, at: int, key: str, value: Any) -> tuple[str, str]:
    """Put a member at the end of the object or array that begins at `at`; return the text and the piece put in."""
    members = list(_members(text, at))
    end = newline(text.encode())
    unit = _unit(text)
    outer = _indent(text, at)
    inner = _indent(text, members[-1].begin) if members else outer + unit
    named = f"{json.dumps(key)}: " if key else ""
    if members and "\n" not in text[at : members[-1].begin]:  # a container in one line stays so
        place, piece = members[-1].end, f", {named}{json.dumps(value)}"
    else:
        dumped = json.dumps(value, indent=unit).replace("\n", f"{end}{inner}")
        place = members[-1].end if members else at + 1
        is_open = not members and "\n" not in text[place : _close(text, at)]
        piece = f"{',' if members else ''}{end}{inner}{named}{dumped}{f'{end}{outer}' if is_open else ''}"
    return text[:place] + piece + text[place:], piece


def _unit(text: str) -> str:
    """Return one level of indentation, as the first member of the settings has it."""
    first = re.match(r"\s*\{\s*\n([ \t]+)\"", text)
    return first[1] if first else "  "


def _indent(text: str, at: int) -> str:
    """Return the blanks at the beginning of the line in which a place lies."""
    begin = text.rfind("\n", 0, at) + 1
    return text[begin : begin + len(text[begin:]) - len(text[begin:].lstrip(" \t"))]


# --- where things lie ------------------------------------------------------------------------------


def _top(text: str) -> int:
    return _past_blanks(text, 0)


def _past_blanks(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    return match.end() if match else at


def _members(text: str, at: int) -> Iterator[Member]:
    """Give the members of the object or array that begins at `at`, in a text that is known to be JSON."""
    place = _past_blanks(text, at + 1)
    while text[place] not in "}]":
        begin, key = place, ""
        if text[at] == "{":
            key, place = _DECODER.raw_decode(text, place)
            place = _past_blanks(text, _past_blanks(text, place) + 1)
        _, end = _DECODER.raw_decode(text, place)
        yield Member(key=key, begin=begin, start=place, end=end)
        place = _past_blanks(text, end)
        if text[place] == ",":
            place = _past_blanks(text, place + 1)


def _close(text: str, at: int) -> int:
    """Return where the object or array that begins at `at` is closed."""
    return _DECODER.raw_decode(text, at)[1] - 1


def _find(text: str, *keys: str) -> Member | None:
    """Return the member that a path of keys leads to; of two with one key the last, as readers of JSON have it."""
    at, member = _top(text), None
    for key in keys:
        member = next((one for one in reversed(list(_members(text, at))) if one.key == key), None)
        if member is None:
            return None
        at = member.start
    return member


# --- taken out -------------------------------------------------------------------------------------


def without(content: bytes, texts: Sequence[str]) -> bytes:
    """Return settings without the hooks, every other byte as it was; as they are where they are no JSON any more.

    The very texts that were put in go, where they still stand there; else what is left of the hooks, by structure.
    """
    try:
        text = content.decode()
        for piece in reversed(texts):
            rest = text.replace(piece, "", 1)
            text = rest if not rest or _is_json(rest) else text
        while text and (span := _left(text)) is not None:
            text = text[: span[0]] + text[span[1] :]
    except (ValueError, RecursionError):
        return content
    return text.encode()


def is_left(content: bytes | None) -> bool:
    """Tell whether settings name a hook of ours, also where they are no JSON any more."""
    return b"claude-hook" in (content or b"")


def is_empty(content: bytes) -> bool:
    """Tell whether settings say nothing."""
    return b"".join(content.split()) in (b"", b"{}")


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _left(text: str) -> tuple[int, int] | None:
    """Return the next piece to cut: a handler of ours, with its group, list and `hooks` where it is alone in them."""
    value = json.loads(text)
    for event in _HOOKS:
        if not _is_there(value, event):
            continue
        path = [found for keys in (("hooks",), ("hooks", event)) if (found := _find(text, *keys))]
        for group in _members(text, path[-1].start):
            hooks = next((one for one in _members(text, group.start) if one.key == "hooks"), None)
            for handler in _members(text, hooks.start) if hooks else ():
                if hooks and _is_ours(json.loads(text[handler.start : handler.end]), event):
                    inside = [_top(text), *(one.start for one in (*path, hooks))]
                    return _span(text, inside, [*path, group, handler])
    return None


def _span(text: str, containers: Sequence[int], members: Sequence[Member]) -> tuple[int, int]:
    """Return from where to where the last member is cut out, or the outermost that holds nothing else."""
    for at, member in zip(containers[::-1], members[::-1], strict=True):
        siblings = list(_members(text, at))
        if len(siblings) > 1 or at == containers[0]:
            place = siblings.index(member)
            if place:
                return siblings[place - 1].end, member.end
            return (member.begin, siblings[1].begin) if len(siblings) > 1 else (at + 1, _close(text, at))
    raise AssertionError("the outermost container is always cut in")


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
