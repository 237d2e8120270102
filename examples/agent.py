#!/usr/bin/env python3
"""An agent that follows a script instead of a model: the contract of the kit in one file, without a dependency.

In `orchestrator.toml`:

    [agent]
    command = ["python3", "/path/to/examples/agent.py"]

What an agent gets
    working directory   the feature's own worktree, on the feature's branch
    standard input      the brief: the piece of the workflow document to be worked on
    environment         ORCHESTRATOR_FEATURE (payment), ORCHESTRATOR_WORKFLOW (4.5a), ORCHESTRATOR_PHASE (2),
                        ORCHESTRATOR_CONTEXT (the folder for notes), ORCHESTRATOR_MAIN (the main worktree)

What an agent gives
    files and commits   in the working directory; what is not committed, the kit commits after a pass
    exit status         0 done, 75 not its fault (quota, network, login), anything else a failed attempt
    a last line         {"orchestrator": {"outcome": "ok", "note": "..."}} on standard output; the outcome may
                        also be "fail", or "gate" with a "trigger": a person has to decide first

What this one does is scripted by the JSON file that EXAMPLE_AGENT_SCRIPT names: for each place, "FEATURE WORKFLOW
PHASE", a list with one action for each time it is called there. Where the list ends, or without a script: "ok".

    {"payment 5 2": ["fail", "break", "ok"], "search 3 1": ["gate:Which of the two indexes?", "ok"]}
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import NoReturn

NOT_MY_FAULT = 75  # EX_TEMPFAIL of sysexits.h: try again later


def main() -> None:
    brief = sys.stdin.read()
    feature, workflow, phase = (os.environ[f"ORCHESTRATOR_{name}"] for name in ("FEATURE", "WORKFLOW", "PHASE"))
    act(next_action(f"{feature} {workflow} {phase}"), f"{workflow} {phase}", brief)


def act(action: str, place: str, brief: str) -> None:
    """Do what the script says for this call."""
    match action.partition(":"):
        case "ok", _, _:
            work(place, brief)
            report("ok", note=f"{place} is done")
        case "nothing", _, _:
            report("ok", note="there was nothing to do")
        case "break", _, _:
            with Path("BROKEN").open("a") as file:
                file.write("the validation is meant to find this file\n")
            report("ok", note="a claim that the validation refutes")
        case "fail", _, _:
            work(place, brief)
            report("fail", note="I could not do it")
        case "gate", _, trigger:
            work(place, brief)
            report("gate", trigger=trigger, evidence=[str(notes_file())])
        case "quota", _, _:
            sys.exit(NOT_MY_FAULT)
        case "hang", _, _:
            hang()
        case _:
            sys.exit(f"EXAMPLE_AGENT_SCRIPT: no such action: {action}")


def work(place: str, brief: str) -> None:
    """Change a source file, keep a note for whoever comes next, and commit."""
    feature = os.environ["ORCHESTRATOR_FEATURE"]
    source = Path("src", f"{feature}.txt")
    source.parent.mkdir(exist_ok=True)
    with source.open("a") as file:
        file.write(f"{place}: {first_line(brief)}\n")
    notes_file().parent.mkdir(parents=True, exist_ok=True)
    with notes_file().open("a") as file:
        file.write(f"- {place}: {first_line(brief)}\n")
    Path("BROKEN").unlink(missing_ok=True)  # an attempt begins on the tree that the one before left
    git("add", "--all", "--", "src")
    git("commit", "--quiet", "--message", f"{feature}: {place}")


def notes_file() -> Path:
    """A feature's notes are the files of the context folder that begin with feat-NAME_."""
    folder = Path(os.environ["ORCHESTRATOR_CONTEXT"])
    return folder / f"feat-{os.environ['ORCHESTRATOR_FEATURE']}_temp-memory.md"


def first_line(brief: str) -> str:
    return next((line.strip("# ") for line in brief.splitlines() if line.strip()), "an empty brief")


def git(*arguments: str) -> None:
    # An agent's output belongs to its report: what git says goes with it to standard error.
    subprocess.run(["git", *arguments], stdout=sys.stderr, check=True)


def report(outcome: str, **details: object) -> None:
    sys.stdout.write(json.dumps({"orchestrator": {"outcome": outcome, **details}}) + "\n")


def hang() -> NoReturn:
    """Work for ever: the kit ends an attempt when its time is over."""
    while True:
        threading.Event().wait()


def next_action(place: str) -> str:
    """Return the script's action for this call, and count the call in a file beside the script."""
    script = os.environ.get("EXAMPLE_AGENT_SCRIPT")
    if script is None:
        return "ok"
    actions: list[str] = json.loads(Path(script).read_text()).get(place, [])
    counter = Path(f"{script}.{place.replace(' ', '_')}.calls")
    calls = len(counter.read_text()) if counter.exists() else 0
    with counter.open("a") as file:
        file.write(".")
    return actions[calls] if calls < len(actions) else "ok"


if __name__ == "__main__":
    main()
