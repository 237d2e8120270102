"""Hooks and permission rules for Claude Code in the project's settings, as text. Touches no file.

Never writes a user's JSON anew: what is added is text at one place, every other byte stays, and it is added only where
it reads back as meant. A rule that the user asks about or denies is not added: that word wins.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from orchestrator.errors import Refusal
from orchestrator.setup.members import find, members, span, top, with_member
from orchestrator.setup.parts import Edit, Part
from orchestrator.setup.record import Places, found

CLAUDE = "claude"
FILE = ".claude/settings.json"
# The commands of the orchestrator agent's table. ` *` also matches a command without further words, and never reaches
# over `;`, `&&` or `|`. What could repair or write takes its exact words.
RULES = tuple(
    f"Bash(orchestrator {words})"
    for words in (
        "status *", "next *", "run *", "attach *", "workflows --json", "checkpoints *", "log *", "approve --ask *",
        "approve --show *", "verify --json", "metrics *", "note *", "start *",
    )
)  # fmt: skip
_RULE = re.compile(r"\"(Bash\(orchestrator [^\"\\]*\))\"")
_HOOKS = {"PreToolUse": ("Bash", "pre-tool"), "PostToolUse": ("AskUserQuestion", "post-tool")}
_SECTIONS = {"hooks": tuple(_HOOKS), "permissions": ("allow", "ask", "deny")}
_PROGRAM = "orchestrator"
_NOTE = (
    'a person\'s answers in Claude Code count where orchestrator.toml says `client = ["human"]` below [gates]; '
    "until then gates are decided in a terminal"
)
_SAYS = (
    "two hooks: an agent's commands that decide are denied, a person's answers recorded; "
    "rules that allow the orchestrator agent's commands"
)


def settings(places: Places) -> Part:
    """Return the edit that puts hooks and rules in; none where they are there. Raises Refusal for no settings."""
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
    """Return settings as text. Raises Refusal for no JSON object, and for hooks or permissions of another shape."""
    try:
        text = content.decode()
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refusal(f"{FILE} is no JSON: {error}", "mend it, then call init again") from error
    if not isinstance(value, dict):
        raise Refusal(f"{FILE}: it is no JSON object", "mend it, then call init again")
    for section, lists in _SECTIONS.items():
        table = value.get(section, {})
        if not isinstance(table, dict) or not all(isinstance(table.get(name, []), list) for name in lists):
            what = f"`{section}` has another shape than Claude Code takes"
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
    """Return settings with hooks and rules in them, and the texts that were put in, in order.

    Raises Refusal where that cannot be done by adding text alone.
    """
    value = json.loads(text) if text else {}
    missing = _missing(value)
    if not text:
        whole = json.dumps(missing, indent=2) + "\n"
        return whole, [whole]
    after, pieces = text, []
    for section, lists in missing.items():
        after, added = _put(after, section, lists)
        pieces += added
        for name, elements in lists.items():
            value.setdefault(section, {}).setdefault(name, []).extend(elements)
    if json.loads(after) != value:  # a key that stands twice, for instance
        raise Refusal(f"{FILE} is written in a way that init does not touch", "write each key once")
    return after, pieces


def _missing(value: Any) -> dict[str, dict[str, list[Any]]]:
    """Return what is to be added to each list, by section and name; nothing where all is there."""
    hooks: dict[str, list[Any]] = {event: [entry(event)] for event in _HOOKS if not _is_there(value, event)}
    permissions = _table(_table(value).get("permissions"))
    said = [one for name in _SECTIONS["permissions"] for one in _list(permissions.get(name))]
    rules: list[Any] = [one for one in RULES if one not in said]
    sections = {"permissions": {"allow": rules} if rules else {}, "hooks": hooks}
    return {section: lists for section, lists in sections.items() if lists}


def _put(text: str, section: str, lists: dict[str, list[Any]]) -> tuple[str, list[str]]:
    """Add elements to the lists of a section, made where missing; return the text, and the pieces in order."""
    if (table := find(text, section)) is None:
        text, piece = with_member(text, top(text), section, lists)
        return text, [piece]
    pieces = []
    for name, elements in lists.items():
        there = find(text, section, name)
        at, key, values = (there.start, "", elements) if there else (table.start, name, [elements])
        for one in values:
            text, piece = with_member(text, at, key, one)
            pieces.append(piece)
    return text, pieces


# --- taken out -------------------------------------------------------------------------------------


def without(content: bytes, texts: Sequence[str]) -> bytes:
    """Return settings without hooks and rules, every other byte as it was; as they are where they are no JSON any more.

    The very texts that were put in go, where they still stand there; else what is left of them, by structure.
    """
    try:
        text = content.decode()
        changed: list[str] = []
        for piece in reversed(texts):
            rest = _cut(text, piece)
            text, changed = (text, [*changed, piece]) if rest is None else (rest, changed)
        for rule in dict.fromkeys(rule for piece in changed for rule in _RULE.findall(piece)):
            if text and (at := _left_rule(text, rule)) is not None:
                text = text[: at[0]] + text[at[1] :]
        while text and (at := _left_hook(text)) is not None:
            text = text[: at[0]] + text[at[1] :]
    except (ValueError, RecursionError):
        return content
    return text.encode()


def _cut(text: str, piece: str) -> str | None:
    """Return settings without a piece, None where it is not in them: the same words in a list of the user's stay."""
    for found_at in re.finditer(re.escape(piece), text):
        rest = text[: found_at.start()] + text[found_at.end() :]
        if not rest or (_is_json(rest) and _refused(rest) == _refused(text)):
            return rest
    return None


def _refused(text: str) -> list[Any]:
    """Return the rules of which the user says that they ask, or deny."""
    permissions = _table(_table(json.loads(text)).get("permissions"))
    return [permissions.get("ask"), permissions.get("deny")]


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


def _left_rule(text: str, rule: str) -> tuple[int, int] | None:
    """Return what to cut for a rule, with its list and `permissions` where it is alone in them."""
    table, allowed = find(text, "permissions"), find(text, "permissions", "allow")
    if table is None or allowed is None or text[allowed.start] != "[":
        return None
    for one in members(text, allowed.start):
        if json.loads(text[one.start : one.end]) == rule:
            return span(text, [top(text), table.start, allowed.start], [table, allowed, one])
    return None


def _left_hook(text: str) -> tuple[int, int] | None:
    """Return the next piece to cut: a handler of ours, with its group, list and `hooks` where it is alone in them."""
    value = json.loads(text)
    for event in _HOOKS:
        if not _is_there(value, event):
            continue
        path = [one for keys in (("hooks",), ("hooks", event)) if (one := find(text, *keys))]
        for group in members(text, path[-1].start):
            hooks = next((one for one in members(text, group.start) if one.key == "hooks"), None)
            for handler in members(text, hooks.start) if hooks else ():
                if hooks and _is_ours(json.loads(text[handler.start : handler.end]), event):
                    inside = [top(text), *(one.start for one in (*path, hooks))]
                    return span(text, inside, [*path, group, handler])
    return None


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
