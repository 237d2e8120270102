"""Tells which of a person's commands a shell command would call, by its words. Pure; runs and expands nothing.

A guard rail: it meets an agent that follows its habits. What a shell makes of variables, files and other programs is
not known here; the commands themselves refuse an agent, too.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence

_GATE = "a gate is decided by a person, never by an agent"
_SIGNER = "whose signature counts is said by a person, never by an agent"
_RULES = {
    "approve": _GATE,
    "reject": _GATE,
    "rollback": "taking a feature back by hand is for a person; the kit does it by itself after three failed attempts",
}
_SHOWS = ("--ask", "--show", "--help", "-h")  # of `approve`: decides nothing
_TARGETS = {f"{prefix}{name}": rule for name, rule in _RULES.items() for prefix in ("", "orch-")}
_SHELLS = {"sh", "bash", "dash", "zsh", "ksh", "ash", "fish"}
# Programs whose quoted words are read or written, and not run.
_READERS = {
    "echo", "printf", "cat", "grep", "egrep", "fgrep", "rg", "ag", "sed", "awk", "jq", "git", "gh", "orchestrator",
}  # fmt: skip
_OPERATORS = ";()|&`\n<>"
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_HERE = re.compile(
    r"(?P<line>[^\n]*<<-?[ \t]*(?P<q>['\"]?)(?P<end>\w+)(?P=q)[^\n]*\n).*?^[ \t]*(?P=end)[ \t]*$", re.M | re.S
)
_PIECES = re.compile(r"'[^']*'|\"(?:\\.|[^\"\\])*\"|\\.|[^'\"\\]+", re.S)
_DEEPEST = 5  # a command in a command in a command


def broken_rule(command: str, depth: int = 0) -> str:
    """Return the rule against what a shell command calls, a sentence; empty where nothing is seen against it."""
    if depth > _DEEPEST:
        return ""
    text = _without_documents(command.replace("\\\n", ""))
    calls = list(_calls(text))
    is_piped_to_a_shell = any(_program(one) in _SHELLS for one in calls)
    for words in calls:
        if rule := _rule(words):
            return rule
        if _program(words) not in _READERS or is_piped_to_a_shell:
            for word in words:
                if len(word.split()) > 1 and (rule := broken_rule(word, depth + 1)):
                    return rule
    return next(filter(None, (broken_rule(one, depth + 1) for one in _substituted(text))), "")


def _without_documents(text: str) -> str:
    """Return a command without its here-documents, but for those that a shell is to read."""
    return _HERE.sub(lambda found: found[0] if set(_words(found["line"])) & _SHELLS else found["line"], text)


def _words(line: str) -> list[str]:
    return [word.rpartition("/")[2] for word in re.findall(r"[\w./-]+", line)]


def _calls(text: str) -> Iterator[list[str]]:
    """Give the words of each simple command, as far as the text can be read as shell."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars=_OPERATORS)
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t\r", True, ""
    words: list[str] = []
    is_target = False
    try:
        for token in lexer:
            if not token or token.strip(_OPERATORS):
                words, is_target = (words if is_target else [*words, token]), False
            elif set(token) <= set("<>&") and token != "&" * len(token):  # what a redirection names is no word
                is_target = True
            else:
                yield words
                words, is_target = [], False
    except ValueError:  # a quotation that does not end: what stands before it counts
        pass
    yield words


def _program(words: Sequence[str]) -> str:
    """Return the name of the program that a simple command starts, as far as its first words say."""
    first = next((one for one in words if not _ASSIGNMENT.match(one)), "")
    return first.rpartition("/")[2]


def _substituted(text: str) -> Iterator[str]:
    """Give what a shell would run inside double quotes, from its beginning on."""
    for piece in _PIECES.findall(text):
        if piece.startswith('"'):
            yield from re.findall(r"`([^`]+)`", piece)
            yield from (one.rstrip('"') for one in piece.split("$(")[1:])


def _rule(words: Sequence[str]) -> str:
    """Return the rule against one simple command; whatever stands before the program's name is no hindrance."""
    for place, word in enumerate(words):
        name, rest = word.rpartition("/")[2], words[place + 1 :]
        if name == "orchestrator" and (rule := _rule_of(rest)):
            return rule
        if name == "orchestrator-rollback.sh":
            return _RULES["rollback"]
        if name in ("make", "gmake") and (found := [_TARGETS[one] for one in rest if one in _TARGETS]):
            return found[0]
    return ""


def _rule_of(words: Sequence[str]) -> str:
    names = [one for one in words if not one.startswith("-")]
    match names:
        case ["approve", *_] if any(one.partition("=")[0] in _SHOWS for one in words):
            return ""
        case [("approve" | "reject" | "rollback") as name, *_]:
            return _RULES[name]
        case ["signers", ("add" | "revoke"), *_]:
            return _SIGNER
        case [("next" | "run"), *_] if "--no-sandbox" in words:
            return "the sandbox is left out by a person, never by an agent"
        case ["init", *_] if "--remove" in words:
            return "what init wrote is taken away by a person, never by an agent"
        case _:
            return ""
