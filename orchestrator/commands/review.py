"""`review`: the waiting gates as a page in a browser on this machine, or as one file that only shows them."""

from __future__ import annotations

from pathlib import Path

import click

from orchestrator import session
from orchestrator.errors import Refusal, WrongUsage


@click.command("review")
@click.option("--static", "file", metavar="FILE", help="Write a read-only page into FILE and serve nothing.")
@click.option("--port", default=0, metavar="N", help="Serve on this port of 127.0.0.1; else on a free one.")
def command(file: str | None, port: int) -> None:
    """Show the waiting gates as a local page; decide there, if this is a terminal of yours."""
    from orchestrator.web import serving  # late: what makes pages is loaded for no other command

    if file is not None and port:
        raise WrongUsage("--static serves nothing: it goes without --port", "orchestrator review --help")
    if file is not None:
        _write(Path(file), "it is a file")
    elif session.marker() is not None:  # an agent's shell would wait for it
        _write(None, "an agent runs this")
    elif not serving.is_possible():
        click.echo("serving a page takes the extra `web`, which is not installed; a file that only shows:", err=True)
        _write(None, "it is a file")
    else:
        closed = _closed()
        serving.serve(port, closed, lambda address: _tell(address, closed))


def _write(path: Path | None, closed: str) -> None:
    from orchestrator.web import sheets  # as above

    there, count = sheets.write(path, closed)
    click.echo(there)
    click.echo(f"{count or 'no'} gate{'' if count == 1 else 's'} in it; open it in a browser", err=True)


def _closed() -> str:
    """Return why nothing can be decided on this page: the rules are those of a sitting at the terminal."""
    with session.looking(anew=True) as workspace:
        try:
            session.refuse_without_a_terminal()
            session.refuse_inside_a_run("review")
            session.refuse_below_a_run(workspace)
        except Refusal as refusal:
            return str(refusal)
    return ""


def _tell(address: str, closed: str) -> None:
    click.echo(address)
    if closed:
        click.echo(f"it only shows: {closed}", err=True)
    click.echo("the address lets whoever has it in; Ctrl-C ends the page", err=True)
