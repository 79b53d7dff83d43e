"""The public paths of files that a command names."""

from pathlib import Path

import pytest

from minidesk.knowledge.folder import files_of


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Two folders with a file of the same name each."""
    for name in ("a/x.md", "a/only.md", "b/x.md", "b/deep/x.md", "b/.hidden/x.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"# {name}")
    return tmp_path


def paths(*tops: Path) -> dict[str, str]:
    """Public path → what stands in the file."""
    found = list(files_of(tops))
    assert len({one.path for one in found}) == len(found)  # none replaces another
    return {one.path: one.file.read_text() for one in found}


def test_files_keep_their_names_and_folders_their_tree(tree: Path) -> None:
    assert paths(tree / "a" / "x.md") == {"x.md": "# a/x.md"}
    assert paths(tree / "b") == {"x.md": "# b/x.md", "deep/x.md": "# b/deep/x.md"}


def test_files_of_one_name_are_told_apart_by_their_folders(tree: Path) -> None:
    assert paths(tree / "a" / "x.md", tree / "b" / "x.md") == {"a/x.md": "# a/x.md", "b/x.md": "# b/x.md"}
    assert paths(tree / "a", tree / "b") == {
        "a/x.md": "# a/x.md",
        "only.md": "# a/only.md",
        "b/x.md": "# b/x.md",
        "deep/x.md": "# b/deep/x.md",
    }
    assert paths(tree / "b" / "x.md", tree / "b" / "deep" / "x.md") == {
        "x.md": "# b/x.md",
        "deep/x.md": "# b/deep/x.md",
    }


def test_a_file_named_twice_comes_once(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree)
    assert paths(Path("a/x.md"), tree / "a" / "x.md", Path("a")) == {
        "x.md": "# a/x.md",
        "only.md": "# a/only.md",
    }
