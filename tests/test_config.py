"""`orchestrator.toml`: every key optional, the defaults of the documentation, and errors that name the place."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.config import (
    Agent,
    Backups,
    Checkpoints,
    Configuration,
    Gates,
    Hooks,
    Lint,
    Notify,
    Run,
    Validate,
    Workflows,
    Worktrees,
    parse,
    read,
    seconds,
)
from orchestrator.errors import BadConfiguration

WHOLE = """\
[workflows]
glob = "docs/workflows/add-feature-*.md"
skip = ["11c1b"]
phase_words = ["Fase", "Etapa"]

[agent]
preset = "claude"
command = ["sh", "agent.sh"]
timeout = "1h30m"
granularity = "workflow"

[validate]
command = "npm test"
attempts = 2
pass_when = ".numFailedTests == 0"
[validate.workflows]
"5a" = "npm run build && npm test"

[gates]
keywords = ["demo"]
[gates.assurance]
deploy = "terminal"
[gates.types]
"4.5: GATE 2" = "validation"
[gates.pause]
"11a: Staging" = "24h"

[run]
parallel = 5
sign = true
[worktrees]
root = "../trees"
copy = [".env", "certs/*.pem"]
setup = "npm ci"
[checkpoints]
tags = 0
[backups]
keep = 3
[hooks]
wait = true
trailers = true
[notify]
command = ["notify-send"]
urls = ["ntfy://x"]
terminal = ["bell", "osc9"]
repeat = "4h"
[lint]
accept = ["L101-3f9c2a10"]
"""


def refusal(text: str) -> tuple[str, str]:
    with pytest.raises(BadConfiguration) as caught:
        parse(text.encode())
    return str(caught.value), caught.value.hint


def test_every_key_is_read() -> None:
    assert parse(WHOLE.encode()) == Configuration(
        workflows=Workflows("docs/workflows/add-feature-*.md", ("11c1b",), ("Fase", "Etapa")),
        agent=Agent("claude", ("sh", "agent.sh"), "1h30m", "workflow"),
        validate=Validate("npm test", 2, ".numFailedTests == 0", {"5a": "npm run build && npm test"}),
        gates=Gates(("demo",), {"deploy": "terminal"}, {"4.5: GATE 2": "validation"}, {"11a: Staging": "24h"}),
        run=Run(5, True),
        worktrees=Worktrees("../trees", (".env", "certs/*.pem"), "npm ci"),
        checkpoints=Checkpoints(0),
        backups=Backups(3),
        hooks=Hooks(True, True),
        notify=Notify(("notify-send",), ("ntfy://x",), ("bell", "osc9"), "4h"),
        lint=Lint(("L101-3f9c2a10",)),
    )


def test_every_key_is_optional_and_the_defaults_are_those_of_the_documentation() -> None:
    found = parse(b"")
    assert (found.workflows.skip, found.workflows.phase_words) == ((), ("Fase", "Phase"))
    assert found.agent == Agent(preset="", command=(), timeout="45m", granularity="phase")
    assert found.validate == Validate(command="", attempts=3, pass_when="", workflows={})
    assert found.gates == Gates(("GATE 1", "screenshot", "staging"), "terminal", {}, {})
    assert (found.run, found.checkpoints, found.backups) == (Run(3, False), Checkpoints(20), Backups(50))
    assert (found.hooks, found.notify, found.lint) == (Hooks(False, False), Notify((), (), (), ""), Lint(()))
    assert found == Configuration()


def test_each_key_of_the_whole_file_may_be_left_out() -> None:
    lines = WHOLE.splitlines()
    for number, line in enumerate(lines):
        if "=" in line:
            parse("\n".join([*lines[:number], *lines[number + 1 :]]).encode())


def test_a_missing_file_is_the_defaults_and_one_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    assert read(tmp_path / "orchestrator.toml") == Configuration()
    with pytest.raises(BadConfiguration, match="Is a directory"):
        read(tmp_path)
    (tmp_path / "orchestrator.toml").write_text("[run]\nparallel = 7\n")
    assert read(tmp_path / "orchestrator.toml").run.parallel == 7


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    assert parse(b"\xef\xbb\xbf[run]\nparallel = 7\n").run.parallel == 7


def test_the_timeout_is_in_seconds_and_a_workflow_may_have_a_validation_of_its_own() -> None:
    found = parse(WHOLE.encode())
    assert (found.timeout, Configuration().timeout) == (5400.0, 2700.0)
    assert [found.validation("5a"), found.validation("5b")] == ["npm run build && npm test", "npm test"]
    assert Configuration().validation("5a") == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90s", 90.0), ("45m", 2700.0), ("24h", 86400.0), ("7d", 604800.0), ("1h 30m", 5400.0), ("1.5h", 5400.0)],
)
def test_a_duration_is_read_in_seconds(text: str, expected: float) -> None:
    assert seconds(text, "agent.timeout") == expected


@pytest.mark.parametrize("text", ["", "45", "m", "45 minutes", "-5m", "5m!", "h5", "1e3s", "3651d", "9" * 400 + "s"])
def test_what_is_no_duration_says_how_to_write_one(text: str) -> None:
    with pytest.raises(BadConfiguration) as caught:
        seconds(text, "agent.timeout")
    assert str(caught.value) == f"orchestrator.toml: agent.timeout = {text!r} is no duration"
    assert caught.value.hint == "write it like 90s, 45m, 24h or 7d"


@pytest.mark.parametrize(
    ("text", "where", "key", "near"),
    [
        ('\n[agent]\ncomand = ["a"]\n', 3, "agent.comand", "agent.command"),
        ("[agnet]\n", 1, "agnet", "agent"),
        ("# first\nparallel = 3\n", 2, "parallel", "run.parallel"),
        ('timeout = "45m"\n', 1, "timeout", "agent.timeout"),
        ('[workflow]\nglob = "a*"\n', 1, "workflow", "workflows"),
        ('[gates]\nkeyword = ["x"]\n[run]\nkeyword = 1\n', 2, "gates.keyword", "gates.keywords"),
        ('[run]\nparallel = 1\n[hooks]\n"trailer" = true\n', 4, "hooks.trailer", "hooks.trailers"),
        ('notify.comand = ["x"]\n', 1, "notify.comand", "notify.command"),
        ('[lint]\nacept = ["x"]\n', 2, "lint.acept", "lint.accept"),
    ],
)
def test_an_unknown_key_names_file_line_and_the_nearest_known_key(text: str, where: int, key: str, near: str) -> None:
    assert refusal(text) == (f"orchestrator.toml:{where}: unknown key {key!r}", f"the nearest known key is {near!r}")


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("[workflows]\nglob = 3\n", 2, "workflows.glob: expected `str`, got `int`"),
        ("workflows.glob = 3\n", 1, "workflows.glob: expected `str`, got `int`"),
        ('[agent]\n\ncommand = "sh agent.sh"\n', 3, "agent.command: expected `array`, got `str`"),
        ("[validate]\nattempts = true\n", 2, "validate.attempts: expected `int`, got `bool`"),
        ('[run]\nsign = "yes"\n', 2, "run.sign: expected `bool`, got `str`"),
        ("[[hooks]]\nwait = true\n", 1, "hooks: expected `object`, got `array`"),
        ('[validate.workflows]\n"5a" = "a"\n"5b" = 2\n', 3, "validate.workflows: expected `str`, got `int`"),
        ('[gates]\nkeywords = ["a", 3]\n', 2, "gates.keywords: expected `str`, got `int`"),
    ],
)
def test_a_wrong_type_names_file_line_and_key(text: str, where: int, what: str) -> None:
    assert refusal(text) == (f"orchestrator.toml:{where}: {what}", "")


@pytest.mark.parametrize(
    ("text", "what", "hint"),
    [
        (
            '[workflows]\nglob = "../other/*.md"\n',
            "orchestrator.toml:2: workflows.glob: '../other/*.md' leads outside the repository",
            "name a folder inside it",
        ),
        (
            '[workflows]\nglob = "/etc/*.md"\n',
            "orchestrator.toml:2: workflows.glob: '/etc/*.md' leads outside the repository",
            "name a folder inside it",
        ),
        (
            '[workflows]\nglob = "docs/add.md"\n',
            "orchestrator.toml:2: workflows.glob: 'docs/add.md' must hold exactly one *, and no ? or [",
            'for example "docs/workflows/add-feature-*.md"',
        ),
        (
            '[workflows]\nglob = "docs/**/add-*.md"\n',
            "orchestrator.toml:2: workflows.glob: 'docs/**/add-*.md' must hold exactly one *, and no ? or [",
            'for example "docs/workflows/add-feature-*.md"',
        ),
        *(
            (
                f'[worktrees]\nroot = "../x"\ncopy = ["a", "{entry}"]\n',
                f"orchestrator.toml:3: worktrees.copy: {entry!r} leads outside the repository, or into .git or .context",
                "name a file or a folder inside the repository",
            )
            for entry in ("../.env", "/etc/passwd", "~/.netrc", "web/../../x", ".git/config", ".context", "", ".")
        ),
        (
            '[agent]\ngranularity = "step"\n',
            "orchestrator.toml:2: agent.granularity: 'step' is unknown",
            'write "phase" or "workflow"',
        ),
        (
            '[agent]\ntimeout = "soon"\n',
            "orchestrator.toml:2: agent.timeout: 'soon' is no duration",
            "write it like 90s, 45m, 24h or 7d",
        ),
        *(
            (
                f'[agent]\npreset = "claude"\n{key} = "{text}"\n',
                f"orchestrator.toml:3: agent.{key}: {text!r} is too short",
                "write 1s or more",
            )
            for key in ("timeout", "retry_after")
            for text in ("0s", "0.5s")
        ),
        (
            '[gates.pause]\n"11a: Staging" = "24h"\n"11b: = x" = "soon"\n',
            "orchestrator.toml:3: gates.pause: '11b: = x' = 'soon' is no duration",
            "write it like 90s, 45m, 24h or 7d",
        ),
        (
            '[notify]\ncommand = ["x"]\nrepeat = "often"\n',
            "orchestrator.toml:3: notify.repeat: 'often' is no duration",
            "write it like 90s, 45m, 24h or 7d; empty means never",
        ),
        (
            '[notify]\nterminal = ["bell", "osc777"]\n',
            "orchestrator.toml:2: notify.terminal: 'osc777' is unknown",
            'write "bell", "osc9" or both',
        ),
        (
            '[gates]\n[gates.types]\n# none\n"4.5: GATE 2" = "person"\n',
            "orchestrator.toml:4: gates.types: '4.5: GATE 2' = 'person'",
            'write "human", "deploy", "validation" or "none"',
        ),
        (
            '[gates]\nassurance = "sealed"\n',
            "orchestrator.toml:2: gates.assurance: 'sealed' is unknown",
            'write "terminal" or "signed"',
        ),
        (
            '[gates.assurance]\nhuman = "signed"\n',
            'orchestrator.toml:2: gates.assurance: "human" is signed and "deploy", the stricter type, is not',
            'write "signed" for both, or for "deploy" alone',
        ),
        (
            '[gates.assurance]\nhuman = "terminal"\ndeploi = "terminal"\n',
            "orchestrator.toml:3: gates.assurance: 'deploi' is no type that stops",
            'write "human" or "deploy"',
        ),
        ("[validate]\nattempts = 0\n", "orchestrator.toml:2: validate.attempts: 0 is too small", "write 1 or more"),
        ("[run]\nparallel = 0\n", "orchestrator.toml:2: run.parallel: 0 is too small", "write 1 or more"),
        ("[checkpoints]\ntags = -1\n", "orchestrator.toml:2: checkpoints.tags: -1 is too small", "write 0 or more"),
        ("[backups]\nkeep = 0\n", "orchestrator.toml:2: backups.keep: 0 is too small", "write 1 or more"),
        (
            "[run]\nparallel = \n",
            "orchestrator.toml: line 2, column 12: Invalid value",
            "mend the TOML at that place",
        ),
    ],
)
def test_a_wrong_value_names_file_line_and_what_is_right(text: str, what: str, hint: str) -> None:
    assert refusal(text) == (what, hint)


def test_what_is_no_utf_8_is_named() -> None:
    with pytest.raises(BadConfiguration) as caught:
        parse(b"[run]\n# caf\xe9\n")
    assert (str(caught.value), caught.value.hint) == ("orchestrator.toml: not UTF-8 (byte 11)", "save it as UTF-8")
