"""Reads `orchestrator.toml`: every key optional; what is wrong is named by file, line and nearest known key."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from orchestrator.adapters.durable import content_of
from orchestrator.core.telling import RINGS
from orchestrator.core.values import Value
from orchestrator.errors import BadConfiguration

FILE = "orchestrator.toml"
DEFAULT_GLOB = ".windsurf/workflows/add-feature-*.md"
PHASE_WORDS = ("Fase", "Phase")
STOPPING = ("human", "deploy")  # the types of gates at which a person is waited for
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_LONGEST = 3650 * 86400.0  # seconds; a time after that may be none of the calendar's
_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
_HEADER = re.compile(r"\s*\[{1,2}\s*([^\[\]]+?)\s*\]{1,2}\s*(?:#.*)?")
_KEY = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([^"'=#\s]+))\s*=""")


class Workflows(Value, forbid_unknown_fields=True):
    glob: str = DEFAULT_GLOB
    skip: tuple[str, ...] = ()
    phase_words: tuple[str, ...] = PHASE_WORDS  # others are added to these two


class Agent(Value, forbid_unknown_fields=True):
    preset: str = ""
    command: tuple[str, ...] = ()
    timeout: str = "45m"
    granularity: str = "phase"
    arguments: tuple[str, ...] = ()  # a preset's more words
    retry_after: str = ""  # after what is not its fault; empty: 15 minutes where a preset knows what it was
    max_turns: int = 0  # of a feature, all its calls together; 0: any number
    max_cost: float = 0.0  # US dollars of a feature
    max_turns_day: int = 0  # of all features, in one day
    max_cost_day: float = 0.0


class Validate(Value, forbid_unknown_fields=True):
    command: str = ""
    attempts: int = 3
    pass_when: str = ""
    workflows: dict[str, str] = {}


class Gates(Value, forbid_unknown_fields=True):
    keywords: tuple[str, ...] = ("GATE 1", "screenshot", "staging")
    assurance: str | dict[str, str] = "terminal"
    types: dict[str, str] = {}
    pause: dict[str, str] = {}
    batch: tuple[str, ...] = STOPPING  # the types that APPROVE ALL approves
    client: tuple[str, ...] = ()  # the types that Claude Code's own question may decide
    evidence: tuple[str, ...] = ()  # globs: what is new there is shown at a gate

    @property
    def signed(self) -> frozenset[str]:
        """The types whose approval needs a signature."""
        if isinstance(self.assurance, str):
            return frozenset(STOPPING if self.assurance == "signed" else ())
        return frozenset(kind for kind, level in self.assurance.items() if level == "signed")


class Run(Value, forbid_unknown_fields=True):
    parallel: int = 3
    sign: bool = False
    sandbox: bool = False
    writable: tuple[str, ...] = ()  # what an agent in a sandbox may write to besides


class Worktrees(Value, forbid_unknown_fields=True):
    root: str = ""
    copy: tuple[str, ...] = ()  # names or globs relative to the main worktree: ignored files that each one needs
    setup: str = ""  # a shell command, run in a new worktree before its first step


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
    terminal: tuple[str, ...] = ()
    repeat: str = ""


class Lint(Value, forbid_unknown_fields=True):
    accept: tuple[str, ...] = ()  # keys of findings that are accepted for good


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
    lint: Lint = Lint()

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
        content = content_of(path)
    except FileNotFoundError:
        return Configuration()
    except OSError as error:
        raise BadConfiguration(f"{path}: {error.strerror or error}") from error
    return parse(content, path.name)


def parse(content: bytes, name: str = FILE) -> Configuration:
    """Return the configuration that `content` (TOML, UTF-8) holds; `name` is for messages."""
    try:
        text = content.decode("utf-8-sig")
        table = tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise BadConfiguration(f"{name}: not UTF-8 (byte {error.start})", "save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise BadConfiguration(f"{name}: {toml_words(str(error))}", "mend the TOML at that place") from error
    try:
        found = msgspec.convert(table, Configuration)
    except msgspec.ValidationError as error:
        raise _wrong(str(error), text, table, name) from error
    _check(found, text, name)
    return found


def seconds(duration: str, key: str) -> float:
    """Return a duration such as `45m`, `24h` or `1h30m` in seconds. Raises BadConfiguration naming `key`."""
    if not _is_duration(duration):
        raise BadConfiguration(f"{FILE}: {key} = {duration!r} is no duration", "write it like 90s, 45m, 24h or 7d")
    return _sum(duration)


def _sum(duration: str) -> float:
    return sum(float(number) * _UNITS[unit] for number, unit in _DURATION.findall(duration.replace(" ", "")))


def _is_duration(text: str) -> bool:
    is_written_so = re.fullmatch(f"(?:{_DURATION.pattern})+", text.replace(" ", "")) is not None
    return is_written_so and _sum(text) <= _LONGEST


def toml_words(message: str) -> str:
    """Return tomllib's message with its place first: `line 3: expected ...`."""
    found = re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", message)
    return f"line {found[2]}, column {found[3]}: {found[1]}" if found else message


def _wrong(message: str, text: str, table: dict[str, Any], name: str) -> BadConfiguration:
    what, _, where = message.partition(" - at `$")
    path = where.rstrip("`").lstrip(".")
    unknown = re.search(r"unknown field `(.+)`", what)
    if unknown is None:
        key, inside, _ = path.partition("[")
        number = _line_inside(text, key, table) if inside == "[" else line_of(text, key)
        return BadConfiguration(f"{name}:{number}: {key}: {what[0].lower()}{what[1:]}")
    key = f"{path}.{unknown[1]}" if path else unknown[1]
    return BadConfiguration(
        f"{name}:{line_of(text, key)}: unknown key {key!r}", f"the nearest known key is {_nearest(key)!r}"
    )


def _nearest(key: str) -> str:
    from difflib import get_close_matches  # only for a message

    tables = msgspec.structs.fields(Configuration)
    keys = [f"{table.name}.{field.name}" for table in tables for field in msgspec.structs.fields(table.type)]
    return get_close_matches(key, [*(table.name for table in tables), *keys], n=1, cutoff=0.0)[0]


def _line_inside(text: str, key: str, table: dict[str, Any]) -> int:
    """Return the line of the first value in the table or list `key` that is no text."""
    first, _, second = key.partition(".")
    found = table[first][second]
    names = [name for name, value in found.items() if not isinstance(value, str)] if isinstance(found, dict) else []
    return line_of(text, key, names[0]) if names else line_of(text, key)


def line_of(text: str, table: str, name: str = "") -> int:
    """Return the line (from 1) of the dotted key `table`, or of the key `name` in that table; 1 if unknown."""
    wanted = f"{table}.{name}" if name else table
    here, at_table = "", 1
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.fullmatch(line):
            here = header[1]
        key = _KEY.match(line)
        full = ".".join(filter(None, [here, key[1] or key[2] or key[3]])) if key else here
        if full == wanted:
            return number
        if full == table and at_table == 1:
            at_table = number
    return at_table


def _check(found: Configuration, text: str, name: str) -> None:
    def refuse(key: str, what: str, hint: str, inside: str = "") -> BadConfiguration:
        return BadConfiguration(f"{name}:{line_of(text, key, inside)}: {key}: {what}", hint)

    glob = found.workflows.glob
    if glob.startswith(("/", "~")) or ".." in Path(glob).parts:
        raise refuse("workflows.glob", f"{glob!r} leads outside the repository", "name a folder inside it")
    if glob.count("*") != 1 or "?" in glob or "[" in glob:
        raise refuse(
            "workflows.glob",
            f"{glob!r} must hold exactly one *, and no ? or [",
            'for example "docs/workflows/add-feature-*.md"',
        )
    if found.agent.granularity not in ("phase", "workflow"):
        raise refuse("agent.granularity", f"{found.agent.granularity!r} is unknown", 'write "phase" or "workflow"')
    if found.agent != Agent():
        _check_agent(found.agent, refuse)
    for key, kind in found.gates.types.items():
        if kind not in ("human", "deploy", "validation", "none"):
            hint = 'write "human", "deploy", "validation" or "none"'
            raise refuse("gates.types", f"{key!r} = {kind!r}", hint, key)
    _check_durations(found, refuse)
    _check_assurance(found.gates.assurance, refuse)
    for key, kinds, known in (("batch", found.gates.batch, STOPPING), ("client", found.gates.client, STOPPING[:1])):
        for kind in kinds:
            if kind not in known:
                hint = f"write {' or '.join(map(repr, known))}".replace("'", '"')
                raise refuse(f"gates.{key}", f"{kind!r} cannot stand there", hint)
    for glob in found.gates.evidence:
        if glob.startswith(("/", "~")) or ".." in Path(glob).parts or not glob:
            raise refuse("gates.evidence", f"{glob!r} leads outside the repository", "name a folder inside it")
    for entry in found.worktrees.copy:
        parts = Path(entry).parts
        if not parts or parts[0] in ("/", ".git", ".context") or ".." in parts or entry.startswith("~"):
            what = f"{entry!r} leads outside the repository, or into .git or .context"
            raise refuse("worktrees.copy", what, "name a file or a folder inside the repository")
    for word in found.notify.terminal:
        if word not in RINGS:
            raise refuse("notify.terminal", f"{word!r} is unknown", 'write "bell", "osc9" or both')
    for key, count, least in (
        ("validate.attempts", found.validate.attempts, 1),
        ("run.parallel", found.run.parallel, 1),
        ("checkpoints.tags", found.checkpoints.tags, 0),
        ("backups.keep", found.backups.keep, 1),
    ):
        if count < least:
            raise refuse(key, f"{count} is too small", f"write {least} or more")


def _check_agent(found: Agent, refuse: Any) -> None:
    from orchestrator.core.clients import CLIENTS  # hooks need none of it

    if found.preset and found.preset not in CLIENTS:
        raise refuse("agent.preset", f"{found.preset!r} is unknown", f"known: {', '.join(CLIENTS)}")
    for key in ("max_turns", "max_cost", "max_turns_day", "max_cost_day"):
        if not 0 <= getattr(found, key) < 1e9:
            raise refuse(f"agent.{key}", f"{getattr(found, key)} is no budget", "write a number above 0; 0 is no limit")


def _check_durations(found: Configuration, refuse: Any) -> None:
    hint = "write it like 90s, 45m, 24h or 7d"
    if not _is_duration(found.agent.timeout):
        raise refuse("agent.timeout", f"{found.agent.timeout!r} is no duration", hint)
    for key, value in found.gates.pause.items():
        if not _is_duration(value):
            raise refuse("gates.pause", f"{key!r} = {value!r} is no duration", hint, key)
    if found.agent.retry_after and not _is_duration(found.agent.retry_after):
        raise refuse("agent.retry_after", f"{found.agent.retry_after!r} is no duration", hint)
    for key, value in (("timeout", found.agent.timeout), ("retry_after", found.agent.retry_after)):
        if value and _sum(value) < 1:  # again and again at once, or no time at all
            raise refuse(f"agent.{key}", f"{value!r} is too short", "write 1s or more")
    if found.notify.repeat and not _is_duration(found.notify.repeat):
        raise refuse("notify.repeat", f"{found.notify.repeat!r} is no duration", f"{hint}; empty means never")


def _check_assurance(assurance: str | dict[str, str], refuse: Any) -> None:
    if isinstance(assurance, dict) and assurance.get("human") == "signed" != assurance.get("deploy"):
        what = '"human" is signed and "deploy", the stricter type, is not'
        raise refuse("gates.assurance", what, 'write "signed" for both, or for "deploy" alone', "human")
    by_type = assurance if isinstance(assurance, dict) else {"": assurance}
    for kind, level in by_type.items():
        if kind not in ("", "human", "deploy"):
            raise refuse("gates.assurance", f"{kind!r} is no type that stops", 'write "human" or "deploy"', kind)
        if level not in ("terminal", "signed"):
            raise refuse("gates.assurance", f"{level!r} is unknown", 'write "terminal" or "signed"', kind)
