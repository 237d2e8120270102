"""Reads what a client printed of one call: its outcome, session, turns, cost, and what it was refused. Pure.

A client's own word that all went well is believed no further than the kit's validation goes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from orchestrator.core.clients import Client, Kind, kind_of
from orchestrator.core.values import Value

_COST = re.compile(r"Cost: \$([0-9.]+) message, \$([0-9.]+) session")
_LIMITS = ("max_turns", "budget_exhausted", "error_max_turns", "error_max_budget_usd")
_REFUSED = re.compile(r"a rule which prevents you|rejected permission")
_WORDS = 300  # characters of a refused call
_EVENT = re.compile(r'\{"type": ?"')
_LENIENT = json.JSONDecoder()


class Reported(Value, omit_defaults=True):
    """What a client said of one call. `cost` in US dollars; with a cumulative client of the whole session."""

    is_over: bool = False  # it ended its turn, and calls that no failure
    text: str = ""  # its last words
    session: str = ""
    turns: int = 0
    cost: float = 0.0
    tokens: int = 0
    denied: tuple[str, ...] = ()  # the calls of tools that it was refused
    error: str = ""
    kind: Kind | None = None  # what stands in the way, where that is no fault of the work
    until: int = 0  # seconds since 1970: when a limit ends, where it says so


def read(client: Client, output: str, code: int | None) -> Reported:
    """Return what a client's output says; `code` is its exit status, None where it was ended.

    What stands in the way is looked for in its own words of a failure alone, never in what the model said.
    """
    found = _READERS[client.reading](output)
    if code == 0 and found.is_over:
        return found
    error = found.error or _last_words(output) or f"it ended with exit status {code}"
    kind = found.kind or client.codes.get(code or 0) or kind_of(client, error)
    return msgspec.structs.replace(found, is_over=False, error=error, kind=kind)


def _lines(output: str) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """Give each line as its words and the JSON object in it, which may stand behind words and before others.

    A line ends at a line feed alone: JSON holds other separators as they are. What a client says on stderr
    comes in the same stream, also where it ended no line; an error that it quotes there is no event of its own.
    """
    for line in output.split("\n"):
        found = _EVENT.search(line)
        begin = 0 if line.startswith("{") else found.start() if found else -1
        row = _row(line[begin:]) if begin >= 0 else None
        is_quoted = begin > 0 and row is not None and row.get("type") == "error"
        yield (line, None) if row is None or is_quoted else (line[:begin], row)


def _row(text: str) -> dict[str, Any] | None:
    try:
        row = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        try:
            row, _ = _LENIENT.raw_decode(text)  # half an emoji, or words behind it
        except (ValueError, RecursionError):
            return None  # a client's log may begin so
    return row if isinstance(row, dict) else None


def _rows(output: str) -> Iterator[dict[str, Any]]:
    """Give the JSON objects among the lines."""
    return (row for _, row in _lines(output) if row is not None)


def _last_words(output: str) -> str:
    """Return the last lines that are no JSON: what a client says before it could begin."""
    said = [words.strip("\ufeff \t\r").rpartition("\r")[2] for words, _ in _lines(output) if not words.startswith("{")]
    return " ".join([one.strip() for one in said if one.strip()][-3:])


def _claude(output: str) -> Reported:
    """Claude Code's stream-json, and Cursor's, which is like it."""
    session, last, retried, until, model = "", None, "", 0, ""
    for row in _rows(output):
        session = _text(row.get("session_id")) or session
        match row.get("type"), row.get("subtype"):
            case "result", _:
                last = row
            case "system", "api_retry":
                retried = f"{_text(row.get('error'))} {_text(row.get('error_status'))}".strip()
            case "rate_limit_event", _:
                until = _limited_until(row.get("rate_limit_info"))
            case "assistant", _:
                retried, model = "", _text(row.get("error"))
            case _:
                pass
    if last is None:
        return Reported(session=session, error=retried or model, until=until)
    reason = _text(last.get("terminal_reason"))
    is_error = bool(last.get("is_error")) or last.get("subtype", "success") != "success"
    words = _text(last.get("result")) or "; ".join(map(_text, _list(last.get("errors"))))
    return Reported(
        is_over=not is_error,
        text="" if is_error else words,
        session=session,
        turns=_whole(last.get("num_turns")),
        cost=_number(last.get("total_cost_usd")),
        tokens=_tokens(last.get("usage")),
        denied=tuple(_denied(one) for one in _list(last.get("permission_denials")) if isinstance(one, dict)),
        error=_claude_error(last, words, model or reason) if is_error else "",
        kind="limit" if reason in _LIMITS or last.get("subtype") in _LIMITS else None,
        until=until,
    )


def _limited_until(limit: Any) -> int:
    """Return when a plan's limit ends, in seconds since 1970; 0 where it is not reached."""
    if not isinstance(limit, dict) or limit.get("status") != "rejected":
        return 0
    return int(_number(limit.get("resetsAt"), most=1e11))


def _claude_error(last: dict[str, Any], words: str, reason: str) -> str:
    status = _text(last.get("api_error_status"))
    return " ".join(one for one in (words or reason or "no reason given", f"({status})" if status else "") if one)


def _denied(row: dict[str, Any]) -> str:
    given = row.get("tool_input")
    words = given if isinstance(given, dict) else {}
    what = next((_text(words[name]) for name in ("command", "file_path", "url", "path") if words.get(name)), "")
    return f"{_text(row.get('tool_name'))} {what}".strip()[:_WORDS]


def _codex(output: str) -> Reported:
    session, text, error, turns, tokens, is_over = "", "", "", 0, 0, False
    for row in _rows(output):
        match row.get("type"):
            case "thread.started":
                session = _text(row.get("thread_id"))
            case "item.completed":
                item = row.get("item")
                kind = item.get("type") if isinstance(item, dict) else None
                error = error if kind == "error" else ""  # it has connected again
                turns += kind in ("agent_message", "command_execution", "file_change", "mcp_tool_call")
                text = _text(item.get("text")) if isinstance(item, dict) and kind == "agent_message" else text
            case "turn.completed":
                is_over, error = True, ""
                tokens += _tokens(row.get("usage"))
            case "turn.failed":
                is_over = False
                found = row.get("error")
                error = _text(found.get("message")) if isinstance(found, dict) else "the turn failed"
            case "error":
                error = _text(row.get("message")) or error
            case _:
                pass
    return Reported(is_over=is_over, text=text, session=session, turns=turns, tokens=tokens, error=error)


def _opencode(output: str) -> Reported:
    session, text, error, turns, tokens, cost, is_over = "", "", _logged(output), 0, 0, 0.0, False
    denied: list[str] = []
    for row in _rows(output):
        session = _text(row.get("sessionID")) or session
        given = row.get("part")
        part = given if isinstance(given, dict) else {}
        match row.get("type"):
            case "text":
                text = _text(part.get("text"))
            case "tool_use":
                denied += _refused(part)
            case "step_finish":
                turns, text = turns + 1, text if part.get("reason") == "stop" else ""
                cost += _number(part.get("cost"))
                tokens += _tokens(part.get("tokens"))
                is_over = part.get("reason") == "stop"
            case "error":
                error, is_over = _opencode_error(row.get("error")), False
            case _:
                pass
    return Reported(
        is_over=is_over,
        text=text,
        session=session,
        turns=turns,
        tokens=tokens,
        cost=cost,
        denied=tuple(denied),
        error="" if is_over else error or ("it was refused what it needed" if denied else ""),
    )


def _logged(output: str) -> str:
    """Return the last error of its log: it tries again without an end, and says so nowhere else."""
    lines = [line for line in output.splitlines() if line.startswith("{") or "level=ERROR" in line]
    return lines[-1].partition("message=")[2][:_WORDS] if lines and not lines[-1].startswith("{") else ""


def _refused(part: dict[str, Any]) -> list[str]:
    state = part.get("state")
    if not isinstance(state, dict) or not _REFUSED.search(_text(state.get("error"))):
        return []
    given = state.get("input")
    return [_denied({"tool_name": part.get("tool"), "tool_input": given})]


def _opencode_error(error: Any) -> str:
    if not isinstance(error, dict):
        return _text(error) or "no reason given"
    more = error.get("data")
    words = _text(more.get("message")) if isinstance(more, dict) else ""
    status = _text(more.get("statusCode")) if isinstance(more, dict) else ""
    return " ".join(one for one in (_text(error.get("name")), words, status) if one) or "no reason given"


def _gemini(output: str) -> Reported:
    """Gemini CLI's stream-json: its assistant's words come in pieces."""
    session, text, error, turns, tokens, is_over = "", "", "", 0, 0, False
    for row in _rows(output):
        match row.get("type"):
            case "init":
                session = _text(row.get("session_id"))
            case "message" if row.get("role") == "assistant":
                text += _text(row.get("content"))
            case "tool_use":
                text, turns = "", turns + 1
            case "error":
                error = _text(row.get("message")) or error
            case "result":
                stats, found = row.get("stats"), row.get("error")
                tokens = _whole(stats.get("total_tokens")) if isinstance(stats, dict) else 0
                is_over = row.get("status") == "success"
                error = _text(found.get("message")) if isinstance(found, dict) else "" if is_over else error
            case _:
                pass
    turns += bool(text)
    return Reported(is_over=is_over, text=text, session=session, turns=turns, tokens=tokens, error=error)


def _aider(output: str) -> Reported:
    """aider's plain text: it ends with 0 also where its model could not be reached, and says so."""
    costs = _COST.findall(output)
    return Reported(
        is_over=bool(costs) or "Tokens:" in output,
        text=output,
        turns=len(costs),
        cost=_number(costs[-1][1]) if costs else 0.0,
    )


_READERS: dict[str, Callable[[str], Reported]] = {
    "claude": _claude,
    "codex": _codex,
    "opencode": _opencode,
    "gemini": _gemini,
    "aider": _aider,
}


def readable(line: str) -> str:
    """Return what a line of a client's output says to a person: an empty text for one that says nothing."""
    if not line.startswith("{"):
        return line
    row = next(_rows(line), None)
    return line if row is None else "\n".join(_spoken(row))


def _spoken(row: dict[str, Any]) -> Iterator[str]:
    """Give words, and calls of tools, of one event of any client."""
    found = row.get("message")
    given = _list(found.get("content")) if isinstance(found, dict) else []
    for part in [one for one in (*given, row.get("part"), row.get("item")) if isinstance(one, dict)]:
        match part.get("type"):
            case "text" | "agent_message" if row.get("type") != "user":
                yield _text(part.get("text")).strip()
            case "tool_use":
                yield f"> {_denied({'tool_name': part.get('name'), 'tool_input': part.get('input')})}"
            case "tool":
                state = part.get("state")
                yield f"> {_denied({'tool_name': part.get('tool'), **_input(state)})}"
            case "command_execution" if row.get("type") == "item.started":
                yield f"> {_text(part.get('command'))}"[:_WORDS]
            case _:
                pass
    match row.get("type"):
        case "message" if row.get("role") == "assistant":
            yield _text(row.get("content"))
        case "tool_use" if "tool_name" in row:
            yield f"> {_denied({'tool_name': row.get('tool_name'), 'tool_input': row.get('parameters')})}"
        case "error" | "turn.failed" | "result" if row.get("error") or row.get("is_error"):
            yield f"! {_text(row.get('error') or row.get('result') or row.get('errors'))}"[:_WORDS]
        case _:
            pass


def _input(state: Any) -> dict[str, Any]:
    return {"tool_input": state.get("input")} if isinstance(state, dict) else {}


def _text(value: Any) -> str:
    """Return a value as text that every encoding takes."""
    text = "" if value is None else value if isinstance(value, str) else str(value)
    return text.encode(errors="replace").decode()


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _number(value: Any, most: float = 1e9) -> float:
    """Return a number from zero up to `most`, also of text; 0.0 for all else."""
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return found if 0.0 <= found < most else 0.0


def _whole(value: Any) -> int:
    return int(_number(value))


def _tokens(usage: Any) -> int:
    """Return the tokens in and out of a usage, by the names that clients give them."""
    if not isinstance(usage, dict):
        return 0
    return sum(_whole(usage.get(name)) for name in ("input_tokens", "output_tokens", "input", "output"))
