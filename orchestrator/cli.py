"""The console script: one table of names and help lines; a command is imported only when it runs.

The only place that prints an error and picks an exit status.
"""

from __future__ import annotations

import io
import os
import signal
import sys


def main() -> None:
    """Run the command line and exit with its status."""
    _isolate()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # a parent that ignores it would make every exit status read 0
    _admit_any_name()
    if sys.platform == "win32":
        sys.exit(_say("it runs on Linux and macOS, and on Windows inside WSL", 1))
    sys.exit(_run(sys.argv[1:]))


def _isolate() -> None:
    """Start again with -I where the environment could bring foreign modules in.

    A `json.py` that an agent put on PYTHONPATH must not run in the hands of the person who approves.
    """
    if not sys.flags.isolated and (os.environ.get("PYTHONPATH") or os.environ.get("PYTHONHOME")):
        os.execv(sys.executable, [sys.executable, "-I", "-m", "orchestrator", *sys.argv[1:]])


def _admit_any_name() -> None:
    """Let a file's name that is no text be printed, too, where the encoding is strict: `\\udce9` for byte e9."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


def _run(arguments: list[str]) -> int:
    import click

    from orchestrator.errors import INTERRUPTED, OrchestratorError
    from orchestrator.group import group

    try:
        status = group(arguments, prog_name="orchestrator", standalone_mode=False)
        sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except OrchestratorError as error:
        return _say(f"{error}{f'; {error.hint}' if error.hint else ''}", error.status)
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "orchestrator"
        return _say(f"{error.format_message()} See `{path} --help`.", 2)
    except click.ClickException as error:
        return _say(error.format_message(), error.exit_code)
    except click.exceptions.Exit as error:
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _say("interrupted; the next command goes on from here", INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return _refused_by_the_system(error)
    except Exception:
        return _crashed()


def _refused_by_the_system(error: OSError) -> int:
    """Say in one line what the system refused of a file, or a full or broken disk of any; all else is a bug."""
    from orchestrator.adapters.durable import mend

    hint = mend(error.errno)
    if error.filename is None and not hint:
        return _crashed()
    where = "" if error.filename is None else f"{error.filename}: "
    return _say(f"{where}{error.strerror}; {hint or 'mend that, and call the same command again'}", 1)


def _say(line: str, status: int) -> int:
    sys.stderr.write(f"orchestrator: {line}\n")
    return status


def _crashed() -> int:
    """Say that this is a bug in two lines, the traceback in a file of its own."""
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="orchestrator-crash-", suffix=".txt", delete=False) as file:
        file.write(traceback.format_exc())
    last = traceback.format_exc().strip().splitlines()[-1]
    _say(f"this is a bug: {last}", 1)
    return _say(f"the traceback is in {file.name}; what was recorded stays, and the command can be called again", 1)


if __name__ == "__main__":
    main()
