#!/usr/bin/env bash
# Installs the foreign clients of `make test-clients` into .venv-clients: Python ones from a requirements file, and the
# JavaScript ones into .venv-clients/node. Nothing of it touches the project's own environment.
set -euo pipefail
: "${PYTHON:=python3}" "${CLIENTS:=.venv-clients}"
command -v npm >/dev/null || { echo "npm is missing: install Node.js 20 or newer (apt-get install nodejs npm)" >&2; exit 1; }
[ -x "$CLIENTS/bin/python" ] || "$PYTHON" -m venv "$CLIENTS"
"$CLIENTS/bin/python" -m pip install --quiet --quiet --disable-pip-version-check -r tests/clients/requirements.txt
mkdir -p "$CLIENTS/node"
cp tests/clients/package.json tests/clients/package-lock.json "$CLIENTS/node/"
(cd "$CLIENTS/node" && npm ci --no-audit --no-fund --silent)
