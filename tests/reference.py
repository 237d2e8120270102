"""The reference pages: what of `docs/commands.md` and `docs/configuration.md` the code says, written between markers.

A command's arguments, options and defaults come from click, its make target from the table of targets, its exit
statuses from what its module can return; a key's type, default and meaning come from `config.py`. The prose around
the markers is written by hand. `make docs` writes both pages; a test compares them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import msgspec

from orchestrator import config, errors, makefile
from orchestrator.config import Configuration
from orchestrator.group import COMMANDS, MODULES, group

TOP = Path(__file__).parent.parent
BEGIN, END = "<!-- from the code, by `make docs`: {} -->", "<!-- end -->"
_PART = re.compile(
    r"(?<=^<!-- from the code, by `make docs`: )(?P<name>[^\n]*) -->\n.*?(?=^<!-- end -->$)", re.M | re.S
)
_VARIABLE = re.compile(r"\$\$\{(\w+):\+")
NEVER_FAIL = ("hook", "claude-hook")  # what calls them would stop, too
HEAD = ["argument, option", "default", ""]  # the second one only where a command has any
TYPES = {
    "str": "text",
    "int": "whole number",
    "float": "number",
    "bool": "true or false",
    "Duration": "duration",
    "tuple[str, ...]": "list of text",
    "dict[str, str]": "table of text",
    "dict[str, Duration]": "table of durations",
    "str | dict[str, str]": "text or table of text",
}


# --- commands --------------------------------------------------------------------------------------


def command(name: str) -> str:
    """Return the part of a command: a table of its arguments and options, if any, its exit statuses, its make target."""
    rows = list(_rows(_loaded(name), ""))
    kept = [place for place, _ in enumerate(HEAD) if place != 1 or any(row[1] for row in rows)]
    lines = [" | ".join(row[place] for place in kept) for row in (HEAD, ["---"] * len(HEAD), *rows)]
    table = [*(f"| {line} |".replace("|  |", "| |") for line in lines), ""] if rows else []
    return "\n".join([*table, _foot(name)])


def _loaded(name: str) -> click.Command:
    found = group.get_command(click.Context(group), name)
    assert found, name
    return found


def _rows(one: click.Command, called: str) -> Iterator[list[str]]:
    """Yield the rows of a command, and of the commands below it; `called` is the name of one of those."""
    if called:
        words = [called, *(_argument(param) for param in one.params if isinstance(param, click.Argument))]
        yield _row(" ".join(words), "", one.help or "")
    for param in one.params:
        if isinstance(param, click.Option):
            yield _row(_spelt(param), _default(param), _says(param))
        elif not called:
            yield _row(_argument(param), "", "needed" if param.required else "may be left out")
    if isinstance(one, click.Group):
        for name, below in one.commands.items():
            yield from _rows(below, f"{one.name} {name}")


def _row(*cells: str) -> list[str]:
    first, default, says = (" ".join(cell.replace("|", "\\|").split()) for cell in cells)
    return [f"`{first}`", default, says]


def _argument(param: click.Parameter) -> str:
    name = (param.name or "").upper()
    return f"{name.removesuffix('S')}..." if param.nargs == -1 else name


def _spelt(option: click.Option) -> str:
    value = "" if option.is_flag else " " + re.sub(r"^\[(.*)\]$", r"\1", option.make_metavar(click.Context(group)))
    return "`, `".join([*option.opts, *option.secondary_opts]) + value


def _default(option: click.Option) -> str:
    found = option.get_default(click.Context(group))
    if option.is_flag or not isinstance(found, str | tuple | int | float) or not found:
        return ""
    return f"`{', '.join(found) if isinstance(found, tuple) else found}`"


def _says(option: click.Option) -> str:
    again = " May be given several times." if option.multiple and "repeated" not in (option.help or "") else ""
    return f"{option.help}{again}"


def _foot(name: str) -> str:
    makes = [
        " ".join(["make", target.name, *(f"{one}=" for one in _VARIABLE.findall(target.command))])
        for target in makefile.TARGETS
        if target.command.split()[0] == name
    ]
    ends = f"Exit status: {', '.join(map(str, statuses(name)))}."
    return f"{ends} make target: {', '.join(f'`{one}`' for one in makes)}." if makes else ends


def statuses(name: str) -> list[int]:
    """Return the exit statuses of a command: 0, 1, 2, and those that its module, or one that it calls, names."""
    own = {errors.REFUSED, *_named(MODULES.get(name, name))} - ({errors.REFUSED} if name in NEVER_FAIL else set())
    return sorted({0, errors.USAGE, *own})


def _named(module: str) -> set[int]:
    path = TOP / "orchestrator/commands" / f"{module}.py"
    if not path.exists():
        return set()
    found: set[int] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "orchestrator.errors":
            found |= {getattr(errors, one.name) for one in node.names if one.name.isupper()}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("orchestrator.commands"):
            parts = (node.module or "").split(".")[2:]
            found |= set().union(*(_named(one) for one in parts or [name.name for name in node.names]))
    return found


def all_statuses() -> str:
    """Return the table of exit statuses."""
    rows = (f"| {status} | {says} |" for status, says in sorted(errors.MEANINGS.items()))
    return "\n".join(["| status | means |", "| --- | --- |", *rows])


# --- configuration ---------------------------------------------------------------------------------


def table(name: str) -> str:
    """Return the part of a table of the configuration: each key with its type, default and meaning."""
    [kind] = [field.type for field in msgspec.structs.fields(Configuration) if field.name == name]
    value = getattr(Configuration(), name)
    rows = [
        f"| `{key}` | {TYPES[type]} | `{toml(getattr(value, key))}` | {says} |"
        for key, (type, says) in _keys()[kind.__name__].items()
    ]
    return "\n".join(["| key | type | default | |", "| --- | --- | --- | --- |", *rows])


def toml(value: Any) -> str:
    """Return a default as the page writes it."""
    if isinstance(value, tuple):
        return f"[{', '.join(toml(one) for one in value)}]"
    return msgspec.json.encode(value).decode()


def _keys() -> Mapping[str, Mapping[str, tuple[str, str]]]:
    """Return, for each class of `config.py`, its keys with their types as written and the text below each."""
    module = ast.parse(Path(config.__file__).read_text(encoding="utf-8"))
    return {one.name: dict(_described(one)) for one in module.body if isinstance(one, ast.ClassDef)}


def _described(one: ast.ClassDef) -> Iterator[tuple[str, tuple[str, str]]]:
    for field, below in zip(one.body, [*one.body[1:], ast.Pass()], strict=True):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            is_text = isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
            says = " ".join(str(below.value.value).split()) if is_text else ""  # type: ignore[attr-defined]
            yield field.target.id, (ast.unparse(field.annotation), says.replace("|", "\\|"))


# --- the pages -------------------------------------------------------------------------------------


def parts() -> Mapping[str, Mapping[str, str]]:
    """Return each page's parts by name."""
    tables = [field.name for field in msgspec.structs.fields(Configuration)]
    return {
        "docs/commands.md": {"exit statuses": all_statuses(), **{name: command(name) for name in COMMANDS}},
        "docs/configuration.md": {f"[{name}]": table(name) for name in tables},
    }


def written(page: str, made: Mapping[str, str]) -> str:
    """Return the page with each part between its markers; one that the code has no part for stays as it is."""
    return _PART.sub(lambda found: f"{found['name']} -->\n{made.get(found['name'], '')}\n", page)


def names(page: str) -> list[str]:
    """Return the names of the parts that a page has, in order."""
    return [found["name"] for found in _PART.finditer(page)]


def main() -> None:
    """Write the parts into the pages."""
    for name, made in parts().items():
        page = TOP / name
        page.write_text(written(page.read_text(encoding="utf-8"), made), encoding="utf-8")


if __name__ == "__main__":
    main()
