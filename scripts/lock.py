"""Writes the lock files, or with --check says whether they still belong to what they were made from.

    lock.py          renew all (needs uv on PATH; `make lock` provides it)
    lock.py --check  compare the checksum in each file's first line; needs no network

Five files, each complete in itself, so that one `pip install --require-hashes -r FILE` is one environment:
requirements.lock (to run), requirements-build.lock (to build the package), requirements-dev.lock (to run, build and
test), tests/litellm/requirements.lock (the proxy used in tests), tests/llama/requirements.lock (what builds
llama.cpp's server). They name no host: pip's own settings say where
packages come from. torch's row carries the hashes of two builds: the one on the index, and the CPU build (listed in
scripts/torch-cpu.sha256), which is the one that gets installed.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
CPU_HASHES = TOP / "scripts" / "torch-cpu.sha256"
ALONE = ("litellm", "llama")  # environments that agree with no other
FIRST_LINE = "# made by `make lock` from {sum}; do not edit"


def plans() -> dict[str, list[str]]:
    """Each lock file and the requirements that go into it."""
    project = tomllib.loads((TOP / "pyproject.toml").read_text())
    run = project["project"]["dependencies"]
    build = project["build-system"]["requires"]
    dev = project["project"]["optional-dependencies"]["dev"]
    alone = {name: (TOP / f"tests/{name}/requirements.in").read_text().splitlines() for name in ALONE}
    return {
        "requirements.lock": run,
        "requirements-build.lock": build,
        "requirements-dev.lock": [*run, *build, *dev],
        **{
            f"tests/{name}/requirements.lock": [line for line in lines if not line.startswith("#")]
            for name, lines in alone.items()
        },
    }


def first_line(requirements: list[str]) -> str:
    torch = tomllib.loads((TOP / "pyproject.toml").read_text())["tool"]["uv"]["dependency-metadata"]
    made_from = json.dumps([sorted(set(requirements)), torch, CPU_HASHES.read_text()], sort_keys=True)
    return FIRST_LINE.format(sum=hashlib.sha256(made_from.encode()).hexdigest())


def with_cpu_build(lock: str) -> str:
    """Adds the CPU build's hashes to torch's row."""
    row = re.search(r"^torch==([^ \n]+).*\n(?:    --hash=.*\n)+", lock, re.MULTILINE)
    if row is None:
        return lock
    version = row.group(1)
    listed = [line.split() for line in CPU_HASHES.read_text().splitlines()]
    hashes = [digest for digest, wheel in listed if wheel.startswith(f"torch-{version}+cpu-")]
    if not hashes:
        sys.exit(
            f"lock.py: scripts/torch-cpu.sha256 has no line for torch {version}; add its CPU wheels' hashes."
        )
    head, *rest = row.group(0).splitlines(keepends=True)
    both = head + "".join(f"    --hash=sha256:{digest} \\\n" for digest in hashes) + "".join(rest)
    return lock.replace(row.group(0), both)


def compile_one(requirements: list[str], agree_with: list[Path]) -> str:
    """One resolution for every system and Python from 3.11 on; versions that other locks chose are kept."""
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder, "wanted.in")
        wanted.write_text("\n".join(requirements) + "\n")
        out = Path(folder, "out.lock")
        command = [
            *("uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11"),
            *("--generate-hashes", "--no-header", "--no-emit-index-url", "--annotation-style", "line"),
            *("--output-file", str(out), str(wanted)),
        ]
        for lock in agree_with:
            command += ["--constraint", str(lock)]
        subprocess.run(command, check=True, cwd=TOP)
        return re.sub(r"    # via .*\n", "", out.read_text())


def renew() -> None:
    written: list[Path] = []
    for name, requirements in plans().items():
        alone = name.startswith("tests/")
        text = with_cpu_build(compile_one(requirements, [] if alone else written))
        if "://" in text:
            sys.exit(f"lock.py: {name} would name a host; nothing was written.")
        path = TOP / name
        path.write_text(first_line(requirements) + "\n" + text)
        written.append(path)
        print(f"{name}: {len(re.findall('^[^ #]', text, re.MULTILINE))} packages")


def check() -> None:
    stale = [
        name
        for name, requirements in plans().items()
        if not (TOP / name).exists()
        or not (TOP / name).read_text().startswith(first_line(requirements) + "\n")
    ]
    if stale:
        sys.exit(f"Out of date: {', '.join(stale)}. Run `make lock` and commit the result.")


if __name__ == "__main__":
    check() if sys.argv[1:] == ["--check"] else renew()
