"""The floors of the house: a room imports only from its own floor or below; printed is the offending import."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest

import orchestrator

ROOT = Path(orchestrator.__file__).parent
PACKAGE = "orchestrator"

# The longest name that a module's begins with decides; what is in no row has no floor and is a finding.
FLOORS = {
    "": 0,
    "errors": 0,
    "core": 1,
    "core.values": 0,
    "adapters": 2,
    "log": 3,
    **dict.fromkeys(
        ("workspace", "mending", "perform", "attempts", "judging", "checkpoints", "rollback", "worktrees", "confining"),
        4,
    ),
    **dict.fromkeys(("evidence", "sitting", "approval", "signers", "guarding", "publishing", "calling"), 4),
    **dict.fromkeys(
        (
            "reconcile",
            "documents",
            "readings",
            "config",
            "runner",
            "assets",
            "makefile",
            "setup",
            "verifying",
            "preflight",
        ),
        4,
    ),
    **dict.fromkeys(("announcing", "furnishing", "baseline"), 4),
    **dict.fromkeys(("measuring", "charts"), 5),
    **dict.fromkeys(("commands", "render", "session", "showing", "summing", "claude", "hooking", "web", "fleet"), 5),
    "differing": 4,
    **dict.fromkeys(("moments", "narrating", "drawing"), 5),
    **dict.fromkeys(("standing", "board", "dashboard", "watching", "timeline"), 5),
    **dict.fromkeys(("cli", "group", "__main__"), 6),
}
THE_WORLD = {"os", "io", "time", "subprocess", "pathlib", "random", "click"}  # nothing of it is known on floor 1
HEAVY = {"jinja2", "starlette", "uvicorn", "rich", "markdown_it", "yaml", "jq", "sqlite3", "filelock", "psutil"}
HEAVY |= {"altair", "vl_convert"}
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix("__init__").removesuffix("."): path
    for path in sorted(ROOT.rglob("*.py"))
    if "templates" not in path.parts
}


def floor(module: str) -> int | None:
    """Return a room's floor, None for one that has none."""
    parts = module.split(".")
    names = (".".join(parts[:count]) for count in range(len(parts), 0, -1))
    return next((FLOORS[name] for name in names if name in FLOORS), None)


def imports(tree: ast.Module, package: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Yield each import with its line, also those inside functions; of `from a import b` a and a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, one.name) for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            whole = ".".join([*above, *([node.module] if node.module else [])])
            yield node.lineno, whole
            yield from ((node.lineno, f"{whole}.{one.name}") for one in node.names)


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Yield what a file of ours imports, with the line."""
    return imports(parsed(path), [PACKAGE, *path.relative_to(ROOT).parts[:-1]])


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def calls(path: Path) -> Iterator[tuple[int, str, ast.Call]]:
    """Yield each call of a file with its line and what is called."""
    found = (node for node in ast.walk(parsed(path)) if isinstance(node, ast.Call))
    return ((node.lineno, ast.unparse(node.func), node) for node in found)


def place(path: Path, line: int) -> str:
    return f"{path.relative_to(ROOT.parent)}:{line}"


def own(name: str) -> str | None:
    """Return the room that an imported name is, None for what is no module of ours."""
    if name == PACKAGE:
        return ""
    room = name.removeprefix(f"{PACKAGE}.")
    return room if room != name and room in MODULES else None


def rooms(lowest: int, highest: int) -> Iterator[Path]:
    return (path for name, path in MODULES.items() if lowest <= (floor(name) or 0) <= highest)


def at_the_top(path: Path) -> Iterator[tuple[int, str]]:
    """Yield what a file imports when it is imported itself: not in functions, not for type checkers alone."""
    top = [node for node in parsed(path).body if isinstance(node, ast.Import | ast.ImportFrom)]
    return imports(ast.Module(body=list(top), type_ignores=[]), [PACKAGE])


def test_every_room_has_a_floor() -> None:
    assert [name for name in MODULES if floor(name) is None] == []


def test_a_room_imports_only_from_its_own_floor_or_below() -> None:
    upward = [
        f"{place(path, line)} (floor {floor(name)}) imports {room} (floor {floor(room)})"
        for name, path in MODULES.items()
        for line, module in imported(path)
        if (room := own(module)) is not None and (floor(room) or 0) > (floor(name) or 0)
    ]
    assert upward == []


def test_the_core_knows_nothing_of_the_world() -> None:
    known = [
        f"{place(path, line)} imports {module}"
        for path in rooms(0, 1)
        for line, module in imported(path)
        if module.split(".")[0] in THE_WORLD
    ]
    assert known == []


def test_nothing_below_the_commands_prints_or_asks() -> None:
    spoken = [
        f"{place(path, line)} calls {name}"
        for path in rooms(0, 4)
        for line, name, _ in calls(path)
        if name in ("print", "input") or name.startswith(("sys.stdout", "sys.stderr", "click."))
    ]
    assert spoken == []


def test_nobody_but_the_console_script_exits() -> None:
    exits = [
        f"{place(path, line)} calls {name}"
        for path in MODULES.values()
        for line, name, _ in calls(path)
        if path not in (MODULES["cli"], MODULES["adapters.warden"])  # the latter is a program of its own
        and name in ("sys.exit", "os._exit", "exit", "quit", "SystemExit")
    ]
    assert exits == []


def test_one_room_alone_runs_git() -> None:
    """Others start programs too (the agent, a validation, a probe of the outside), but none of them is git."""
    runs = [
        place(path, line)
        for path in MODULES.values()
        for line, name, call in calls(path)
        if path != MODULES["adapters.git"]
        and name.startswith(("subprocess.", "os.exec", "os.posix_spawn"))
        and any(ast.unparse(argument).startswith("['git'") for argument in call.args)
    ]
    assert runs == []


def test_heavy_libraries_are_imported_late() -> None:
    """At the top only in rooms that are themselves imported late; tests/test_imports.py follows the paths."""
    early = [
        f"{place(path, line)} imports {module}"
        for name, path in MODULES.items()
        for line, module in at_the_top(path)
        if module.split(".")[0] in HEAVY and name not in ("log.database", "log.query")
    ]
    assert early == []


@pytest.mark.parametrize(
    ("module", "expected"),
    [("", 0), ("core.values", 0), ("core.state", 1), ("log.journal", 3), ("commands.next", 5), ("cli", 6), ("x", None)],
)
def test_a_floor_is_that_of_the_longest_name(module: str, expected: int | None) -> None:
    assert floor(module) == expected


def test_an_import_is_seen_wherever_it_stands() -> None:
    text = "import os\nfrom ..log import journal\nfrom . import z\ndef f():\n    from pathlib import Path\n"
    assert list(imports(ast.parse(text), ["orchestrator", "commands"])) == [
        (1, "os"),
        (2, "orchestrator.log"),
        (2, "orchestrator.log.journal"),
        (3, "orchestrator.commands"),
        (3, "orchestrator.commands.z"),
        (5, "pathlib"),
        (5, "pathlib.Path"),
    ]
    assert [own("orchestrator.log.journal"), own("orchestrator"), own("orchestrator.core.events.Gate"), own("os")] == [
        "log.journal",
        "",
        None,
        None,
    ]
