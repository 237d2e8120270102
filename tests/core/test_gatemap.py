"""The gate map: read with its mistakes named, compared, brought up to date without touching what a person set."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.gatemap import HEAD, Entry, GateMap, drift, parse, rendered, renewed
from orchestrator.core.line import Document, Rules, read_document
from orchestrator.errors import BadConfiguration

TEXT = """\
# Show it

## Phase 1: Draw

### GATE 1: Screens

APPROVE the screens? (yes/no)

### GATE 2: Tests

Run `npm test`; it must be green.

## Phase 2: Signing

Put the paper on the desk.
"""
CORPUS = sorted((Path(__file__).parent.parent / "corpora").rglob("*.md"))


def read(gates: GateMap | None = None, text: str = TEXT, types: tuple[tuple[str, str], ...] = ()) -> Document:
    return read_document(text, "docs/2.md", "2", Rules(types=types, classified=gates.of("2") if gates else ()))


def written(gates: GateMap | None = None, text: str = TEXT, types: tuple[tuple[str, str], ...] = ()) -> GateMap:
    """Return the map as `workflows --write` makes it, through its bytes."""
    made = parse(rendered(renewed(gates, [read(gates, text, types)], {}).gates))
    assert made is not None
    return made


def corrected(heading: str, type: str, gates: GateMap | None = None) -> GateMap:
    """Return the map in which a person set one type, or added an entry by hand."""
    found = gates or written()
    entries = [Entry(**{**_fields(one), "type": type}) if one.heading == heading else one for one in found.entries]
    if heading not in {one.heading for one in entries}:
        entries.append(Entry(workflow="2", heading=heading, type=type))
    return GateMap(entries=tuple(entries))


def _fields(one: Entry) -> dict[str, str]:
    return {name: getattr(one, name) for name in one.__struct_fields__}


def shown(document: Document) -> list[tuple[str, str]]:
    return [(one.key, str(one.type)) for one in document.gates]


def changes(gates: GateMap, document: Document) -> list[tuple[str, str]]:
    return [(one.heading, one.what) for one in drift(gates, [document])]


READ = [("GATE 1: Screens", "human"), ("GATE 2: Tests", "validation")]
CHANGED = "differs: its section changed since it was classified"
NEW = "is new and not classified"
MORE = TEXT.replace("(yes/no)", "(yes/no)\n\nShow them on a phone.")


# --- what holds -------------------------------------------------------------------------------------


def test_a_map_as_it_was_written_changes_nothing_but_the_reason() -> None:
    document = read(written())
    assert shown(document) == READ == shown(read())
    assert {one.why for one in document.gates} == {"orchestrator-gates.toml says so"}
    assert changes(written(), document) == []


@pytest.mark.parametrize("path", CORPUS[:: max(1, len(CORPUS) // 25)], ids=lambda one: one.stem)
def test_of_any_document_the_map_as_written_says_what_was_read_and_is_written_the_same_again(path: Path) -> None:
    text = path.read_bytes().decode("utf-8-sig")
    gates = written(None, text)
    assert shown(read(gates, text)) == shown(read(None, text))
    assert changes(gates, read(gates, text)) == []
    assert rendered(written(gates, text)) == rendered(gates)


@pytest.mark.parametrize(
    ("heading", "type", "gates"),
    [
        ("GATE 1: Screens", "none", [READ[1]]),
        ("GATE 1: Screens", "deploy", [("GATE 1: Screens", "deploy"), READ[1]]),
        ("GATE 2: Tests", "human", [READ[0], ("GATE 2: Tests", "human")]),
        ("Phase 2: Signing", "human", [*READ, ("Phase 2: Signing", "human")]),
        ("Phase 2: Signing", "none", READ),
        ("Phase 9: Elsewhere", "human", READ),
    ],
)
def test_what_a_person_sets_holds_for_that_heading_and_no_other(
    heading: str, type: str, gates: list[tuple[str, str]]
) -> None:
    assert shown(read(corrected(heading, type))) == gates


def test_a_heading_with_an_entry_takes_no_words_away_from_the_gate_around_it() -> None:
    text = "# A\n\n## GATE 1: Screens\n\nLook.\n\n### Answer\n\nAPPROVE the screens? (yes/no)\n"
    gates = GateMap(entries=(Entry(workflow="2", heading="Answer", type="validation"),))
    assert shown(read(None, text)) == [("GATE 1: Screens", "human")]
    assert shown(read(gates, text)) == [("GATE 1: Screens", "human"), ("Answer", "validation")]


def test_a_phase_that_is_passed_over_for_a_stop_inside_it_can_be_made_a_stop_itself() -> None:
    text = "# A\n\n## Phase 1: Staging\n\nTry it.\n\n### GATE 1: Look\n\nAPPROVE it? (yes/no)\n"
    gates = corrected("Phase 1: Staging", "human", written(None, text))
    assert shown(read(gates, text)) == [("Phase 1: Staging", "human"), ("GATE 1: Look", "human")]


def test_the_configuration_has_the_last_word() -> None:
    types = (("GATE 1", "validation"), ("Signing", "human"))
    gates = corrected("GATE 1: Screens", "deploy")
    document = read(gates, MORE, types)
    assert shown(document) == [("GATE 1: Screens", "validation"), READ[1], ("Phase 2: Signing", "human")]
    assert changes(gates, document) == []


@pytest.mark.parametrize(
    ("type", "text", "held", "why"),
    [
        ("none", MORE, "human", "orchestrator-gates.toml says none, but its section changed since"),
        ("validation", MORE, "human", "orchestrator-gates.toml says validation, but its section changed since"),
        ("deploy", MORE, "deploy", "orchestrator-gates.toml says so, its section changed since"),
        ("human", TEXT.replace("APPROVE the", "Run the"), "human", "orchestrator-gates.toml says so, its section"),
        ("none", TEXT.replace("(yes/no)", "(yes/no)  \n"), None, ""),
        ("none", TEXT.replace("Run `npm test`", "Run `npm t`"), None, ""),
        ("none", f"\n\n{TEXT}", None, ""),
    ],
    ids=["none", "validation", "stricter", "reads weaker", "blanks", "another section", "moved"],
)
def test_of_a_changed_section_the_stricter_type_holds_until_it_is_classified_again(
    type: str, text: str, held: str | None, why: str
) -> None:
    gates = corrected("GATE 1: Screens", type)
    document = read(gates, text)
    found = next((one for one in document.gates if one.key == "GATE 1: Screens"), None)
    assert (str(found.type) if found else None) == held
    if found is not None:
        assert found.why.startswith(why)
        assert changes(gates, document) == [("GATE 1: Screens", CHANGED)]
        again = written(gates, text)
        assert dict(shown(read(again, text))).get("GATE 1: Screens", "none") == type
        assert changes(again, read(again, text)) == []


def test_of_two_like_headings_each_has_its_own_entry() -> None:
    text = f"{TEXT}\n### GATE 1: Screens\n\nAPPROVE them again? (yes/no)\n"
    gates = corrected("GATE 1: Screens #2", "none", written(None, text))
    assert shown(read(gates, text)) == READ
    assert shown(
        read(gates, text.replace("# Show it\n", "# Show it\n\n## GATE 1: Screens\n\nAPPROVE all? (yes/no)\n"))
    )[1:3] == [("GATE 1: Screens #2", "human"), ("GATE 2: Tests", "validation")]


# --- drift --------------------------------------------------------------------------------------------


def test_each_difference_is_named_once() -> None:
    text = MORE.replace("GATE 2: Tests", "GATE 2: All tests") + "\n### GATE 3: Ship\n\nAPPROVE the merge? (yes/no)\n"
    gates = corrected("Phase 2: Signing", "human")
    found = drift(gates, [read(gates, text)])
    assert [(one.heading, one.what) for one in found] == [
        ("GATE 1: Screens", CHANGED),
        ("GATE 2: All tests", NEW),
        ("Phase 2: Signing", "is classified without a digest of its section"),
        ("GATE 3: Ship", NEW),
        ("GATE 2: Tests", "is gone from the document"),
    ]
    assert found[0].row == f"docs/2.md: the gate 'GATE 1: Screens' of workflow 2 {CHANGED}"


def test_an_entry_of_a_workflow_that_is_not_there_is_drift_but_not_where_it_cannot_be_read() -> None:
    gates = GateMap(entries=(Entry(workflow="9", heading="GATE 1", type="human"),))
    (found,) = drift(gates, [])
    assert (found.file, found.what) == ("orchestrator-gates.toml", "is gone: its workflow is not in the line")
    assert drift(gates, [], frozenset({"9"})) == ()


# --- brought up to date -------------------------------------------------------------------------------


def test_types_that_a_person_set_stay_new_gates_come_in_line_order_and_gone_ones_go() -> None:
    gates = corrected("Phase 2: Signing", "deploy", corrected("GATE 1: Screens", "none"))
    text = TEXT.replace("GATE 2: Tests", "GATE 2: All tests").replace("(yes/no)", "(yes/no)!")
    found = renewed(gates, [read(gates, text)], {})
    assert [(one.heading, one.type) for one in found.gates.entries] == [
        ("GATE 1: Screens", "none"),
        ("GATE 2: All tests", "validation"),
        ("Phase 2: Signing", "deploy"),
    ]
    assert found.new == 1
    assert found.said == (
        "stays none, though its changed section reads as human: 'GATE 1: Screens' of workflow 2",
        "dropped 'GATE 2: Tests' of workflow 2",
    )
    assert all(one.digest and one.why for one in found.gates.entries)


def test_a_new_gate_gets_the_type_in_effect_and_what_the_configuration_calls_none_is_no_gate() -> None:
    document = read(None, TEXT, (("GATE 2", "none"), ("GATE 1", "deploy")))
    found = renewed(None, [document], {("2", "GATE 1: Screens"): "deploy"})
    assert [(one.heading, one.type) for one in found.gates.entries] == [("GATE 1: Screens", "deploy")]


# --- the file -----------------------------------------------------------------------------------------

WHOLE = '[[gates]]\nworkflow = "2"\nheading = "GATE 1"\ntype = "human"\n'


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        (f"{WHOLE}\n{WHOLE}", "8: 'GATE 1' of workflow 2 stands here and at line 3", "take one"),
        (WHOLE + "typ = 1\n", "5: unknown key 'typ'", "'type'"),
        ("gate = 1\n", "1: unknown key 'gate'", "'gates'"),
        (WHOLE.replace('"2"', "2"), "2: workflow: expected `str`, got `int`", "in quotes"),
        (WHOLE.replace('"human"', '"humane"'), "4: type: 'humane' is unknown", '"human", "deploy"'),
        (WHOLE + WHOLE.replace('type = "human"\n', ""), "5: [[gates]] number 2: object missing", "workflow, heading"),
        ("gates = 3\n", "1: gates: expected `array`, got `int`", "workflow, heading"),
        ("[[gates]\n", "1: Expected", "mend the TOML"),
    ],
    ids=["twice", "unknown", "unknown at the top", "number", "type", "missing", "no list", "no TOML"],
)
def test_a_mistake_is_named_by_file_and_line_with_its_mend(text: str, said: str, hint: str) -> None:
    with pytest.raises(BadConfiguration) as error:
        parse(text.encode())
    assert str(error.value).startswith(f"orchestrator-gates.toml:{said}")
    assert hint in error.value.hint


def test_what_is_not_utf_8_is_named_by_its_line() -> None:
    with pytest.raises(BadConfiguration, match=r"^orchestrator-gates.toml:2: not UTF-8"):
        parse(b"# a\n\xff")


def test_an_empty_file_is_no_map_and_one_with_comments_alone_is_an_empty_one() -> None:
    assert parse(b"") is None
    assert parse(b"\n") is None
    assert parse(HEAD.encode()) == GateMap()


@given(st.lists(st.text(st.characters(codec="utf-8")), min_size=4, max_size=4))
def test_every_text_comes_back_from_the_file(texts: list[str]) -> None:
    workflow, heading, why, digest = texts
    one = Entry(workflow=workflow, heading=heading, type="none", why=why, digest=digest)
    content = rendered(GateMap(entries=(one,)))
    assert tomllib.loads(content.decode())["gates"] == [_fields(one)]
    assert parse(content) == GateMap(entries=(one,))


def test_a_persons_comments_stay_beside_their_gates() -> None:
    text = (
        "# the shop's gates\n"
        + rendered(written())
        .decode()
        .replace('type = "human"', 'type = "none"  # "nobody" looks')
        .replace('heading = "GATE 2', '# since May\nheading = "GATE 2')
        + "# the end\n"
    )
    gates = parse(text.encode())
    assert gates is not None
    assert gates.comments == {
        ("2", "GATE 1: Screens"): ("# the shop's gates", '# "nobody" looks'),
        ("2", "GATE 2: Tests"): ("# since May",),
    }
    content = rendered(renewed(gates, [read(gates)], {}).gates)
    again = parse(content)
    assert again is not None
    assert (again.comments, again.tail) == (gates.comments, ("# the end",))
    assert rendered(renewed(again, [read(again)], {}).gates) == content


def test_comments_of_a_file_that_is_written_in_another_way_are_kept_at_its_end() -> None:
    gates = parse(b'# mine\ngates = [{workflow = "2", heading = "GATE 1", type = "none"}]\n')
    assert gates is not None
    assert (gates.comments, gates.tail) == ({}, ("# mine",))
