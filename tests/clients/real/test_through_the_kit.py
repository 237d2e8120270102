"""A whole phase by each real client, run by the kit by its preset: it passes, waits, is parked, or is tried again."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
import pytest

from orchestrator.adapters.agent import RUN_ID
from tests.clients import harness
from tests.clients.cases import DONE, LIMIT, NEVER_RESET, PLANS
from tests.clients.script import Refusal, Scene, Shell, Turn, Write, does
from tests.clients.standin import StandIn
from tests.conftest import PROGRAM, Repo
from tests.conftest import environment as kits_environment

CLIENTS = ("claude", "codex", "opencode")
LINE = {
    "1-build": "# Build it\n\n## Phase 1: Write\n\nWrite the note.\n\nplay: first\n\n## Phase 2: Read\n\nRead it.\n\nplay: second\n",
}
ALLOWED = {"claude": 'arguments = ["--allowedTools", "Bash(touch *),Bash(sleep *)"]\n'}  # beside the preset's own
SHORT = {"claude": 'timeout = "8s"\n', "codex": 'timeout = "8s"\n', "opencode": 'timeout = "20s"\n'}  # it starts slowly
ASKS = '{"orchestrator": {"outcome": "gate", "trigger": "Which colour?"}}'
COMMIT = Shell("git add note.txt && git commit --quiet -m 'a note'")
LOGIN = Refusal(401, "authentication_error", "invalid x-api-key")


class Shop(Repo):
    """A repository in which a real client is the agent; `standin` plays its model."""

    def __init__(self, folder: Path, client: str, plays: Mapping[str, Sequence[Scene]], more: str) -> None:
        self.standin = StandIn(plays)
        home = folder / "home"
        outside = harness.environment(home, self.standin.url)
        env = {**kits_environment(home), **outside, **harness.SETUPS[client](home, self.standin.url)}
        path = f"{harness.PROGRAMS}:{PROGRAM.parent}:{env['PATH']}"
        super().__init__(folder / "shop", {**env, "PATH": path, "PWD": str(folder / "shop")})
        self.found(LINE, "", f'[workflows]\nglob = "line/add-feature-*.md"\n[agent]\npreset = "{client}"\n{more}')
        self.commit("begin")
        self.write(".git/info/exclude", ".context/\n")
        self.run("start", "payment")

    def calls(self) -> list[dict[str, Any]]:
        """Return what the log says of the calls of the client."""
        return [one["payload"] for one in self.events("agent_ended")]

    def leftovers(self) -> list[str]:
        """Return the command lines of the processes that this repository's runs left."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                environ = process.environ()
                if environ.get("HOME") == self.env["HOME"] and RUN_ID in environ:
                    found.append(" ".join(process.cmdline()))
        return found


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Any]:
    """Make a shop for a client; at its end no process of it may be left."""
    made: list[Shop] = []

    def make(client: str, plays: Mapping[str, Sequence[Scene]], more: str = "") -> Shop:
        found = Shop(tmp_path, client, plays, ALLOWED.get(client, "") + more)
        made.append(found)
        found.standin.__enter__()
        return found

    yield make
    for one in made:
        one.standin.__exit__()
        assert one.leftovers() == []


FIRST = (does(Write("note.txt", "hello\n")), does(COMMIT), Turn(f"The note is written.\n\n{DONE}"))
SECOND = (does(Shell("cat note.txt")), Turn("It says hello."))


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_walks_a_workflow_in_one_session(client: str, shop: Any) -> None:
    repo = shop(client, {"first": FIRST, "second": SECOND})

    repo.run("next", check=None)
    repo.run("next", check=None)

    assert repo.state("payment")["status"] == "completed"
    assert repo.git("show", "feat/payment:note.txt") == "hello"
    first, second = repo.calls()
    assert (first["ended"], second["ended"]) == ("done", "done")
    assert first["session"]
    assert first["session"] == second["session"]
    assert (first.get("resumed", False), second.get("resumed", False)) == (False, True)
    assert repo.standin.asked[-1].place == 1


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_walks_a_workflow_in_the_sandbox(client: str, shop: Any) -> None:
    repo = shop(client, {"first": FIRST, "second": SECOND})

    repo.run("next", "--sandbox", check=None)
    repo.run("next", "--sandbox", check=None)

    assert repo.state("payment")["status"] == "completed"
    assert repo.git("show", "feat/payment:note.txt") == "hello"
    first, second = repo.calls()
    assert (first["session"], second.get("resumed", False)) == (second["session"], True)


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_that_hits_a_limit_is_parked_until_it_may_be_over_and_then_goes_on(client: str, shop: Any) -> None:
    limited = (does(Write("note.txt", "hello\n")), Refusal(429, "rate_limit_error", LIMIT))
    repo = shop(client, {"first": limited, "second": SECOND}, SHORT[client])

    repo.run("next", check=None)
    state = repo.state("payment")
    repo.standin.plays["first"] = FIRST
    repo.run("resume", "payment")
    repo.run("next", check=None)

    assert (state["status"], state["attempts"]) == ("blocked", {})
    assert state["paused_until"]
    assert repo.calls()[0]["ended"] == "quota"
    assert "quota" in state["notes"][-1]["note"]
    assert [one["ended"] for one in repo.calls()] == ["quota", "done"]
    assert repo.git("show", "feat/payment:note.txt") == "hello"


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_that_is_not_logged_in_is_parked(client: str, shop: Any) -> None:
    repo = shop(client, {"first": (LOGIN,)})

    repo.run("next", check=None)

    assert repo.calls()[0]["ended"] == "login"
    assert (repo.state("payment")["status"], repo.state("payment")["attempts"]) == ("blocked", {})


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_that_hangs_in_a_command_runs_into_the_time_limit_and_is_ended_whole(client: str, shop: Any) -> None:
    repo = shop(
        client,
        {"first": (does(Write("note.txt", "hello\n")), does(Shell("touch begun && sleep 300")))},
        SHORT[client],
    )

    repo.run("next", check=None)

    assert "ran into its time limit" in repo.events("attempt_failed")[-1]["payload"]["reason"]
    assert repo.leftovers() == []


@pytest.mark.parametrize("client", CLIENTS)
def test_what_a_killed_kit_left_of_a_client_is_ended_by_the_next_command(client: str, shop: Any) -> None:
    long = (does(Shell("touch begun && sleep 300")), Turn("never"))
    repo = shop(client, {"first": long, "second": SECOND})
    begun = repo.worktree("payment") / "begun"
    kit = subprocess.Popen(
        [PROGRAM, "next"], cwd=repo.root, env=repo.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    while kit.poll() is None and not begun.exists():
        with suppress(subprocess.TimeoutExpired):
            kit.wait(0.05)

    kit.send_signal(signal.SIGKILL)
    kit.wait()
    repo.standin.plays["first"] = FIRST
    repo.run("next", check=None)

    assert begun.exists()
    assert len(repo.events("attempt_interrupted")) == 1
    assert repo.events("attempt_failed") == []
    assert repo.calls()[-1]["ended"] == "done"


@pytest.mark.parametrize("client", CLIENTS)
def test_a_question_in_the_last_words_is_a_gate_and_its_answer_reaches_the_same_session(client: str, shop: Any) -> None:
    asks = (does(Write("note.txt", "hello\n")), Turn(f"I need to know.\n\n{ASKS}"))
    repo = shop(client, {"first": asks, "second": SECOND})

    repo.run("next", check=None)
    waiting = repo.state("payment")
    repo.standin.plays["first"] = FIRST
    repo.sit("1 = Blue.")
    repo.run("next", check=None)

    assert waiting["status"] == "paused", waiting
    first, second = repo.calls()
    assert (first["session"], second.get("resumed")) == (second["session"], True)


def test_claude_without_a_permission_that_it_needs_is_parked_with_the_name_of_it(shop: Any) -> None:
    repo = shop("claude", {"first": (does(Shell("curl -s http://127.0.0.1:9/")), Turn("I was not allowed to."))})

    repo.run("next", check=None)

    assert repo.state("payment")["status"] == "blocked"
    assert "Bash" in repo.state("payment")["notes"][-1]["note"]


def test_claude_is_held_to_what_is_left_of_a_budget(shop: Any) -> None:
    loop = [does(Shell(f"git log --oneline -{number}")) for number in range(1, 20)]
    repo = shop("claude", {"first": loop}, "max_turns = 3\n")

    repo.run("next", check=None)

    assert repo.state("payment")["status"] == "blocked"
    assert len(repo.standin.asked) == 3


def test_a_plan_of_claude_that_is_used_up_is_taken_up_again_when_it_says(shop: Any) -> None:
    repo = shop("claude", {"first": (PLANS["claude"],)})

    repo.run("next", check=None, ANTHROPIC_API_KEY="", CLAUDE_CODE_OAUTH_TOKEN=harness.KEY)

    assert datetime.fromisoformat(repo.state("payment")["paused_until"]).timestamp() == int(NEVER_RESET)
