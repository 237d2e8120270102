#!/bin/sh
# Makes the virtual environment VENV with the kit and its test tools: by uv where it is there and works, else by pip.
set -eu
venv=$1 python=$2

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
    echo "python 3.11 or newer is needed; $python is not: make PYTHON=/path/to/python3.12" >&2
    exit 1
}
started=$(mktemp)
trap 'rm -f "$started"' EXIT

by_uv() {
    command -v uv >/dev/null 2>&1 || return 1
    echo "installing into $venv with uv ..."
    uv venv --quiet --allow-existing --python "$python" "$venv" &&
        uv pip install --quiet --python "$venv/bin/python" -e '.[test,check]'
}

by_pip() {
    echo "installing into $venv with pip (a minute or so the first time) ..."
    [ -x "$venv/bin/pip" ] || "$python" -m venv "$venv" || {
        echo "$python -m venv failed; on Debian or Ubuntu: apt install python3-venv" >&2
        return 1
    }
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -e '.[test,check]' 2>"$started" || {
        cat "$started" >&2
        return 1
    }
}

by_uv || by_pip
"$venv/bin/python" -m compileall -q "$venv"/lib/python*/site-packages orchestrator >/dev/null 2>&1 || true
touch "$venv/.installed"
