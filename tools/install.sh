#!/bin/sh
# Installs what the make targets need into this folder: `python` makes .venv from uv.lock, `azurite` makes node_modules
# from package-lock.json with the Node that is in .venv, `azure-cli` makes .venv-azure. Each leaves a mark, so that make knows when it is done.
# `chromium` looks whether there is a browser, and installs Debian's where it may.
set -eu

fail() {
    echo "install: $1" >&2
    exit 1
}

# Prints the name of a Python 3.13 that runs: a shim of pyenv exists for each version, but needn't work.
find_python() {
    for name in python3.13 python3 python; do
        if "$name" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' >/dev/null 2>&1; then
            echo "$name"
            return
        fi
    done
}

install_python() {
    echo "install: Python packages into .venv (about half a minute) ..."
    if command -v uv >/dev/null 2>&1; then
        uv sync --locked --quiet || fail "uv could not install the packages of uv.lock"
    else
        python=$(find_python)
        [ -n "$python" ] || fail "Sluice needs Python 3.13 or uv (https://docs.astral.sh/uv/): neither is on PATH"
        [ -x .venv/bin/python ] || "$python" -m venv .venv || fail "$python can't make a virtual environment (on Debian: apt install python3.13-venv)"
        [ -x .venv/bin/uv ] || .venv/bin/python -m pip install --quiet "uv>=0.13,<0.14" || fail "pip could not install uv"
        .venv/bin/uv sync --locked --quiet || fail "uv could not install the packages of uv.lock"
    fi
    install_command
    touch .venv/.installed
}

# The operator's command. It alone has the project's folder on its path: an app that runs in this environment must not
# find here what isn't deployed with it.
install_command() {
    cat > .venv/bin/sluice <<EOF
#!$PWD/.venv/bin/python
import sys

sys.path.insert(0, "$PWD")
from sluice.__main__ import main

main()
EOF
    chmod +x .venv/bin/sluice
}

install_azurite() {
    echo "install: Azurite into node_modules (about a quarter of a minute) ..."
    PATH="$PWD/.venv/bin:$PATH" npm ci --ignore-scripts --no-audit --no-fund --loglevel error >/dev/null ||
        fail "npm could not install the packages of package-lock.json"
    touch node_modules/.installed
}

install_azure_cli() {
    echo "install: az CLI and Microsoft's resource types into .venv-azure (700 MB, about a minute) ..."
    .venv/bin/uv venv --quiet --allow-existing --python .venv/bin/python .venv-azure &&
        .venv/bin/uv pip install --quiet --python .venv-azure/bin/python -r tools/infra/azure-cli.txt ||
        fail "uv could not install the packages of tools/infra/azure-cli.txt"
    touch .venv-azure/.installed
}

# Chromium isn't installed into this folder: it is a program of the system, and large.
install_chromium() {
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        if command -v "$name" >/dev/null 2>&1; then
            return
        fi
    done
    line="apt-get update && apt-get install -y --no-install-recommends chromium"
    command -v apt-get >/dev/null 2>&1 || fail "the tests of the page need Chromium or Chrome on PATH"
    [ "$(id -u)" = 0 ] || fail "the tests of the page need Chromium; type as root: $line"
    echo "install: Chromium by apt-get (350 MB, about a minute) ..."
    sh -c "$line" >/dev/null 2>&1 || fail "apt-get could not install Chromium; to see why, type: $line"
}

cd "$(dirname "$0")/.."
case "${1-}" in
    python) install_python ;;
    azurite) install_azurite ;;
    azure-cli) install_azure_cli ;;
    chromium) install_chromium ;;
    *) fail "usage: tools/install.sh python|azurite|azure-cli|chromium" ;;
esac
