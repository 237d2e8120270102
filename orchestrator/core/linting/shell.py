"""Which commands a piece of shell text holds, as far as they can be told without running it. Judges nothing.

What stands in double quotes, in a here-document or in a variable is not looked into: a command that is not seen is
better than one that is not there.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from orchestrator.core.blocks import Line
from orchestrator.core.values import Value

_HERE = re.compile(r"(?<!<)<<-?\s*(['\"]?)([A-Za-z_]\w*)\1")
_PROMPT = re.compile(r"^(?:\$|%)\s+")
_SETTING = re.compile(r"([A-Za-z_]\w*)\+?=.*", re.DOTALL)
_KEYWORDS = ("then", "do", "else", "if", "elif", "!", "{")
_LOOPS = ("while", "until")
_WRAPPERS = ("sudo", "env", "nohup", "exec", "command", "time", "nice")
_COMPOUND = ("for", "case", "esac", "fi", "done", "function", "select", "in", "}", "[[", "]]")
_MOST = 12  # lines that one quoted text may take


class Command(Value):
    """A simple command: its words without wrappers and assignments, where it stands, and what stands around it."""

    words: tuple[str, ...]
    line: int
    said: str  # the whole line
    settings: tuple[str, ...] = ()  # the variables that are set for it alone
    wrappers: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()  # the files that it writes by redirection
    is_fed: bool = False  # by a pipe or a redirection
    is_passed_on: bool = False  # its output goes into a pipe
    is_looped: bool = False  # it is a loop's condition
    is_bounded: bool = False  # it goes into the background, or has a time limit
    is_alternative: bool = False  # it stands beside a `||`
    place: str | None = ""  # the folder that was changed to before it; None where that cannot be told
    is_inline: bool = False
    is_labelled: bool = True  # the text says that it is shell
    is_forbidden: bool = False  # what stands around it says not to

    @property
    def name(self) -> str:
        """The program."""
        return self.words[0]

    @property
    def rest(self) -> tuple[str, ...]:
        """The words after the program's name."""
        return self.words[1:]


def commands(lines: Sequence[Line]) -> list[Command]:
    """Return the commands of a shell text in order."""
    found: list[Command] = []
    place: str | None = ""
    for line, text in _whole(lines):
        for one in _split(line, text):
            found.append(replace(one, place=place))
            if one.name in ("cd", "pushd"):
                place = _moved(place, one.rest)
    return found


def _moved(place: str | None, words: Sequence[str]) -> str | None:
    """Return the folder after a `cd`; the top again is not followed."""
    if place is None or len(words) != 1 or not re.fullmatch(r"[\w@.+-]+(?:/[\w@.+-]+)*/?", words[0]):
        return None
    return None if ".." in words[0] else f"{place}{words[0].removeprefix('./').rstrip('/')}/"


def _whole(lines: Sequence[Line]) -> Iterator[tuple[Line, str]]:
    """Yield each logical line with the line it begins on: continued ones joined, here-documents left out."""
    at = 0
    while at < len(lines):
        first, text = lines[at], _PROMPT.sub("", lines[at].text.strip())
        at += 1
        while text.endswith("\\") and at < len(lines):
            text = f"{text[:-1]} {lines[at].text.strip()}"
            at += 1
        end = at
        while _tokens(text) is None and end < min(at + _MOST, len(lines)):
            text = f"{text}\n{lines[end].text}"
            end += 1
        if _tokens(text) is None:
            continue  # a lone quote: what it opens cannot be told
        at = end
        for found in _HERE.finditer(text.split("\n")[0]):
            while at < len(lines) and lines[at].text.strip() != found[2]:
                at += 1
            at += 1
        yield first, text


def _tokens(text: str) -> list[str] | None:
    reader = shlex.shlex(text, posix=True, punctuation_chars=True)
    reader.whitespace_split = True
    try:
        return list(reader)
    except ValueError:
        return None


def _split(line: Line, text: str) -> Iterator[Command]:
    tokens = _tokens(text) or []
    words: list[str] = []
    targets: list[str] = []
    before, is_fed, redirect = "", False, ""
    is_alternative = "||" in tokens
    for token in [*tokens, ";"]:
        if redirect:
            targets += [token] if redirect.startswith(">") or redirect.endswith(">") else []
            redirect = ""
        elif _is_redirection(token):
            words = words[:-1] if words and words[-1].isdigit() else words
            redirect, is_fed = token, is_fed or token.startswith("<")
        elif set(token) <= set("();|&") and token:
            bare = _bare(words)
            if bare is not None:
                yield replace(
                    bare,
                    line=line.number,
                    said=line.text.strip(),
                    targets=tuple(targets),
                    is_fed=is_fed or (before.endswith("|") and not before.endswith("||")),
                    is_passed_on=token.startswith("|") and not token.startswith("||"),
                    is_bounded=bare.is_bounded or token == "&",
                    is_alternative=is_alternative,
                )
            words, targets, is_fed, before = [], [], False, token
        else:
            words.append(token)


def _is_redirection(token: str) -> bool:
    return bool(token) and set(token) <= set("<>&") and bool(set(token) & set("<>"))


def _bare(words: Sequence[str]) -> Command | None:
    """Return a command without what stands before its name, None where nothing is left."""
    settings: list[str] = []
    wrappers: list[str] = []
    rest = list(words)
    is_looped = is_bounded = False
    while rest:
        first = rest[0]
        setting = _SETTING.fullmatch(first)
        if first in _LOOPS:
            is_looped = True
        elif setting:
            settings.append(setting[1])
        elif first == "timeout":
            is_bounded = True
            rest = _without_options(rest)
        elif first in _WRAPPERS:
            wrappers.append(first)
            rest = _without_options(rest)
            continue
        elif first not in _KEYWORDS:
            break
        rest = rest[1:]
    if not rest or rest[0] in _COMPOUND:
        return None
    return Command(
        words=tuple(rest),
        line=0,
        said="",
        settings=tuple(settings),
        wrappers=tuple(wrappers),
        is_looped=is_looped,
        is_bounded=is_bounded,
    )


def _without_options(words: Sequence[str]) -> list[str]:
    """Return the words after a wrapper and its options; of `timeout 60 x` the `60` goes with the caller's cut."""
    rest = list(words[1:])
    while rest and rest[0].startswith("-"):
        rest = rest[1:]
    return rest


def options(words: Iterable[str]) -> set[str]:
    """Return the options among words: `--long` without its value, each letter of `-abc` as `-a`, `-b`, `-c`."""
    found: set[str] = set()
    for word in words:
        if word == "--":
            break
        if word.startswith("--"):
            found.add(word.partition("=")[0])
        elif re.fullmatch(r"-[A-Za-z].*", word):
            found |= {f"-{letter}" for letter in word[1:] if letter.isalpha()}
    return found
