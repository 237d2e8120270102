"""What the real clients printed when they were last recorded, and which part of it must stay the same."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).parent / "recorded"
TABLE = RECORDED / "cases.json"

# What a preset reads; all else (ids, times, prices of tokens, hints) may differ from run to run.
_TOLD = {
    "type", "subtype", "is_error", "terminal_reason", "api_error_status", "error", "errors", "result", "num_turns",
    "total_cost_usd", "permission_denials", "tool_name", "item", "part", "state", "status", "exit_code", "reason",
    "cost", "text", "tool", "message", "usage", "input_tokens", "output_tokens", "name", "data", "statusCode",
    "rate_limit_info", "resetsAt", "rateLimitType", "error_status",
}  # fmt: skip


def said(client: str, case: str) -> str:
    """Return the output of a case: stdout and stderr in one stream, as the kit reads them."""
    return (RECORDED / f"{client}-{case}.jsonl").read_text()


def table() -> dict[str, dict[str, Any]]:
    """Return by `CLIENT-CASE`: command, status, seconds, the signal that was sent, how many processes were left."""
    found: dict[str, dict[str, Any]] = json.loads(TABLE.read_text())
    return found


def events(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def shape(text: str) -> list[Any]:
    """Return an output reduced to what a preset reads of it.

    A line that is said again and again counts once. That a command begins or fails is left out: Codex says it
    or not, as the moment has it, of one that its sandbox stops.
    """
    found: list[Any] = []
    for line in text.splitlines():
        told = _told(json.loads(line)) if line.startswith("{") else _plain(line)
        if told and not _is_chance(told) and (not found or found[-1] != told):
            found.append(told)
    return found


def _is_chance(told: Any) -> bool:
    item = told.get("item", {}) if isinstance(told, dict) else {}
    return item.get("type") == "command_execution" and item.get("exit_code") != 0


def _told(value: Any) -> Any:
    match value:
        case dict():
            return {name: _told(one) for name, one in sorted(value.items()) if name in _TOLD}
        case list():
            return [_told(one) for one in value]
        case str():
            return _plain(value)
        case _:
            return value


def _plain(text: str) -> str:
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}|\b(?:ses|msg|prt)_\w+|run=\w+", "ID", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z|\d+/5|\bref\b.*|err_\w+|:\d{2,}|PORT|chunk-\w+[.:\w]*", "N", text)
    return re.sub(r"/\S*|\s+", " ", text).strip()
