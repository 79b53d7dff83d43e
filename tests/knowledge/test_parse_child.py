"""The child process: what it may load and what it may not do."""

import os
import subprocess
import sys
from pathlib import Path

import minidesk

SOURCE = str(Path(minidesk.__file__).parents[1])


def run_in_child(code: str) -> str:
    """What `code` prints in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": SOURCE},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_the_child_loads_nothing_heavy() -> None:
    heavy = "{'numpy', 'torch', 'chromadb', 'sqlalchemy', 'onnxruntime', 'tantivy', 'pydantic', 'trafilatura', 'pypdfium2', 'asyncio'}"
    assert (
        run_in_child(f"import sys, minidesk.knowledge.parse.child; print(sorted({heavy} & set(sys.modules)))")
        == "[]"
    )


def test_the_child_cannot_write_files_or_use_much_memory(tmp_path: Path) -> None:
    code = f"""
import minidesk.knowledge.parse.child as child, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
child.restrict(300)
try:
    with open({str(tmp_path / "out")!r}, "wb", buffering=0) as file:
        file.write(b"x")
    print("written")
except OSError as error:
    print(error.errno)
try:
    bytearray(400 << 20)
    print("taken")
except MemoryError:
    print("refused")
"""
    assert run_in_child(code).split() == ["27", "refused"]


def test_the_package_door_is_thin() -> None:
    heavy = "{'numpy', 'torch', 'chromadb', 'sqlalchemy', 'onnxruntime', 'tantivy', 'lxml'}"
    assert run_in_child(f"import sys, minidesk.knowledge; print(sorted({heavy} & set(sys.modules)))") == "[]"
