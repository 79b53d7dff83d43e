#!/bin/sh
# llama-server.sh: builds the llama.cpp server that `make test-llama` runs, into .venv-llama/bin, from pinned sources.
# It compiles for eight to ten minutes on two cores; what is there already is not built again.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
bin=.venv-llama/bin
[ ! -x "$bin/llama-server" ] || exit 0

command -v c++ >/dev/null || {
    echo "llama.cpp is written in C++: install a compiler (Debian: apt-get install g++), then run this again." >&2
    exit 1
}
"$python" -m venv .venv-llama
"$bin/python" -m pip install -qq --require-hashes -r tests/llama/requirements.lock
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
"$bin/python" -m pip download -qq --no-deps --no-binary :all: --no-build-isolation --require-hashes \
    -r tests/llama/source.lock -d "$work"
tar -xzf "$work"/llama_cpp_python-*.tar.gz -C "$work"

# One program that stands alone: no page, no TLS, nothing of this machine's processor that another one lacks.
PATH="$PWD/$bin:$PATH" nice -n 19 cmake -G Ninja -S "$work"/llama_cpp_python-*/vendor/llama.cpp -B "$work/build" \
    -DCMAKE_BUILD_TYPE=MinSizeRel -DBUILD_SHARED_LIBS=OFF -DGGML_NATIVE=OFF -DGGML_OPENMP=OFF \
    -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_APP=OFF -DLLAMA_BUILD_UI=OFF \
    -DLLAMA_USE_PREBUILT_UI=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_NUMBER=1 >"$work/log" 2>&1 || {
    tail -20 "$work/log" >&2
    exit 1
}
echo "compiling llama.cpp's server, about ten minutes …"
nice -n 19 "$bin/ninja" -C "$work/build" llama-server >"$work/log" 2>&1 || {
    tail -20 "$work/log" >&2
    exit 1
}
cp "$work/build/bin/llama-server" "$bin/llama-server"
