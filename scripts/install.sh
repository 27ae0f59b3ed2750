#!/usr/bin/env bash
# Makes $VENV and installs the project with the extra named by the first argument ("local" or "dev").
set -euo pipefail
extra="$1"
python="${PYTHON:-python3}"
venv="${VENV:-.venv}"

fail() {
    printf '\n%s\n' "$@" >&2
    exit 1
}

command -v "$python" >/dev/null || fail \
    "Python 3.11 or newer is needed, and '$python' was not found." \
    "  Debian or Ubuntu:  sudo apt-get install python3 python3-venv" \
    "  macOS:             brew install python@3.12" \
    "  elsewhere:         make PYTHON=/path/to/python3 ..."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail \
    "Python 3.11 or newer is needed, '$python' is $("$python" -V 2>&1)." \
    "Name a newer one:  make PYTHON=python3.12 ..."
"$python" -c 'import venv, ensurepip' 2>/dev/null || fail \
    "This Python cannot make virtual environments." \
    "  Debian or Ubuntu:  sudo apt-get install python3-venv"

if [ ! -x "$venv/bin/python" ]; then
    echo "Making $venv ..."
    "$python" -m venv "$venv"
fi
log="$venv/install.log"
: >"$log"

# Runs pip: what it collects is shown on one line, everything else goes to the log, which is shown if it fails.
pip_install() {
    if ! "$venv/bin/python" -m pip --disable-pip-version-check install --progress-bar off "$@" 2>&1 | tee -a "$log" |
        while read -r verb name _; do
            case "$verb" in
                Collecting) printf '\r\033[K  getting %s' "${name%%[<>=!;(]*}" ;;
                Installing) printf '\r\033[K  installing, the last step' ;;
            esac
        done; then
        return 1
    fi
    printf '\r\033[K'
}

echo "Installing into $venv (the first time this takes a minute) ..."
# pocketsphinx from source would need a compiler; silero-vad would bring torch, of which nothing is used here.
pip_install --only-binary=pocketsphinx -e ".[$extra]" || {
    [ "$extra" = local ] && pip_install -e . espeakng-loader || {
        tail -n 20 "$log" >&2
        fail "Installing failed; all that pip said is in $log."
    }
    echo "There is no ready-made speech recogniser for this Python: the agent will understand typed text only." >&2
}
pip_install --no-deps "silero-vad>=5.1" || fail "silero-vad could not be installed; all that pip said is in $log."
if ! ldconfig -p 2>/dev/null | grep -q libflite.so && [ "$(uname)" = Linux ]; then
    echo "For a better voice than espeak:  sudo apt-get install flite"
fi
echo "Installed."
