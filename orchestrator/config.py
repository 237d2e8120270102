"""Reads `orchestrator.toml`: every key optional; what is wrong is named by file, line and nearest known key.

The text below a key is its row in `docs/configuration.md`.
"""

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
Duration = str  # 90s, 45m, 24h, 7d, 1h30m
STOPPING = ("human", "deploy")  # the types of gates at which a person is waited for
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_LONGEST = 3650 * 86400.0  # seconds; a time after that may be none of the calendar's
_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
_HEADER = re.compile(r"\s*\[{1,2}\s*([^\[\]]+?)\s*\]{1,2}\s*(?:#.*)?")
_KEY = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([^"'=#\s]+))\s*=""")


class Workflows(Value, forbid_unknown_fields=True):
    glob: str = DEFAULT_GLOB
    """The documents of the line, with exactly one `*`, inside the repository; `init` writes the one that it found."""
    skip: tuple[str, ...] = ()
    """Ids of documents that are left out of the line."""
    phase_words: tuple[str, ...] = PHASE_WORDS
    """Words that begin a phase heading; others are added to these two."""


class Agent(Value, forbid_unknown_fields=True):
    preset: str = ""
    """The client that does the work: `claude`, `codex`, `opencode`, `gemini`, `aider` or `cursor`."""
    command: tuple[str, ...] = ()
    """A program of your own and its arguments, instead of a preset; never a shell string. The brief comes on stdin.
    Without either only agents that drive themselves (`brief`, `report`) can work."""
    timeout: Duration = "45m"
    """How long one attempt, one setup and one validation may work; the time that a laptop sleeps does not count.
    For an agent that drives itself it is the deadline. At least `1s`."""
    granularity: str = "phase"
    """`"phase"`: one call for each piece of a document; `"workflow"`: one call up to the next gate."""
    arguments: tuple[str, ...] = ()
    """More words for a preset's client: `["--model", "opus", "--allowedTools", "Bash(npm *)"]`."""
    retry_after: Duration = ""
    """When a feature goes on by itself after what is not the agent's fault (quota, network, exit status 75). Empty:
    after 15 minutes where a preset's client said what it was, else only with `resume`. At least `1s`."""
    max_turns: int = 0
    """How many turns of a preset's client a feature may use, all calls together; then it is parked. 0: any number."""
    max_cost: float = 0.0
    """How many US dollars a feature may use, as the client counts them; then it is parked. 0: any amount."""
    max_turns_day: int = 0
    """How many turns all features may use in one day; then each waits for the next one. 0: any number."""
    max_cost_day: float = 0.0
    """How many US dollars all features may use in one day; then each waits for the next one. 0: any amount."""


class Validate(Value, forbid_unknown_fields=True):
    command: str = ""
    """Run with `sh -c` in the feature's working tree after the agent said that it is done; exit status 0 passes.
    Empty: the agent's word counts, and `status` says so."""
    attempts: int = 3
    """After this many failed attempts, 1 or more, the feature is rolled back to where its workflow began."""
    pass_when: str = ""
    """A jq filter over the JSON that the command prints. Where it is set, it alone decides, and the exit status does
    not: test runners that print JSON end with 1 as soon as one test fails."""
    workflows: dict[str, str] = {}
    """`[validate.workflows]`: a command of its own for a workflow, by id."""


class Gates(Value, forbid_unknown_fields=True):
    keywords: tuple[str, ...] = ("GATE 1", "screenshot", "staging")
    """Whole words that make a heading a candidate for a gate. The section's own words then decide; where they say
    nothing, it is `human`."""
    assurance: str | dict[str, str] = "terminal"
    """What an approval takes: `"terminal"`, a person at one, or `"signed"`, their key as well (`signers`). By type:
    `{ deploy = "signed" }`; not `human` alone, the weaker of the two. Lowering it waits for a person's yes."""
    types: dict[str, str] = {}
    """`[gates.types]`: the last word on a heading, before the gate map too, `"ID: part of the heading"` = `"human"`,
    `"deploy"`, `"validation"` or `"none"`. A key that fits no heading or two is an error."""
    pause: dict[str, Duration] = {}
    """`[gates.pause]`: how long a gate rests after it was reached before it is offered for decision; keys as in
    `types`. The clock alone opens nothing."""
    batch: tuple[str, ...] = STOPPING
    """The types that `APPROVE ALL` approves; others are approved by number or name only."""
    client: tuple[str, ...] = ()
    """The types that Claude Code's own question may decide; only `"human"` can be, and never what takes a signature.
    Setting it while features are open waits for a person's yes."""
    evidence: tuple[str, ...] = ()
    """Globs in the feature's working tree: what is new there since the last gate is hashed, and shown with the next."""

    @property
    def signed(self) -> frozenset[str]:
        """The types whose approval needs a signature."""
        if isinstance(self.assurance, str):
            return frozenset(STOPPING if self.assurance == "signed" else ())
        return frozenset(kind for kind, level in self.assurance.items() if level == "signed")


class Run(Value, forbid_unknown_fields=True):
    parallel: int = 3
    """How many features `run` works on at once, 1 or more."""
    sign: bool = False
    """Commits made by agents, and by the kit for them, are signed as git is configured to. Nobody is there to type a
    passphrase."""
    sandbox: bool = False
    """`next` and `run` hold agents in a sandbox (Linux); `--no-sandbox` leaves it out once."""
    writable: tuple[str, ...] = ()
    """Folders and files that an agent in the sandbox may write to besides: `["~/.npm", "~/.cache/pre-commit"]`."""


class Worktrees(Value, forbid_unknown_fields=True):
    root: str = ""
    """Where each feature gets its working tree; empty: `../REPO.worktrees`, REPO being the name of your folder. A
    relative path starts at the main working tree."""
    copy: tuple[str, ...] = ()
    """Files that git ignores and a feature needs: names or globs (`.env`, `certs`, `**/.env.local`), relative to the
    main working tree."""
    setup: str = ""
    """Run with `sh -c` in a feature's working tree before its first step: `npm ci`."""


class Checkpoints(Value, forbid_unknown_fields=True):
    tags: int = 20
    """How many of a feature's newest checkpoints are also tags, 0 or more. All of them stay below `refs/orchestrator/`.
    `init` writes 0 where tags decide versions (setuptools-scm, `git describe --tags` and the like), and says why."""


class Backups(Value, forbid_unknown_fields=True):
    keep: int = 50
    """How many backups, and so how many rollback points, are kept for each feature, 1 or more. The one that an
    automatic rollback needs always stays; an older one becomes a plain checkpoint."""


class Hooks(Value, forbid_unknown_fields=True):
    wait: bool = False
    """A commit waits until its checkpoint is recorded. The hooks carry this: call `init` again after a change."""
    trailers: bool = False
    """`init` also installs `prepare-commit-msg`, which adds the trailers `Feature:` and `Workflow:` to people's commits
    on a feature's branch."""


class Notify(Value, forbid_unknown_fields=True):
    command: tuple[str, ...] = ()
    """Called when a gate is reached or a feature is parked or rolled back; title and text are appended as two
    arguments. All ways together have ten seconds."""
    urls: tuple[str, ...] = ()
    """Addresses of notification services, as the library Apprise knows them; needs `uv tool install '.[notify]'`."""
    terminal: tuple[str, ...] = ()
    """`"bell"` rings the terminal that the command was typed at, `"osc9"` shows the text there where the terminal can;
    also where the output goes elsewhere."""
    repeat: Duration = ""
    """After how long what still waits is told again; empty, or `0s`: never."""


class Lint(Value, forbid_unknown_fields=True):
    accept: tuple[str, ...] = ()
    """Findings of `lint` that are meant so, by the keys that it prints."""


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
