"""The documentation says what is there: commands, options, events, keys, findings, links and tests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
import msgspec
import pytest

from orchestrator.core.figures import DEFINITIONS
from orchestrator.core.figures import page as table_of_figures
from orchestrator.core.linting.findings import Rule
from orchestrator.group import COMMANDS, group
from orchestrator.log.facts import TYPES
from orchestrator.makefile import targets
from tests import figures, reference
from tests.adapters.test_backups import HOSTILE
from tests.end_to_end.test_signed_gates import FORGERIES
from tests.test_verify import FAULTS

TOP = Path(__file__).parent.parent
DOCS = TOP / "docs"
PAGES = sorted([TOP / "README.md", TOP / "CHANGELOG.md", TOP / "CONTRIBUTING.md", *DOCS.rglob("*.md")])
MAKE_VARIABLES = {"FEATURE", "WHY", "AT", "TO", "ORCHESTRATOR", "PYTHON", "WORKERS", "VENV", "KEEP", "TARGET"}
HELP = {"--help", "-h"}
OPTION = re.compile(r"(?<![\w/-])--?[a-zA-Z][\w-]*")


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    """Return what stands below a heading of level 2, up to the next one."""
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, heading
    return found[1]


def rows(text: str) -> dict[str, list[str]]:
    """Return the cells of each table row by the name in backticks that it begins with."""
    lines = (line for line in text.splitlines() if line.startswith("| `"))
    cells = ([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines)
    return {found[0].split("`")[1]: found for found in cells}


def loaded(name: str) -> click.Command:
    """Return a command, imported as the program imports it."""
    found = group.get_command(click.Context(group), name)
    assert found, name
    return found


def options(name: str) -> set[str]:
    """Return every spelling of every option of a command, and of its own commands."""
    command = loaded(name)
    every = [command, *(command.commands.values() if isinstance(command, click.Group) else ())]
    params = [param for one in every for param in one.params]
    return HELP | {word for one in params if isinstance(one, click.Option) for word in one.opts}


def shown(text: str) -> Iterator[str]:
    """Give the commands that a page shows: lines of shell blocks, and inline code."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    lines = [line for language, block in blocks if language == "sh" for line in block.splitlines()]
    for line in [*lines, *(" ".join(one.split()) for one in re.findall(r"`([^`]+)`", prose))]:
        yield re.sub(r"\s+[#|] .*", "", re.sub(r"'[^']*'|\"[^\"]*\"", "", line)).strip()


def calls(program: str) -> list[tuple[str, str]]:
    return [
        (str(one.relative_to(TOP)), line)
        for one in PAGES
        for line in shown(one.read_text(encoding="utf-8"))
        if line.split(" ")[0] == program and line != program
    ]


# --- what is shown exists --------------------------------------------------------------------------


def test_the_figures_on_the_page_are_those_that_the_proofs_kept() -> None:
    assert figures.table(figures.load()) in section(page("promises.md"), "Figures")
    targets_there = re.findall(r"^([a-z-]+):", (TOP / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert figures.load().keys() <= set(targets_there)


def test_the_tables_that_the_suite_walks_are_as_long_as_the_page_says() -> None:
    said = " ".join(section(page("promises.md"), "Figures").split())
    assert f"{len(FAULTS)} of {len(FAULTS)} seeded faults" in said
    assert f"{len(HOSTILE)} of {len(HOSTILE)} hostile archives" in said
    assert f"{len(FORGERIES)} of {len(FORGERIES)} forgeries" in said


def test_every_command_that_a_page_shows_exists_with_its_options() -> None:
    for where, line in calls("orchestrator"):
        name = line.split()[1]
        if name in {"COMMAND", "--help"}:
            continue
        assert name in COMMANDS, f"{where}: {line}"
        unknown = set(OPTION.findall(line.split(name, 1)[1])) - options(name)
        assert not unknown, f"{where}: {line}: {unknown}"


def test_every_make_target_that_a_page_shows_exists_with_its_variables() -> None:
    known = targets((TOP / "Makefile").read_text()) | targets((TOP / "orchestrator.mk").read_text())
    for where, line in calls("make"):
        words = line.split()[1:]
        assert {word for word in words if "=" not in word} <= known, f"{where}: {line}"
        assert {word.split("=")[0] for word in words if "=" in word} <= MAKE_VARIABLES, f"{where}: {line}"


def test_the_pages_show_commands_at_all() -> None:
    assert len(calls("orchestrator")) > 60
    assert len(calls("make")) > 10


@pytest.mark.parametrize("one", PAGES, ids=lambda path: str(path.relative_to(TOP)))
def test_every_relative_link_leads_somewhere(one: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", one.read_text(encoding="utf-8"))
    gone = [link for link in links if "://" not in link and not (one.parent / link).exists()]
    assert gone == []


@pytest.mark.parametrize("one", PAGES, ids=lambda path: str(path.relative_to(TOP)))
def test_every_link_to_a_part_of_a_page_leads_to_a_heading(one: Path) -> None:
    text = one.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#\s:]*)#([^)\s]+)\)", text)
    assert [f"{name}#{part}" for name, part in links if part not in anchors(one.parent / name if name else one)] == []


def anchors(path: Path) -> set[str]:
    """Return the names by which the headings of a page are linked to."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}


def test_every_room_that_the_house_names_is_there() -> None:
    text = section(page("house.md"), "Floors")
    rooms = re.findall(r"`((?:\w+/)*\w+(?:\.py|/))`", text)
    assert len(rooms) > 15
    assert [room for room in rooms if not any((top / room).exists() for top in (TOP / "orchestrator", TOP))] == []


def test_the_readme_leads_to_every_page() -> None:
    linked = set(re.findall(r"\]\((docs/[^)#]+)\)", (TOP / "README.md").read_text(encoding="utf-8")))
    assert {f"docs/{one.name}" for one in DOCS.glob("*.md")} <= linked


def test_every_test_that_a_promise_names_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", page("promises.md"))
    assert len(named) > 40
    missing = [f"{file}::{name}" for file, name in named if f"\ndef {name}(" not in _text(TOP / file)]
    assert missing == []


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def test_pages_name_no_persons_address_and_no_folder_of_a_machine() -> None:
    for one in PAGES:
        text = one.read_text(encoding="utf-8")
        hosts = set(re.findall(r"[\w.+-]+@([\w-]+\.[\w.-]+\w)", text))
        assert hosts <= {"example.com"}, one
        assert not re.search(r"(?<![\w.])/(?:home|Users|root|work|tmp)/", text), one


# --- what exists is described ----------------------------------------------------------------------


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_each_of_its_options_is_described(name: str) -> None:
    headings = re.findall(r"^## (`([a-z-]+)\b.*)$", page("commands.md"), re.MULTILINE)
    [heading] = [text for text, word in headings if word == name]
    text = section(page("commands.md"), heading)
    assert options(name) <= HELP | set(OPTION.findall(text))
    in_table = {word for first in rows(text) for word in OPTION.findall(first)}
    assert in_table <= options(name)


@pytest.mark.parametrize("name", TYPES)
def test_every_event_is_described_with_each_field_of_its_payload(name: str) -> None:
    _, says, fields = rows(section(page("state-and-log.md"), "Events"))[name]
    assert says
    expected = [field.name for field in msgspec.structs.fields(TYPES[name])]
    assert re.findall(r"`(\w+)`", fields) == expected


def test_no_event_is_described_that_is_none() -> None:
    first = section(page("state-and-log.md"), "Events").split("Fields that come again")[0]
    assert set(rows(first)) == set(TYPES)


@pytest.mark.parametrize("name", reference.parts())
def test_a_reference_page_says_what_the_code_says(name: str) -> None:
    text, made = (TOP / name).read_text(encoding="utf-8"), reference.parts()[name]
    assert sorted(reference.names(text)) == sorted(made)
    assert reference.written(text, made) == text, "call: make docs"


@pytest.mark.parametrize("name", reference.parts())
def test_every_option_and_every_key_says_what_it_is_for(name: str) -> None:
    table_rows = [line for part in reference.parts()[name].values() for line in part.splitlines() if line[:3] == "| `"]
    assert [row for row in table_rows if not re.search(r"\| [^|]{4,} \|$", row.replace("\\|", "/"))] == []


def test_every_rule_of_lint_is_described_with_its_severities_and_no_other() -> None:
    rules = [
        one
        for room in ("accepting", "naming", "orders", "scripts", "validations")
        for one in vars(import_module(f"orchestrator.core.linting.{room}")).values()
        if isinstance(one, Rule)
    ]
    described = {name: cells[1] for name, cells in rows(page("lint.md")).items() if re.fullmatch(r"L\d{3}", name)}
    known = {one.id: {other.severity for other in rules if other.id == one.id} for one in rules}
    assert {name: set(re.findall(r"error|warning|note", cell)) for name, cell in described.items()} == known


def test_every_figure_of_metrics_is_described_as_the_code_defines_it() -> None:
    assert table_of_figures() in section(page("metrics.md"), "The figures")
    [example] = re.findall(r"^```toml\n(.*?)^```", page("metrics.md"), re.MULTILINE | re.DOTALL)
    assert set(re.findall(r"^(\w+) =", example, re.MULTILINE)) <= {one.key for one in DEFINITIONS}


def test_every_finding_of_verify_is_described_and_no_other() -> None:
    source = "".join(one.read_text() for one in (TOP / "orchestrator" / "verifying").glob("*.py"))
    known = set(re.findall(r'"(V\d{3})"', source))
    described = re.findall(r"`(V\d{3})`", section(page("troubleshooting.md"), "What `verify` finds"))
    assert sorted(described) == sorted(known)
