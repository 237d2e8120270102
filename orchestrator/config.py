"""Reads `orchestrator.toml`: every key optional; what is wrong is named by file, line and nearest known key."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from orchestrator.core.values import Value
from orchestrator.errors import BadConfiguration

FILE = "orchestrator.toml"
DEFAULT_GLOB = ".windsurf/workflows/add-feature-*.md"
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhd])")


class Workflows(Value, forbid_unknown_fields=True):
    glob: str = DEFAULT_GLOB
    skip: tuple[str, ...] = ()
    phase_words: tuple[str, ...] = ("Fase", "Phase")


class Agent(Value, forbid_unknown_fields=True):
    preset: str = ""
    command: tuple[str, ...] = ()
    timeout: str = "45m"
    granularity: str = "phase"


class Validate(Value, forbid_unknown_fields=True):
    command: str = ""
    attempts: int = 3
    pass_when: str = ""
    workflows: dict[str, str] = {}


class Gates(Value, forbid_unknown_fields=True):
    keywords: tuple[str, ...] = ()
    assurance: str | dict[str, str] = "terminal"
    types: dict[str, str] = {}
    pause: dict[str, str] = {}


class Run(Value, forbid_unknown_fields=True):
    parallel: int = 3
    sign: bool = False


class Worktrees(Value, forbid_unknown_fields=True):
    root: str = ""


class Checkpoints(Value, forbid_unknown_fields=True):
    tags: int = 20


class Backups(Value, forbid_unknown_fields=True):
    keep: int = 50


class Hooks(Value, forbid_unknown_fields=True):
    wait: bool = False
    trailers: bool = False


class Notify(Value, forbid_unknown_fields=True):
    command: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()


class Configuration(Value, forbid_unknown_fields=True):
    """The whole file; each table a value of its own."""

    workflows: Workflows = Workflows()
    agent: Agent = Agent()
    validate: Validate = Validate()
    gates: Gates = Gates()
    run: Run = Run()
    worktrees: Worktrees = Worktrees()
    checkpoints: Checkpoints = Checkpoints()
    backups: Backups = Backups()
    hooks: Hooks = Hooks()
    notify: Notify = Notify()

    @property
    def timeout(self) -> float:
        """The agent's time limit in seconds of working time."""
        return seconds(self.agent.timeout, "agent.timeout")

    def validation(self, workflow: str) -> str:
        """Return the command that validates a workflow's attempts, or an empty string."""
        return self.validate.workflows.get(workflow, self.validate.command)


def read(path: Path) -> Configuration:
    """Read a configuration file; a missing one is the defaults. Raises BadConfiguration."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return Configuration()
    except OSError as error:
        raise BadConfiguration(f"{path}: {error.strerror}") from error
    return parse(content, path.name)


def parse(content: bytes, name: str = FILE) -> Configuration:
    """Return the configuration that `content` (TOML, UTF-8) holds; `name` is for messages."""
    try:
        text = content.decode("utf-8-sig")
        table = tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise BadConfiguration(f"{name}: not UTF-8 (byte {error.start})", "save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise BadConfiguration(f"{name}: {_toml_words(str(error))}", "mend the TOML at that place") from error
    try:
        found = msgspec.convert(table, Configuration)
    except msgspec.ValidationError as error:
        raise _wrong(str(error), text, table, name) from error
    _check(found, text, name)
    return found


def seconds(duration: str, key: str) -> float:
    """Return a duration such as `45m`, `24h` or `1h30m` in seconds. Raises BadConfiguration naming `key`."""
    parts = _DURATION.findall(duration.replace(" ", ""))
    if not parts or "".join(a + b for a, b in parts) != duration.replace(" ", ""):
        raise BadConfiguration(f"{FILE}: {key} = {duration!r} is no duration", "write it like 90s, 45m, 24h or 7d")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def _toml_words(message: str) -> str:
    """Return tomllib's message with its place first: `line 3: expected ...`."""
    found = re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", message)
    return f"line {found[2]}, column {found[3]}: {found[1]}" if found else message


def _wrong(message: str, text: str, table: dict[str, Any], name: str) -> BadConfiguration:
    what, _, where = message.partition(" - at `$")
    path = where.rstrip("`").lstrip(".")
    unknown = re.search(r"unknown field `(.+)`", what)
    if unknown is None:
        key = path.split("[")[0]
        return BadConfiguration(f"{name}:{_line_of(text, key)}: {key}: {what[0].lower()}{what[1:]}")
    key = f"{path}.{unknown[1]}" if path else unknown[1]
    near = _nearest(path, unknown[1])
    return BadConfiguration(f"{name}:{_line_of(text, key)}: unknown key {key!r}", f"the nearest known key is {near!r}")


def _nearest(table: str, key: str) -> str:
    from difflib import get_close_matches  # only for a message

    known = {
        ".".join((first.name, second.name)): second.name
        for first in msgspec.structs.fields(Configuration)
        for second in msgspec.structs.fields(first.type)
    }
    names = [name.partition(".")[2] for name in known if name.startswith(f"{table}.")] if table else []
    names = names or [field.name for field in msgspec.structs.fields(Configuration)]
    found = get_close_matches(key, names, n=1, cutoff=0.0)
    return f"{table}.{found[0]}" if table else found[0]


def _line_of(text: str, key: str) -> int:
    """Return the line (from 1) on which a dotted key stands, by its last word within its table; 1 if unknown."""
    table, _, word = key.rpartition(".")
    here = ""
    for number, line in enumerate(text.splitlines(), 1):
        header = re.fullmatch(r"\s*\[\s*([^\[\]]+?)\s*\]\s*(#.*)?", line)
        if header:
            here = header[1]
            if here == key:
                return number
        name = re.match(r"""\s*["']?([^"'=#]+?)["']?\s*=""", line)
        if name and name[1] == word and here in (table, ""):
            return number
    return 1


def _check(found: Configuration, text: str, name: str) -> None:
    def refuse(key: str, what: str, hint: str) -> BadConfiguration:
        return BadConfiguration(f"{name}:{_line_of(text, key)}: {key}: {what}", hint)

    glob = found.workflows.glob
    if glob.startswith(("/", "~")) or ".." in Path(glob).parts:
        raise refuse("workflows.glob", f"{glob!r} leads outside the repository", "name a folder inside it")
    if glob.count("*") != 1:
        raise refuse(
            "workflows.glob",
            f"{glob!r} must hold exactly one *",
            'for example "docs/workflows/add-feature-*.md"',
        )
    if found.agent.granularity not in ("phase", "workflow"):
        raise refuse("agent.granularity", f"{found.agent.granularity!r} is unknown", 'write "phase" or "workflow"')
    for key, kind in found.gates.types.items():
        if kind not in ("human", "deploy", "validation", "none"):
            raise refuse("gates.types", f"{key!r} = {kind!r}", 'write "human", "deploy", "validation" or "none"')
    for key, value in found.gates.pause.items():
        seconds(value, f"gates.pause.{key!r}")
    seconds(found.agent.timeout, "agent.timeout")
    _check_assurance(found.gates.assurance, refuse)
    for key, count, least in (
        ("validate.attempts", found.validate.attempts, 1),
        ("run.parallel", found.run.parallel, 1),
        ("checkpoints.tags", found.checkpoints.tags, 0),
        ("backups.keep", found.backups.keep, 1),
    ):
        if count < least:
            raise refuse(key, f"{count} is too small", f"write {least} or more")


def _check_assurance(assurance: str | dict[str, str], refuse: Any) -> None:
    levels = assurance.values() if isinstance(assurance, dict) else (assurance,)
    for level in levels:
        if level not in ("terminal", "signed"):
            raise refuse("gates.assurance", f"{level!r} is unknown", 'write "terminal" or "signed"')
        if level == "signed":
            raise refuse("gates.assurance", '"signed" is not there yet in this version', 'write "terminal"')
