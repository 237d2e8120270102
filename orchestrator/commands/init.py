"""`init`: sets a repository up, or takes that away again with `--remove`. Commits nothing."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path

import click

from orchestrator import documents, session
from orchestrator.adapters.git import Git, Repository, discover
from orchestrator.commands import lint
from orchestrator.errors import BadConfiguration, NoRepository, WrongUsage
from orchestrator.setup import archiving, installing, lining, remaining, removing
from orchestrator.setup import record as records
from orchestrator.setup.claude import CLAUDE
from orchestrator.setup.installing import Asked, Outcome
from orchestrator.setup.instructions import CLIENTS
from orchestrator.setup.record import FRAMEWORK, NATIVE, Places, Record
from orchestrator.setup.remaining import Remains
from orchestrator.setup.removing import Undone
from orchestrator.workspace import Workspace


@click.command("init")
@click.option(
    "--hooks", type=click.Choice([NATIVE, FRAMEWORK]),
    help="How git calls the kit: by hooks of its own, unless chosen otherwise before, or by the pre-commit framework.",
)  # fmt: skip
@click.option(
    "--scripts", is_flag=True,
    help="Write scripts/feature-init.sh, feature-update-state.sh and feature-dashboard.sh too; never over a file.",
)  # fmt: skip
@click.option(
    "--agent", "agents", type=click.Choice([CLAUDE, *CLIENTS]), multiple=True,
    help="For this client, too: claude, hooks and permissions in its settings; the others, a block in AGENTS.md.",
)  # fmt: skip
@click.option(
    "--remove", is_flag=True,
    help="Take away what init wrote, byte for byte. A file that was changed since stays and is named; the data stays.",
)  # fmt: skip
@click.option(
    "--with-data", "archive", metavar="ARCHIVE",
    help="With --remove: save log, context folder and refs in one tar, read it back, and only then remove the data.",
)  # fmt: skip
def command(hooks: str | None, scripts: bool, agents: tuple[str, ...], remove: bool, archive: str | None) -> int:
    """Set this repository up: configuration, make targets, hooks, agent, ignore rules, documents to begin with."""
    if remove and (hooks or scripts or agents):
        raise WrongUsage("--remove goes with neither --hooks, --scripts nor --agent", "orchestrator init --help")
    if archive and not remove:
        raise WrongUsage("--with-data goes with --remove only", "orchestrator init --help")
    session.refuse_inside_a_run("init")
    repository = _repository()
    places = Places(repository)
    with records.alone(places):
        if remove:
            return _remove(repository, places, archive)
        asked = Asked(choice=hooks or "", scripts=scripts, agents=agents)
        outcome = installing.install(places, Git(repository.main), asked)
        _show(repository, places, outcome)
    return 0


def _repository() -> Repository:
    """Return where to set up: the main worktree's. Raises NoRepository for one without files."""
    repository = discover(Path.cwd())
    if Git(repository.main).worktrees()[0].is_bare:
        raise NoRepository(
            f"{repository.main} is a bare repository: there is no main worktree to set up",
            "clone it, and call init in the clone",
        )
    return repository


# --- what was written -----------------------------------------------------------------------------


def _show(repository: Repository, places: Places, outcome: Outcome) -> None:
    if repository.here != repository.main:
        click.echo(f"set up in the main worktree, {repository.main}\n")
    if outcome.is_unchanged:
        click.echo("nothing to change: all is as init leaves it")
    _show_undone(places, outcome.undone)
    for name in _shortened(outcome.wrote):
        click.echo(f"wrote     {places.shown(name)}")
    for edit in outcome.part.edits:
        click.echo(f"changed   {places.shown(edit.name)} ({edit.says})")
    for name in outcome.hooks:
        tail = " (calls the one that was there)" if name in outcome.chained else ""
        click.echo(f"hook      {places.shown(name)}{tail}")
    for stage in outcome.part.stages:
        click.echo(f"hook      {stage}, installed by pre-commit")
    for name in outcome.kept:
        click.echo(f"kept      {places.shown(name)} (it was there; yours)")
    for note in outcome.part.notes:
        click.echo(f"note      {note}")
    for text in outcome.part.by_hand:
        what, _, lines = text.partition("\n")
        click.echo(f"\n{what}\n\n{_indented(lines)}")
    for row in _findings(repository):
        click.echo(f"lint      {row}")
    _show_commit(repository, places)


def _findings(repository: Repository) -> list[str]:
    """Return what lint says of the line; of the kit's own, word for word, it has nothing to say."""
    try:
        is_own = lining.is_own(documents.source(repository.main))
    except BadConfiguration:
        return []  # each command that reads the line says so
    return [] if is_own else lint.summary(Workspace(repository, "orchestrator init"))


def _show_commit(repository: Repository, places: Places) -> None:
    names = _shortened(installing.uncommitted(places, Git(repository.main)))
    if not names:
        return
    where = [] if Path.cwd() == repository.main else ["-C", str(repository.main)]
    words = shlex.join(["git", *where, "add", "--", *names])
    click.echo(f"\nTo be committed, which init leaves to you:\n\n{_indented(words)}")


def _shortened(names: Iterable[str]) -> list[str]:
    """Return `names` with the documents to begin with as one pattern, where all of them are among them."""
    listed = list(names)
    documents = set(lining.DOCUMENTS)
    if not documents.issubset(listed):
        return listed
    return [lining.DEFAULT_GLOB, *(name for name in listed if name not in documents)]


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" if line else "" for line in text.splitlines())


# --- what was taken away --------------------------------------------------------------------------


def _remove(repository: Repository, places: Places, archive: str | None) -> int:
    workspace = Workspace(repository, "orchestrator init --remove")
    target = (Path.cwd() / archive).resolve() if archive else None
    if target is not None:
        session.refuse_an_agent("the log and the checkpoints are removed by a person alone")
        archiving.refuse_busy(workspace)
        archiving.refuse_place(workspace, target)
    _undo(places)
    workspace.load()
    remains = remaining.look(workspace, places.file)
    if target is None:
        rows = _remains(workspace, remains, "stays")
    else:
        saved = archiving.save(workspace, remains, target)
        click.echo(
            f"saved     {target} ({_bytes(saved.bytes)}, read back: {len(saved.digests)} files, {saved.refs} refs)"
        )
        rows = _remains(workspace, remains, "removed")
        archiving.remove(workspace, remains, saved)
    removing.forget(places)
    for row in rows:
        click.echo(row)
    if not workspace.git.holds("check-ignore", "--quiet", ".context/any") and workspace.context.exists():
        click.echo("note      .context/ is ignored no longer; keep it out of your commits")
    return 0


def _undo(places: Places) -> None:
    undone = removing.undo(places, records.read(places) or Record())
    if not undone.is_something:
        click.echo("nothing to take away: init wrote nothing here that is still there")
    _show_undone(places, undone)
    for name in undone.left:
        click.echo(f"left      {places.shown(name)} (changed since init wrote it)")


def _show_undone(places: Places, undone: Undone) -> None:
    for name in _shortened((*undone.removed, *undone.hooks)):
        click.echo(f"removed   {places.shown(name)}")
    for name in (*undone.restored, *undone.back):
        click.echo(f"restored  {places.shown(name)}")
    for stage in undone.stages:
        click.echo(f"removed   the hook {stage} of pre-commit")


def _remains(workspace: Workspace, remains: Remains, word: str) -> list[str]:
    """Return what of the data goes or stays (`word`), with sizes; worktrees, branches and context files always stay."""
    counted = (
        (remains.log, "the log and what belongs to it"),
        (remains.states, "the states in .context/"),
        (remains.backups, "the backups in .context/"),
        (remains.copies, "the copies of the log in .context/"),
    )
    rows = [f"{word:<10}{what} ({_files(files)})" for files, what in counted if files]
    if remains.refs:
        size = _bytes(remaining.held_by(workspace, (*remains.refs, *remains.tags)))
        count = f"{len(remains.refs)} refs below refs/orchestrator/, {len(remains.tags)} tags checkpoint/*"
        rows.append(f"{word:<10}{count} ({size} that nothing else holds)")
    if remains.notes:
        rows.append(f"stays     the context files of the features in .context/ ({_files(remains.notes)})")
    rows += [f"stays     worktree {path} ({_files(remaining.whole(path))})" for path in remains.worktrees]
    for name in remains.branches:
        size = _bytes(remaining.held_by(workspace, [name]))
        rows.append(f"stays     branch {name.removeprefix('refs/heads/')} ({size} that no other branch holds)")
    return rows


def _files(names: tuple[str, ...]) -> str:
    count = "1 file" if len(names) == 1 else f"{len(names)} files"
    return f"{count}, {_bytes(remaining.size(names))}"


def _bytes(count: int) -> str:
    """Return a size as people read it: 512 B, 12.3 kB, 4.0 MB."""
    size = float(count)
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
