"""Validations that can never pass, by what their commands say and what is there. Runs none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from orchestrator.core.blocks import Line
from orchestrator.core.linting import scripts
from orchestrator.core.linting.findings import Finding, Rule, finding
from orchestrator.core.linting.scripts import Presence, Surroundings
from orchestrator.core.linting.shell import Command, commands
from orchestrator.core.values import Value

NEVER = Rule(
    id="L601",
    severity="error",
    why="it always fails: each attempt fails, and after the last one the feature is rolled back",
    next="write the command that checks the work",
)
NOT_THERE = Rule(
    id="L602",
    severity="error",
    why="every attempt fails or stops at it",
    next="install or commit it, or correct the command",
)
NEVER_TRUE = Rule(
    id="L603",
    severity="error",
    why="the filter is never true, whatever the validation prints: no attempt passes",
    next="write a filter over what the command prints, such as `.numFailedTests == 0`",
)
IDLE = Rule(
    id="L604",
    severity="warning",
    why="no workflow of the line has this id: nothing runs this validation",
    next="write an id that `orchestrator workflows` shows, or take the row out",
)

_BUILTINS = {
    ".", ":", "[", "alias", "break", "cd", "command", "continue", "echo", "eval", "exec", "exit", "export", "false",
    "getopts", "hash", "jobs", "kill", "local", "popd", "printf", "pushd", "pwd", "read", "readonly", "return", "set",
    "shift", "source", "test", "times", "trap", "true", "type", "ulimit", "umask", "unalias", "unset", "wait",
}  # fmt: skip

_ABSENT = {
    "L101": "there is no such file",
    "L102": "git does not hold it, so a feature's working tree has it not",
    "L103": "it is not executable",
    "L104": "no package.json has a script of this name",
    "L105": "the Makefile has no target of this name",
}


class Validation(Value):
    """A command of `[validate]` and its line in the configuration; `workflow` is empty for the common one."""

    command: str
    line: int
    workflow: str = ""


def findings(
    file: str, validations: Sequence[Validation], known: Sequence[str], around: Surroundings, by_filter: bool = False
) -> Iterator[Finding]:
    """Yield what keeps a validation from ever passing or from ever being run; `known` are the ids of the line.

    `by_filter`: a filter over what is printed decides, and no exit status.
    """
    for one in validations:
        if one.workflow and known and one.workflow not in known:
            yield finding(IDLE, file, one.line, f"{one.workflow}: {one.command}")
        elif one.command.strip():
            yield from _command(file, one, around, by_filter)


def _command(file: str, one: Validation, around: Surroundings, by_filter: bool) -> Iterator[Finding]:
    found = commands([Line(number=at, text=text) for at, text in enumerate(one.command.split("\n"), 1)])
    if any(each.is_alternative or each.is_looped for each in found) or " if " in f" {one.command} ":
        return  # which of them is run cannot be told
    for each in found:
        why = "" if each.place is None else _absent(each, around)
        if why:
            yield finding(NOT_THERE, file, one.line, one.command, f"{why}: {NOT_THERE.why}")
            return
    deciding = found if _is_chain(one.command) else found[-1:]
    if not by_filter and any(_always_fails(each, around) for each in deciding):
        yield finding(NEVER, file, one.line, one.command)


def _is_chain(command: str) -> bool:
    """Tell whether each part has to succeed."""
    return ";" not in command and "\n" not in command.strip() and "|" not in command


def _always_fails(one: Command, around: Surroundings) -> bool:
    if one.name == "false" or (one.name == "exit" and one.rest and one.rest[0].strip("0") != ""):
        return True
    needed = scripts.named(one)
    if needed is None or needed.kind != "npm" or not around.npm:
        return False
    inner = commands([Line(number=1, text=around.npm.get(needed.name, ""))])
    return bool(inner) and inner[-1].words[:2] == ("exit", "1") and not inner[-1].is_alternative


def _absent(one: Command, around: Surroundings) -> str:
    """Return what a command needs and has not, in words."""
    if one.name in ("npm", "pnpm", "yarn", "make", "gmake") and not around.has_program(one.name):
        return f"the program {one.name} is not found"
    needed = scripts.named(one)
    rule = scripts.missing(needed, one.place or "", around) if needed else None
    if needed and rule:
        return f"{needed.name}: {_ABSENT[rule.id]}"
    if "/" in one.name:
        return f"{one.name} is not executable" if _is_plain_file(one, around) else ""
    is_shell = one.name in _BUILTINS or not one.name or set(one.name) & set("$`*?{}<>()=\"'~")
    return "" if is_shell or around.has_program(one.name) else f"the program {one.name} is not found"


def _is_plain_file(one: Command, around: Surroundings) -> bool:
    return not one.place and around.look(one.name.removeprefix("./")) is Presence.PLAIN


def never_true(file: str, line: int, pass_when: str) -> Finding:
    """Return the finding on a filter of the user's that is never true."""
    return finding(NEVER_TRUE, file, line, pass_when)
