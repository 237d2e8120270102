"""The agents that people have, each as one entry of a table: how it is called, and what its words mean. Pure.

How each behaves was tried with the versions that docs/agents.md names; what was read instead is said there.
"""

from __future__ import annotations

import re
from typing import Literal

from orchestrator.core.values import Value

SESSION = "{session}"  # its id, chosen by the kit where the client takes one
BRIEF = "{brief}"  # the brief's text, or the file that holds it
CHAT, TYPED = "{folder}/chat.md", "{folder}/typed"
TURNS = "{turns}"
COST = "{cost}"

Kind = Literal["quota", "login", "network", "limit", "lost"]


class Sign(Value):
    """Words by which a client's failure is known as something that is not the work's fault."""

    kind: Kind
    pattern: str


class Client(Value):
    """A preset: `[agent] preset` names it."""

    name: str
    title: str
    program: str
    begin: tuple[str, ...]  # the words of a new session
    again: tuple[str, ...] = ()  # those of one that goes on; empty: it has none
    channel: Literal["stdin", "argument", "file"] = "stdin"
    reading: Literal["claude", "codex", "gemini", "opencode", "aider"] = "claude"
    turns: tuple[str, ...] = ()  # bounds the turns of a call
    cost: tuple[str, ...] = ()  # bounds the dollars of a call
    totals: tuple[str, ...] = ()  # what it counts over the whole session: cost, tokens
    commits: bool = True  # False: `.git` is read-only to it, and the kit commits afterwards
    codes: dict[int, Kind] = {}
    signs: tuple[Sign, ...] = ()
    writes: tuple[str, ...] = ()  # where it keeps things of its own: folders below the home folder, or a variable's
    confined: dict[str, str] = {}  # in the kit's sandbox: these words become those; two sandboxes do not nest
    environment: dict[str, str] = {}


_STATUS = r"(?:\(|(?:\bhttp(?:/[\d.]+)?|status|error|code)[^\w\n]{0,4}(?:code)?[^\w\n]{0,4})"  # before a bare number
_EVERYWHERE = (
    Sign(
        kind="lost",
        pattern=r"no conversation found|no rollout found for thread|session not found|invalid session id|"
        r"no previous sessions found",
    ),
    Sign(
        kind="quota",
        pattern=_STATUS
        + r"(?:429|529)\b|rate.?limit(?!er)(?!\.\w)|usage limit|hit your (?:[\w-]+ )?limit|quota(?!\.\w)|"
        r"credit balance|insufficient credits|exceed your account|too many requests|overloaded",
    ),
    Sign(
        kind="login",
        pattern=r"not logged in|/login\b|failed to authenticate|"
        + _STATUS
        + r"40[13]\b|invalid (?:x-)?api[ -]key|unauthori[sz]ed|"
        r"authentication[ _](?:error|failed)|not able to authenticate|auth method|"
        r"missing environment variable: `|no api key",
    ),
    Sign(
        kind="network",
        pattern=r"econnrefused|econnreset|enotfound|eai_again|etimedout|getaddrinfo|unable to connect|fetch failed|"
        r"connection (?:refused|failed|reset|error)|waiting for network|error sending request|stream disconnected|"
        + _STATUS
        + r"50[0234]\b|bad gateway|service unavailable|internal server error|servers are down|"
        r"\"stream error\"",  # opencode's log, of an error that it tries to outlast, whatever the service called it
    ),
)
_GIT = ",".join(f"Bash(git {one} *)" for one in ("add", "commit", "status", "diff", "log", "show"))
_CLAUDE = (
    "-p",
    "--output-format",
    "stream-json",
    "--verbose",
    "--permission-mode",
    "acceptEdits",
    "--allowedTools",
    _GIT,
)
_CODEX = ("exec", "--json", "-s", "workspace-write", "-c", 'approval_policy="never"')
_OPENCODE = ("run", "--format", "json", "--print-logs", "--log-level", "ERROR")
_GEMINI = ("-o", "stream-json", "--approval-mode", "auto_edit", "--skip-trust")
_CURSOR = ("-p", "--output-format", "stream-json", "--force", "--trust")
_AIDER = (
    "--message-file", BRIEF, "--yes-always", "--no-pretty", "--no-stream", "--no-check-update",
    "--no-show-release-notes", "--no-gitignore", "--no-suggest-shell-commands", "--no-detect-urls",
    "--chat-history-file", CHAT, "--input-history-file", TYPED,
)  # fmt: skip

CLIENTS: dict[str, Client] = {
    one.name: one
    for one in (
        Client(
            name="claude",
            title="Claude Code",
            program="claude",
            begin=(*_CLAUDE, "--session-id", SESSION),
            again=(*_CLAUDE, "--resume", SESSION),
            reading="claude",
            turns=("--max-turns", TURNS),
            cost=("--max-budget-usd", COST),
            totals=("cost",),
            environment={"CLAUDE_CODE_MAX_RETRIES": "3"},  # its ten take three minutes; the kit waits cheaper
            writes=(".claude", "$CLAUDE_CONFIG_DIR", ".cache/claude"),
        ),
        Client(
            name="codex",
            title="Codex",
            program="codex",
            begin=(*_CODEX, "-"),
            again=(*_CODEX, "resume", SESSION, "-"),  # what stands behind `resume` loses the sandbox
            reading="codex",
            totals=("tokens",),
            commits=False,
            writes=(".codex", "$CODEX_HOME"),
            confined={"workspace-write": "danger-full-access"},
        ),
        Client(
            name="opencode",
            title="opencode",
            program="opencode",
            begin=_OPENCODE,
            again=(*_OPENCODE, "-s", SESSION),
            reading="opencode",
            writes=(".local/share/opencode", ".local/state/opencode", ".cache/opencode", ".config/opencode"),
        ),
        Client(
            name="gemini",
            title="Gemini CLI",
            program="gemini",
            begin=(*_GEMINI, "--session-id", SESSION),
            again=(*_GEMINI, "--resume", SESSION),
            reading="gemini",
            codes={41: "login", 53: "limit", 55: "login"},
            writes=(".gemini",),
        ),
        Client(
            name="aider",
            title="aider",
            program="aider",
            begin=_AIDER,
            channel="file",
            reading="aider",
            writes=(".aider", ".cache/aider"),
        ),
        Client(
            name="cursor",
            title="Cursor",
            program="cursor-agent",
            begin=(*_CURSOR, BRIEF),
            again=(*_CURSOR, "--resume", SESSION, BRIEF),
            channel="argument",
            reading="claude",
            writes=(".cursor", ".config/cursor"),
        ),
    )
}


class Call(Value):
    """One call of a client. `session` is the id to begin or to resume; `turns` and `cost` are what is left, 0: any."""

    session: str
    resumes: bool = False
    brief: str = ""  # its text, or its file's path
    folder: str = ""  # where the client may keep a file of its own
    turns: int = 0
    cost: float = 0.0
    is_confined: bool = False
    arguments: tuple[str, ...] = ()  # the user's own


def command(client: Client, call: Call) -> list[str]:
    """Return the argument list of a call; the user's own words come where the client takes options."""
    filled = {
        SESSION: call.session,
        BRIEF: call.brief,
        CHAT: f"{call.folder}/chat.md",
        TYPED: f"{call.folder}/typed",
        TURNS: str(call.turns),
        COST: f"{call.cost:.4f}",
    }
    bounds = (*(client.turns if call.turns else ()), *(client.cost if call.cost else ()))
    filled |= client.confined if call.is_confined else {}
    words = client.again if call.resumes else client.begin
    cut = next((at for at, word in enumerate(words) if word in (BRIEF, "-", "resume")), len(words))
    cut = cut if client.channel != "file" else len(words)
    return [client.program, *(filled.get(one, one) for one in (*words[:cut], *bounds, *call.arguments, *words[cut:]))]


def kind_of(client: Client, text: str) -> Kind | None:
    """Return what a failing client's words say is in the way, or None where it may be the work's own fault."""
    for sign in (*client.signs, *_EVERYWHERE):
        if re.search(sign.pattern, text, re.IGNORECASE):
            return sign.kind
    return None
