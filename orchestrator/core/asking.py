"""The questions that a client asks about gates, and which answers to them are a person's yes. Pure; records nothing.

The shapes are those of Claude Code's AskUserQuestion and of what its PostToolUse hook is given.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from orchestrator.core.statement import Bound, fingerprint
from orchestrator.core.values import Value

TOOL = "AskUserQuestion"
APPROVE = "Approve"
MOST = 4  # questions that one call of the tool takes
_HEADER = 12  # characters that the client shows of it
_CODE = re.compile(r"(?P<code>\[(?P<slug>[^\s\[\]]+) \S+ #\d+ [0-9a-f]{8}\])\s*$")
_DAY = 86400.0


class Option(Value):
    """One answer that is offered."""

    label: str
    description: str


class Question(Value, rename={"is_multiple": "multiSelect"}):
    """One question, as the tool takes it."""

    question: str
    header: str
    options: tuple[Option, ...]
    is_multiple: bool = False


OPTIONS = (
    Option(APPROVE, "Recorded as your approval of this gate"),
    Option("Reject", "Records nothing; you send it back in a terminal of your own"),
    Option("Show me more", "Records nothing; the whole evidence is shown first"),
)


class Hooked(Value):
    """What a hook of the client is given on stdin, as far as it matters."""

    hook_event_name: str = ""
    tool_name: str = ""
    tool_input: dict[str, Any] = {}
    tool_response: Any = None
    agent_id: str | None = None
    duration_ms: float | None = None

    @property
    def seconds(self) -> float:
        """How long the tool's call took, the person's time to answer; 0 where that is not known."""
        taken = (self.duration_ms or 0.0) / 1000
        return taken if math.isfinite(taken) and 0 <= taken < _DAY else 0.0


class Answer(Value):
    """A question about a gate as it was asked, and what the client says that came back."""

    slug: str  # of the feature that the question names
    code: str
    asked: dict[str, Any]
    said: str
    has_notes: bool = False


def code(slug: str, bound: Bound) -> str:
    """Return the words that tie a question to a gate as it was shown."""
    return f"[{slug} {bound.workflow} #{bound.reached} {fingerprint(bound)[:8]}]"


def question(slug: str, bound: Bound, sentences: Sequence[str]) -> Question:
    """Return the question about a gate: what is said of it, in one line, and its code."""
    text = " ".join([*(one if one.endswith((".", "?", "!")) else f"{one}." for one in sentences), code(slug, bound)])
    return Question(question=text, header=slug[:_HEADER], options=OPTIONS)


def answers(hooked: Hooked) -> list[Answer]:
    """Return the answered questions that carry a code; all others are none of ours."""
    asked = [one for one in _list(hooked.tool_input.get("questions")) if isinstance(one, dict)]
    given = _table(hooked.tool_response, "answers")
    found: dict[str, Answer] = {}
    for one in asked:
        text = str(one.get("question"))
        match = _CODE.search(text)
        said = given.get(text)
        if match is not None and isinstance(said, str):
            notes = _table(_table(hooked.tool_response, "annotations"), text).get("notes")
            found[text] = Answer(slug=match["slug"], code=match["code"], asked=one, said=said, has_notes=bool(notes))
    return list(found.values())


def nobody_answered(hooked: Hooked) -> str:
    """Return why what came back is no person's choice of what was offered; empty where it is one."""
    if _holds(hooked.tool_response, "afkTimeoutMs") or _holds(hooked.tool_input, "afkTimeoutMs"):
        return "the question ran into its time-out, which is no person's answer"
    if isinstance(hooked.tool_response, dict) and hooked.tool_response.get("response"):
        return "the person wrote an answer of their own"
    return ""


def is_as_written(asked: dict[str, Any], wanted: Question) -> bool:
    """Tell whether a question was put in these very words; runs of blanks aside."""
    try:
        found = msgspec.convert(asked, _Strict)
    except msgspec.ValidationError:
        return False
    return bool(_folded(msgspec.to_builtins(found)) == _folded(msgspec.to_builtins(wanted)))


class _StrictOption(Option, forbid_unknown_fields=True):
    pass


class _Strict(Value, forbid_unknown_fields=True, rename={"is_multiple": "multiSelect"}):
    question: str
    header: str
    options: tuple[_StrictOption, ...]
    is_multiple: bool = False


def _folded(value: Any) -> Any:
    match value:
        case str():
            return " ".join(value.split())
        case dict():
            return {key: _folded(one) for key, one in value.items()}
        case list() | tuple():
            return [_folded(one) for one in value]
        case _:
            return value


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _table(value: Any, key: Any) -> dict[Any, Any]:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def _holds(value: Any, key: str) -> bool:
    """Tell whether a key stands anywhere in a JSON value."""
    match value:
        case dict():
            return key in value or any(_holds(one, key) for one in value.values())
        case list():
            return any(_holds(one, key) for one in value)
        case _:
            return False
