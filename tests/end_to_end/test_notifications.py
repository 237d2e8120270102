"""A person is told once of the set that waits, whoever's command it is; a message that failed is not forgotten."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from datetime import datetime, timedelta
from pathlib import Path

import pexpect

from tests.conftest import CONFIGURATION, PROGRAM, Repo
from tests.end_to_end.test_found_by_use import configure


def notified(repo: Repo, more: str = "") -> None:
    """Configure a notifier that writes down what it is told, and fails while `mute` lies beside the repository."""
    program = repo.root.parent / "notifier"
    program.write_text(
        '#!/bin/sh\n[ ! -e "${0%/*}/mute" ] || { echo "no bus at ntfy://T0KEN/x" >&2; exit 1; }\n'
        'printf "%s\\n%s\\n=\\n" "$1" "$2" >>"${0%/*}/told"\n'
    )
    program.chmod(0o755)
    repo.write("orchestrator.toml", f'{CONFIGURATION}[notify]\ncommand = ["{program}"]\n{more}')


def told(repo: Repo) -> list[tuple[str, ...]]:
    """Return the messages that arrived since the last look: title and lines, seconds as `N s`."""
    path = repo.root.parent / "told"
    text = path.read_text() if path.exists() else ""
    path.unlink(missing_ok=True)
    return [tuple(one.splitlines()) for one in re.sub(r"\b\d+ s\b", "N s", text).split("=\n")[:-1]]


def kept(repo: Repo) -> Path:
    return repo.root / ".git/orchestrator/notified.json"


def pass_time(repo: Repo, **words: float) -> None:
    """Let what was told have been told earlier."""
    found = json.loads(kept(repo).read_text())
    found["at"] = (datetime.fromisoformat(found["at"]) - timedelta(**words)).isoformat()
    kept(repo).write_text(json.dumps(found))


def at_their_gates(repo: Repo, *names: str) -> None:
    for name in names:
        repo.run("start", name)
    repo.run("run", "-j", "1", check=10)


ONE = ("orchestrator: 1 gate waits", "1 gate waits: payment 2; since N s")


def test_who_joins_tells_the_whole_set_in_one_message_and_nothing_is_told_twice(repo: Repo) -> None:
    notified(repo)
    at_their_gates(repo, "payment")
    assert told(repo) == [ONE]
    at_their_gates(repo, "landing", "login")
    text = "3 gates wait: payment 2, landing 2, login 2; the oldest N s"
    assert told(repo) == [("orchestrator: 3 gates wait", text)]
    for words in ("next", "run", "status"):
        repo.run(words, check=None)
    assert told(repo) == []
    kept(repo).write_text("not it")
    for _ in range(2):
        repo.run("next", check=10)
    assert len(told(repo)) == 1


def test_of_two_commands_at_once_one_tells_the_set(repo: Repo) -> None:
    at_their_gates(repo, "payment", "landing")
    notified(repo)
    command = [str(PROGRAM), "next"]
    children = [
        subprocess.Popen(command, cwd=repo.root, env=repo.env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    assert [child.communicate()[1] for child in children] == [b""] * 3
    assert told(repo) == [("orchestrator: 2 gates wait", "2 gates wait: payment 2, landing 2; the oldest N s")]


def test_a_decision_sends_nothing_and_the_same_gate_reached_again_is_told_again(repo: Repo) -> None:
    notified(repo)
    at_their_gates(repo, "payment", "landing")
    told(repo)
    repo.sit("landing")
    repo.run("reject", "payment", "-m", "not yet")
    assert told(repo) == []
    repo.run("next", "payment")
    assert told(repo) == [ONE]
    assert [one.split()[1] for one in json.loads(kept(repo).read_text())["members"]] == ["feat-payment"]


def test_what_still_waits_after_the_configured_time_is_told_again(repo: Repo) -> None:
    notified(repo, 'repeat = "4h"\n')
    at_their_gates(repo, "payment")
    pass_time(repo, hours=3, minutes=59)
    told(repo)
    repo.run("next", check=10)
    assert told(repo) == []
    pass_time(repo, hours=4)
    for _ in range(2):
        repo.run("next", check=10)
    assert told(repo) == [ONE]
    pass_time(repo, hours=4)
    repo.sit("APPROVE ALL")
    repo.script("payment-2-2", "exit 75\n")
    repo.run("run", check=10)
    assert [one[0] for one in told(repo)] == ["orchestrator: 1 parked"]


def test_a_run_that_waits_tells_a_gate_when_its_pause_is_over_and_not_before(repo: Repo) -> None:
    notified(repo)
    with (repo.root / "orchestrator.toml").open("a") as file:
        file.write('[gates.pause]\n"2: Screens" = "1s"\n')
    told_now = repo.root.parent / "told"
    os.mkfifo(told_now)  # whoever reads it waits until somebody is told
    repo.run("start", "payment")
    child = subprocess.Popen([str(PROGRAM), "run", "--wait"], cwd=repo.root, env=repo.env, stdout=subprocess.PIPE)
    title, text = told_now.read_text().splitlines()[:2]
    (reached,) = repo.events("gate_reached")
    assert datetime.now().astimezone() >= datetime.fromisoformat(reached["payload"]["opens"])
    assert (title, text[:28]) == ("orchestrator: 1 gate waits", "1 gate waits: payment 2; sin")
    child.send_signal(signal.SIGINT)
    child.communicate()
    assert child.returncode == 130


def test_a_message_that_was_not_delivered_is_said_once_shown_and_tried_again(repo: Repo) -> None:
    notified(repo)
    mute = repo.root.parent / "mute"
    mute.touch()
    repo.run("start", "payment")
    done = repo.call("run")
    program = repo.root.parent / "notifier"
    assert done.stderr == f"orchestrator: {program} did not notify: no bus at (an address)\n"
    shown = repo.run("status").splitlines()[-2]
    assert re.fullmatch(
        rf"the last notification, \d\d:\d\d \(\d+ s ago\), was not delivered: {program} did not notify: no bus at \(an address\)",
        shown,
    ), shown
    assert repo.call("next").stderr == ""  # not tried: it is too early
    pass_time(repo, minutes=5)
    before = kept(repo).read_text()
    assert repo.call("next").stderr == ""  # tried, and said before
    assert kept(repo).read_text() != before
    mute.unlink()
    pass_time(repo, minutes=5)
    repo.run("next", check=10)
    assert told(repo) == [ONE]
    assert "notification" not in repo.run("status")
    repo.run("next", check=10)
    assert told(repo) == []


def test_what_lies_in_the_way_of_what_is_kept_costs_a_message_each_time_and_is_said(repo: Repo) -> None:
    at_their_gates(repo, "payment")
    notified(repo)
    kept(repo).mkdir()
    os.mkfifo(kept(repo).with_name("notified.lock"))
    for _ in range(2):
        assert "orchestrator: what was told cannot be kept, and may be told again: " in repo.call("next").stderr
    assert told(repo) == [ONE, ONE]


def test_a_rollback_and_what_is_parked_are_told_in_one_line_each_whatever_the_agent_says(repo: Repo) -> None:
    said = '{"orchestrator": {"outcome": "fail", "note": "\\u001b[2Jno\\nway "}}'
    notified(repo)
    configure(repo, "[validate]\n", "[validate]\nattempts = 1\n")
    repo.script("payment-1-1", f"printf '%s\\n' '{said}'; exit 0\n")
    repo.script("landing-1-1", "exit 75\n")
    repo.run("start", "payment")
    repo.run("start", "landing")
    repo.run("run", "-j", "1", check=10)
    lines = [line for one in told(repo) for line in one]
    assert lines[0] == "orchestrator: 1 parked, 1 rolled back"
    assert lines[1].startswith("parked: landing (")
    assert lines[2:] == ["rolled back: payment, the agent says it failed: no way"]


def test_the_terminal_rings_though_the_output_goes_elsewhere(repo: Repo) -> None:
    at_their_gates(repo, "payment")
    repo.write("orchestrator.toml", f'{CONFIGURATION}[notify]\nterminal = ["bell", "osc9"]\n')
    child = pexpect.spawn("sh", ["-c", f"{PROGRAM} next >out 2>err"], cwd=repo.root, env=repo.env, encoding="utf-8")
    child.expect(pexpect.EOF)
    assert re.fullmatch(r"\a\x1b\]9;1 gate waits: payment 2; since \d+ s\a", str(child.before))
    assert "\x1b" not in (repo.root / "out").read_text() + (repo.root / "err").read_text()
