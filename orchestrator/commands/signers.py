"""`signers`: whose signature counts at a gate. Adding and revoking are a person's, and signed."""

from __future__ import annotations

import click

from orchestrator import render, session, signers
from orchestrator.adapters.agent import one_line
from orchestrator.adapters.signing import fingerprint, key_file
from orchestrator.approval import Held
from orchestrator.workspace import Workspace


@click.group("signers")
def command() -> None:
    """Say whose signature counts at a gate."""


@command.command("add")
@click.argument("key")
@click.option("--name", default="", metavar="NAME", help="Whose it is; else git's user.email.")
@click.option("--with", "own", default="", metavar="FILE", help="The key to sign this with; else the one known here.")
def add(key: str, name: str, own: str) -> None:
    """Let the signature of KEY (a file of ssh-keygen's) count; a signer signs for it, the first one themselves."""
    session.refuse_without_a_terminal()
    with session.writing("signers add", anew=True) as workspace:
        session.refuse_below_a_run(workspace)
        who = session.caller(workspace)
        file = key_file(key)
        new = signers.candidate(workspace, file, name or who.removeprefix("person:"))
        click.echo(f"to be added: {one_line(new.name)}, {fingerprint(new.key)}\n  {new.key}")
        signers.add(workspace, file, new, _held(workspace, own))
        click.echo(f"added {one_line(new.name)}: {fingerprint(new.key)}")


@command.command("revoke")
@click.argument("signer")
@click.option("--with", "own", default="", metavar="FILE", help="The key to sign this with; else the one known here.")
def revoke(signer: str, own: str) -> None:
    """Let SIGNER's key count no longer, from now on; what it signed before stays signed."""
    session.refuse_without_a_terminal()
    with session.writing("signers revoke", anew=True) as workspace:
        session.refuse_below_a_run(workspace)
        gone = signers.revoke(workspace, signer, _held(workspace, own))
        click.echo(f"revoked {one_line(gone.name)}: {fingerprint(gone.key)}")


@command.command("list")
@click.option("--ssh", "as_file", is_flag=True, help="As an allowed-signers file, for a server.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def listed(as_file: bool, as_json: bool) -> None:
    """Show whose signature counts now."""
    with session.reading(anew=True) as workspace:
        found = workspace.world.signers
        if as_json:
            render.json({"signers": found})
        elif as_file:
            click.echo(signers.allowed(found), nl=False)
        elif not found:
            click.echo("nobody: approvals are not signed")
        else:
            for one in found:
                click.echo(one_line(f"{one.name} {one.key}"))


def _held(workspace: Workspace, key: str) -> Held:
    return Held(door="terminal", who=session.caller(workspace), shown=0.0, key=key)
