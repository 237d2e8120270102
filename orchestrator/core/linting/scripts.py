"""Scripts, npm scripts and make targets that are named and are not there. Asks for existence, never looks itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum

from orchestrator.core.blocks import Section
from orchestrator.core.line import Document
from orchestrator.core.linting.findings import Finding, Rule, also, finding
from orchestrator.core.linting.shell import Command
from orchestrator.core.values import Value
from orchestrator.core.wording import fold


class Presence(StrEnum):
    """How a path lies in the main worktree."""

    THERE = "there"
    PLAIN = "not executable"
    UNTRACKED = "not in git"
    MISSING = "missing"
    UNKNOWN = "unknown"  # ignored by git: what is there is made by each working tree for itself


class Surroundings(Value):
    """What is there: files by path, programs by name, npm scripts and make targets.

    `npm` holds the scripts of all package.json files by name, `targets` the Makefile's; None where that cannot
    be told. Where there is no such file they are empty.
    """

    look: Callable[[str], Presence]
    has_program: Callable[[str], bool]
    npm: Mapping[str, str] | None
    targets: frozenset[str] | None


class Named(Value):
    """Something that a command needs: a script's path, or the name of an npm script or make target."""

    kind: str  # script, npm or make
    name: str
    is_called: bool = False  # by its path, without an interpreter


MISSING = Rule(
    id="L101",
    severity="warning",
    why="there is no such file: the agent fails there, or makes something up",
    next="commit the script, or correct its path",
)
UNTRACKED = Rule(
    id="L102",
    severity="warning",
    why="git does not hold it: it is not in a feature's own working tree",
    next="commit it",
)
PLAIN = Rule(
    id="L103",
    severity="warning",
    why="it is called by its path and is not executable",
    next="git update-index --chmod=+x, or put its interpreter in front",
)
NPM = Rule(
    id="L104",
    severity="warning",
    why="no package.json has a script of this name",
    next="add the script, or correct its name",
)
TARGET = Rule(
    id="L105",
    severity="warning",
    why="the Makefile has no target of this name",
    next="add the target, or correct its name",
)

_FILES = ("package.json", "Makefile")
_OURS = ("feature-init.sh", "feature-update-state.sh", "feature-dashboard.sh", "orchestrator-rollback.sh")
_GENERATED = re.compile(r"(?:.*/)?(?:node_modules|vendor|\.?venv|dist|build|target|out|tmp)/.*")
_RULES = {Presence.MISSING: MISSING, Presence.UNTRACKED: UNTRACKED, Presence.PLAIN: PLAIN}
_INTERPRETERS = (
    "bash", "sh", "zsh", "dash", "ksh", "source", ".", "python", "python3", "node", "ruby", "perl", "php", "tsx",
    "ts-node", "bun",
)  # fmt: skip
_INLINE_PROGRAM = re.compile(r"-[a-z]*[cemp]|--eval|--print|--test|--version|--help")
_PATH = re.compile(r"(?:\./)?[\w@+-][\w@.+-]*(?:/[\w@.+-]+)*|(?:\./)?\.[\w@+-]+(?:/[\w@.+-]+)+")
_SCRIPT = re.compile(r".*\.(?:sh|bash|zsh|py|[mc]?js|[mc]?ts|rb|pl|php)")
_SHELL_SCRIPT = re.compile(r".*/.*\.(?:sh|bash)")
_EXAMPLE = re.compile(
    r"(?:^|/)(?:path|caminho|your|seu|sua|my|meu|minha|foo|xxx?|yyy|nome|name)(?:[/._-]|$)|\.\.\.?(?:/|$)"
)
_MAKES = ("tee", "touch", "cp", "mv", "install", "ln", "chmod", "cat")
_OUTPUT = ("-o", "-O", "--output")
_IS_MADE = re.compile(
    r"\b(?:cri[ae]\w*|escrev\w+|ger[ae]\w*|adicion\w+|create[sd]?|creating|writes?|write|add|adds|generate[sd]?|save|salv\w+"
    r"|put|new|nov[oa]|make a|se existir|if it exists|if there is|quando existir|se houver)\b"
)
_NPM_LIKE = ("npm", "pnpm", "yarn")
_NPM_RUN = ("run", "run-script", "rum", "urn")
_NPM_SHORT = {"test": "test", "t": "test", "tst": "test", "start": "start", "stop": "stop"}
_NPM_VALUES = ("--prefix", "-C", "--dir", "-w", "--workspace", "--filter", "-F", "--cwd", "--loglevel")
_PLAIN_NAME = re.compile(r"[\w:.@+-]+(?:/[\w:.@+-]+)*")


def findings(
    documents: Sequence[tuple[Document, Sequence[Section], Sequence[Command]]], around: Surroundings
) -> Iterator[Finding]:
    """Yield what the documents name and is not there: each thing once, where it is named first."""
    made = _made(documents)
    first: dict[tuple[str, str], tuple[Rule, Document, Command]] = {}
    places: dict[tuple[str, str], int] = {}
    for document, _, told in documents:
        for one in told:
            needed = None if one.is_forbidden or one.place is None else named(one)
            rule = missing(needed, one.place or "", around, made) if needed else None
            if rule is None or needed is None:
                continue
            subject = (rule.id, _subject(needed, around))
            first.setdefault(subject, (rule, document, one))
            places[subject] = places.get(subject, 0) + 1
    for (_, name), (rule, document, one) in first.items():
        why = f"there is no {name}: the agent fails there" if name in _FILES else f"{name}: {rule.why}"
        next = "`orchestrator init --scripts` writes it" if name.rpartition("/")[2] in _OURS else ""
        yield finding(rule, document.file, one.line, one.said, why + also(places[(rule.id, name)] - 1), next)


def _subject(needed: Named, around: Surroundings) -> str:
    """Return what a finding is about: the file that holds the names, where there is none at all."""
    if needed.kind == "npm" and not around.npm:
        return _FILES[0]
    if needed.kind == "make" and not around.targets:
        return _FILES[1]
    return needed.name


def missing(needed: Named, place: str, around: Surroundings, made: frozenset[str] = frozenset()) -> Rule | None:
    """Return the rule that something which a command needs breaks, or None. `place`: the folder it runs in."""
    if needed.kind == "npm":
        return NPM if around.npm is not None and needed.name not in around.npm else None
    if needed.kind == "make":
        return TARGET if around.targets is not None and not place and needed.name not in around.targets else None
    tries = [f"{place}{needed.name}"] + ([needed.name] if place else [])
    if any(one in made for one in tries):
        return None
    found = [around.look(one) for one in tries]
    best = next((one for one in found if one is not Presence.MISSING), Presence.MISSING)
    if best is Presence.PLAIN and not needed.is_called:
        return None
    return _RULES.get(best)


def named(one: Command) -> Named | None:
    """Return the script, npm script or make target that a command needs, if it is plain which one."""
    if one.name in _NPM_LIKE:
        return _npm(one)
    if one.name in ("make", "gmake"):
        return _target(one)
    return _script(one)


def _script(one: Command) -> Named | None:
    if one.name in _INTERPRETERS:
        path = _argument(one)
        return Named(kind="script", name=_bare(path)) if path and _SCRIPT.fullmatch(path) and _is_plain(path) else None
    if "/" not in one.name or not _is_plain(one.name):
        return None
    is_shell = one.is_labelled and not one.is_inline
    is_call = one.name.startswith("./") and (is_shell or len(one.words) > 1)
    if is_call or (is_shell and _SCRIPT.fullmatch(one.name)) or _SHELL_SCRIPT.fullmatch(one.name):
        return Named(kind="script", name=_bare(one.name), is_called=is_shell or one.name.startswith("./"))
    return None


def _argument(one: Command) -> str:
    """Return the file that an interpreter is given, empty where it is given none."""
    for word in one.rest:
        if _INLINE_PROGRAM.fullmatch(word):
            return ""
        if not word.startswith("-"):
            return word
    return ""


def _is_plain(path: str) -> bool:
    is_here = _PATH.fullmatch(path) is not None and not _GENERATED.fullmatch(_bare(path))
    return is_here and not _EXAMPLE.search(path)


def _bare(path: str) -> str:
    return path.removeprefix("./")


def _npm(one: Command) -> Named | None:
    words = list(one.rest)
    while words and words[0].startswith("-"):
        words = words[2:] if words[0] in _NPM_VALUES else words[1:]
    if not words or "--if-present" in words:
        return None
    if words[0] in _NPM_SHORT and one.name != "bun":
        name = _NPM_SHORT[words[0]]
    elif words[0] in _NPM_RUN:
        rest = [word for at, word in enumerate(words[1:]) if not word.startswith("-") and words[at] not in _NPM_VALUES]
        name = rest[0] if rest else ""
    else:
        return None
    return Named(kind="npm", name=name) if name and _PLAIN_NAME.fullmatch(name) and "..." not in name else None


def _target(one: Command) -> Named | None:
    if any(re.match(r"-C|-f|--directory|--file|--makefile", word) for word in one.rest):
        return None
    names = [word for word in one.rest if not word.startswith("-") and "=" not in word and not word.isdigit()]
    return Named(kind="make", name=names[0]) if names and _PLAIN_NAME.fullmatch(names[0]) else None


def _made(documents: Sequence[tuple[Document, Sequence[Section], Sequence[Command]]]) -> frozenset[str]:
    """Return the paths that the documents themselves have made, as far as they say so."""
    found = {
        _bare(word)
        for _, _, told in documents
        for one in told
        for word in (*one.targets, *_outputs(one))
        if "/" in word
    }
    for _, sections, _ in documents:
        for line in (line for section in sections for block in section.blocks for line in block.lines):
            if _IS_MADE.search(fold(line.text)):
                found |= {_bare(path) for path in re.findall(r"[\w@.+/-]+/[\w@.+-]+\.\w+", line.text)}
    return frozenset(found)


def _outputs(one: Command) -> list[str]:
    after = [word for option, word in zip(one.words, one.rest, strict=False) if option in _OUTPUT]
    return after + (list(one.rest) if one.name in _MAKES else [])
