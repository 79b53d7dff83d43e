#!/bin/sh
# install-torch.sh PYTHON INDEX: installs torch as its CPU build, before anything else can ask for it.
# On Linux, what the package index calls torch brings 3 GB of CUDA packages; the PyTorch project's own index has a CPU
# build, whose hashes stand in the lock file. Elsewhere the index's torch is the CPU build, and the lock installs it.
set -eu
python=$1 index=$2
cd "$(dirname "$0")/.."

version=$(sed -n 's/^torch==\([^ ]*\).*/\1/p' requirements.lock)
installed=$("$python" -c 'from importlib.metadata import version as v; print(v("torch"))' 2>/dev/null || true)
[ "${installed%+*}" = "$version" ] && exit 0
[ "$(uname -s)" = Linux ] || exit 0

row=$(mktemp)
trap 'rm -f "$row"' EXIT
trap 'exit 130' INT TERM HUP
sed -n '/^torch==/,/[^\\]$/p' requirements.lock | sed "1s/==$version/==$version+cpu/" >"$row"
echo "installing torch $version, CPU build"
"$python" -m pip install -qq --no-deps --require-hashes --retries 0 --timeout 5 --extra-index-url "$index" -r "$row" && exit 0

echo "The CPU build of torch could not be had from TORCH_INDEX ($index)." >&2
echo "Taking the package index's torch instead, which may download about 3 GB; stop now (Ctrl-C) and set TORCH_INDEX to a mirror to avoid that." >&2
"$python" -m pip install "torch==$version"
