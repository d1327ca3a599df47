#!/usr/bin/env bash
# Makes .venv with Python 3.10 and installs a locked set into it: `requirements/install.sh base` or `... dev`.
# uv is taken from the machine or, where there is none, put into .tools; it finds Python 3.10 or fetches it.
set -euo pipefail
cd "$(dirname "$0")/.."
set_name=$1

say() { printf '%s\n' "$*" >&2; }

find_uv() {
  if command -v uv >/dev/null && uv --version >/dev/null 2>&1; then
    echo uv
  elif [ -x .tools/bin/uv ]; then
    echo .tools/bin/uv
  fi
}

get_uv() {
  local python
  for python in python3 python; do
    if command -v "$python" >/dev/null && "$python" -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null; then
      say "Getting uv ..."
      if "$python" -m pip install --quiet --disable-pip-version-check --prefix .tools --ignore-installed uv 2>.tools.log ||
        "$python" -m pip install --quiet --disable-pip-version-check --break-system-packages --prefix .tools --ignore-installed uv 2>.tools.log ||
        { "$python" -m venv .tools 2>.tools.log && .tools/bin/pip install --quiet uv 2>>.tools.log; }; then
        rm -f .tools.log
        # Debian's pip puts a prefix's programs below local/.
        [ -x .tools/bin/uv ] || ln -s ../local/bin/uv .tools/bin/uv 2>/dev/null || { mkdir -p .tools/bin && ln -s ../local/bin/uv .tools/bin/uv; }
        return
      fi
      cat .tools.log >&2
      rm -f .tools.log
    fi
  done
  say "Could not install uv. Install Python 3 with pip, or uv itself (its documentation says how), and run make again."
  exit 1
}

uv=$(find_uv)
if [ -z "$uv" ]; then
  get_uv
  uv=$(find_uv)
fi

if ! .venv/bin/python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 10))' 2>/dev/null; then
  "$uv" venv --quiet --clear --python 3.10 .venv 2>/dev/null || {
    say "No Python 3.10 on this machine, and it could not be fetched. Install it (pyenv install 3.10, or your distribution's package) and run make again."
    exit 1
  }
fi
say "Installing the $set_name set into .venv (the first time takes a few minutes) ..."
"$uv" pip sync --quiet --require-hashes --python .venv/bin/python "requirements/$set_name.txt"
"$uv" pip install --quiet --no-deps --python .venv/bin/python --editable .
touch .venv/base.stamp ".venv/$set_name.stamp"
