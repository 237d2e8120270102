"""What is asked of each real client: its command line, a play, and how it is disturbed; expects nothing."""

from __future__ import annotations

import signal
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from orchestrator.core.values import Value
from tests.clients.harness import KEY, Place, Ran
from tests.clients.script import Hang, Refusal, Scene, Shell, Tool, Turn, Write, does
from tests.clients.standin import StandIn

CLAUDE = (
    "claude", "-p", "--output-format", "stream-json", "--verbose", "--permission-mode", "acceptEdits",
    "--allowedTools", "Bash(git *)", "--allowedTools", "Bash(cat *),Bash(echo *),Bash(touch *),Bash(sleep *)",
)  # fmt: skip
CODEX = ("codex", "exec", "--json", "-s", "workspace-write")
OPENCODE = ("opencode", "run", "--format", "json", "--print-logs", "--log-level", "ERROR")

DONE = '{"orchestrator": {"outcome": "ok", "note": "the note is written"}}'
COLOUR = {
    "id": "colour",
    "question": "Which colour?",
    "header": "Colour",
    "multiSelect": False,
    "options": [{"label": "Red", "description": "red"}, {"label": "Blue", "description": "blue"}],
}
QUESTIONS = {"claude": "AskUserQuestion", "codex": "request_user_input", "opencode": "question"}
NEVER_RESET = "4102444800"  # the year 2100, in seconds
LIMIT = "This request would exceed your account's rate limit."


def plays(client: str) -> dict[str, Sequence[Scene]]:
    """Return what the scripted model does, by the name that a prompt asks for."""
    quota = Refusal(429, "rate_limit_error", LIMIT)
    return {
        "work": [
            does(Write("note.txt", "hello\n"), text="I write the note."),
            does(Shell("cat note.txt")),
            does(Shell("git add note.txt && git commit --quiet -m 'a note'")),
            Turn(f"The note is written.\n\n{DONE}"),
        ],
        "more": [does(Shell("cat note.txt")), Turn(f"It says hello.\n\n{DONE}")],
        "say": [Turn("Hello.")],
        "question": [does(Tool(QUESTIONS[client], {"questions": [COLOUR]})), Turn("Nobody answered.")],
        "loop": [does(Shell(f"echo {number}")) for number in range(20)],
        "refused": [does(Shell("curl -s http://127.0.0.1:9/"), Write("../outside.txt", "x\n")), Turn("I was refused.")],
        "denied": [does(Shell("curl -s http://127.0.0.1:9/")), Turn("I was refused.")],
        "outside": [does(Shell("git commit --quiet --allow-empty -m x")), Turn("I was refused.")],
        "quota": [quota],
        "quota-midway": [does(Shell("echo one")), quota],
        "quota-later": [Refusal(429, "rate_limit_error", LIMIT, {"Retry-After": "3600"})],
        "plan": [PLANS[client]],
        "login": [Refusal(401, "authentication_error", "invalid x-api-key")],
        "overloaded": [Refusal(529, "overloaded_error", "Overloaded")],
        "long": [does(Shell("touch begun && sleep 300")), Turn("That took long.")],
        "hang": [Hang()],
    }


PLANS = {
    "claude": Refusal(
        429,
        "rate_limit_error",
        LIMIT,
        {
            "anthropic-ratelimit-unified-status": "rejected",
            "anthropic-ratelimit-unified-reset": NEVER_RESET,
            "anthropic-ratelimit-unified-representative-claim": "five_hour",
        },
    ),
    "codex": Refusal(
        429,
        "usage_limit_reached",
        "The usage limit has been reached",
        more={"plan_type": "plus", "resets_at": int(NEVER_RESET), "resets_in_seconds": 7200},
    ),
    "opencode": Refusal(429, "insufficient_quota", "You exceeded your current quota."),
}


class Case(Value):
    """One way to run a client.

    `session`: a new one, one that an earlier run (of the play `before`) left, one that nobody knows, or one whose
    id an earlier run took. `until`: text in the output at which the signal `by` is sent; the play `long` gets it
    as soon as its command runs.
    """

    play: str
    command: tuple[str, ...] = ()
    session: Literal["new", "resumed", "unknown", "taken"] = "new"
    before: str = "work"
    env: Mapping[str, str] = {}
    until: str = ""
    by: signal.Signals = signal.SIGKILL


ONE_RETRY = {"CLAUDE_CODE_MAX_RETRIES": "1"}
PLAN = {"ANTHROPIC_API_KEY": "", "CLAUDE_CODE_OAUTH_TOKEN": KEY}
NOWHERE = "http://127.0.0.1:9"
TERM, KILL = signal.SIGTERM, signal.SIGKILL

CASES: Mapping[str, Mapping[str, Case]] = {
    "claude": {
        "work": Case("work"),
        "resumed": Case("more", session="resumed"),
        "resumed-after-kill": Case("say", session="resumed", before="long"),
        "resumed-after-quota": Case("say", session="resumed", before="quota", env=ONE_RETRY),
        "question": Case("question"),
        "refused": Case("refused"),
        "turns": Case("loop", ("--max-turns", "2")),
        "budget": Case("loop", ("--max-budget-usd", "0.002")),
        "quota": Case("quota", env=ONE_RETRY),
        "quota-midway": Case("quota-midway", env=ONE_RETRY),
        "quota-later": Case("quota-later"),
        "plan": Case("plan", env={**PLAN, **ONE_RETRY}),
        "login": Case("login", env=ONE_RETRY),
        "no-login": Case("say", env={"ANTHROPIC_API_KEY": ""}),
        "overloaded": Case("overloaded", env=ONE_RETRY),
        "network": Case("say", env={"ANTHROPIC_BASE_URL": NOWHERE, **ONE_RETRY}),
        "unknown-session": Case("say", session="unknown"),
        "taken-session": Case("say", session="taken", before="say"),
        "bad-option": Case("say", ("--no-such-option",)),
        "terminated": Case("long", by=TERM),
        "killed": Case("long", by=KILL),
    },
    "codex": {
        "work": Case("work"),
        "resumed": Case("more", session="resumed"),
        "resumed-after-kill": Case("say", session="resumed", before="long"),
        "question": Case("question"),
        "refused": Case("outside"),
        "quota": Case("quota"),
        "quota-midway": Case("quota-midway"),
        "quota-later": Case("quota-later", until="429 Too Many Requests"),
        "plan": Case("plan"),
        "login": Case("login"),
        "no-login": Case("say", env={"STANDIN_KEY": ""}),
        "network": Case("say", ("-c", f'model_providers.standin.base_url="{NOWHERE}"'), until="waiting for network"),
        "unknown-session": Case("say", session="unknown"),
        "bad-option": Case("say", ("--no-such-option",)),
        "terminated": Case("long", by=TERM),
        "killed": Case("long", by=KILL),
    },
    "opencode": {
        "work": Case("work"),
        "resumed": Case("more", session="resumed"),
        "question": Case("question"),
        "refused": Case("denied", env={"OPENCODE_PERMISSION": '{"bash": {"*": "deny", "git *": "allow"}}'}),
        "refused-outside": Case("refused"),
        "quota": Case("quota", until="rate limit"),
        "quota-midway": Case("quota-midway", until="rate limit"),
        "plan": Case("plan", until="exceeded your current quota"),
        "login": Case("login"),
        "unknown-session": Case("say", session="unknown"),
        "bad-option": Case("say", ("-m", "nobody/none")),
        "terminated": Case("long", by=TERM),
        "killed": Case("long", by=KILL),
    },
}


def command(client: str, more: Sequence[str] = (), *, new: str = "", known: str = "") -> list[str]:
    """Return a command line for a prompt on stdin: a session `new`, or one that is `known` to be resumed."""
    match client:
        case "claude":
            session = ["--resume", known] if known else ["--session-id", new or str(uuid.uuid4())]
            return [*CLAUDE, *more, *session]
        case "codex":
            return [*CODEX, *more, *(["resume", known] if known else []), "-"]
        case _:
            return [*OPENCODE, *more, *(["-s", known] if known else [])]


def session_of(client: str, ran: Ran) -> str:
    """Return the session's id as the client's first event has it."""
    return str(ran.events[0][{"claude": "session_id", "codex": "thread_id", "opencode": "sessionID"}[client]])


def play(client: str, case: Case, folder: Path) -> tuple[Place, list[str], Ran]:
    """Run a case in a folder of its own; return the place, the command line and how it ended."""
    with StandIn(plays(client)) as standin:
        place = Place(folder, client, standin.url)
        words = command(client, case.command)
        if case.session == "unknown":
            words = command(client, case.command, known=UNKNOWN[client])
        elif case.session != "new":
            before = _run(place, words, Case(case.before), case.env)
            known = session_of(client, before)
            words = command(client, case.command, **{"known" if case.session == "resumed" else "new": known})
        return place, words, _run(place, words, case, case.env)


UNKNOWN = {
    "claude": "5f0c1c1e-0b59-4d7c-8f2e-3b1a9f3f7a10",
    "codex": "01a20600-0000-7000-8000-000000000000",
    "opencode": "ses_00000000affeAAAAAAAAAAAAAA",
}


def _run(place: Place, words: Sequence[str], case: Case, env: Mapping[str, str]) -> Ran:
    begun = place.tree / "begun"
    begun.unlink(missing_ok=True)

    def is_due(text: str) -> bool:
        return begun.exists() if case.play == "long" else bool(case.until) and case.until in text

    return place.run(words, f"Write a note.\n\nplay: {case.play}\n", env=env, until=is_due, by=case.by)
