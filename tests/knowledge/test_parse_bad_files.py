"""Files that are broken, hostile or not what they say: each has its code and sentence, and only the child suffers."""

import asyncio
import io
import os
import zipfile
import zlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from tests.helpers.documents import (
    encrypted_pdf,
    pdf,
    pdf_objects,
    scanned_pdf,
    word_of,
    word_xml,
    workbook,
    zipped,
)

from minidesk.errors import DocumentProblem, MinideskError, TooLarge, WrongType
from minidesk.knowledge.parse import ParserPool
from minidesk.knowledge.records import ParsedDocument
from minidesk.settings import load_settings

GOOD = b"# Good\n\nThis file is fine."
TEXT = [(72.0, 700.0, 10.0, "Some words that can be read")]
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600
CT = b"<Types/>"
PARAGRAPH = b"<w:p><w:r><w:t>Hello</w:t></w:r></w:p>"
LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "lol">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + i, b"&%c;" % (97 + i) * 10) for i in range(9))
    + b']><w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>&j;</w:t></w:r></w:p></w:body></w:document>'
)
EXTERNAL = (
    LAUGHS.split(b"[")[0]
    + b'[<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    + word_xml(PARAGRAPH).split(b"?>")[1]
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool() -> AsyncIterator[ParserPool]:
    """One warm child for the whole file: a poisoned one would fail the tests behind it."""
    made = ParserPool(load_settings(parse_seconds=30, parse_memory_mb=512, document_max_bytes=60_000_000))
    yield made
    await made.close()


def stream_pdf(data: bytes, unpacked: bytes | None = None) -> bytes:
    """A PDF whose page is one packed stream."""
    packed = zlib.compress(unpacked) if unpacked is not None else data
    return pdf_objects(
        {
            1: b"<< /Type /Catalog /Pages 2 0 R >>",
            2: b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            3: b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R >>",
            4: b"<< /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream" % (len(packed), packed),
        }
    )


def loop_pdf() -> bytes:
    """A page tree that contains itself."""
    return pdf_objects(
        {
            1: b"<< /Type /Catalog /Pages 2 0 R >>",
            2: b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            3: b"<< /Type /Pages /Kids [2 0 R] /Count 1 /Parent 2 0 R >>",
        }
    )


def lying_zip() -> bytes:
    """A Word file whose directory claims that its 60 MB member is tiny."""
    data = bytearray(word_of(word_xml(b"<w:p/>" + b" " * 60_000_000)))
    at = data.rfind(b"PK\x01\x02")
    data[at + 24 : at + 28] = (100).to_bytes(4, "little")
    return bytes(data)


def broken_crc() -> bytes:
    data = bytearray(word_of(word_xml(PARAGRAPH)))
    at = data.rfind(b"PK\x01\x02")
    data[at + 16 : at + 20] = b"\x00\x01\x02\x03"
    return bytes(data)


def book_of(body: bytes, *extra: tuple[str, bytes]) -> bytes:
    """An Excel file whose book is `body`."""
    return zipped([("[Content_Types].xml", CT), ("xl/workbook.xml", body), *extra])


def spoiled_book(before: bytes) -> bytes:
    """An Excel file with `before` at the start of its sheet."""
    with zipfile.ZipFile(io.BytesIO(workbook({"A": [["a", "b"], ["c", "d"]]}))) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    return zipped(
        [(name, before + data if name.startswith("xl/worksheets") else data) for name, data in members]
    )


def far_book(cell: str = "A1048576") -> bytes:
    """An Excel file with a cell at the end of the world."""
    data = workbook({"A": [["Name", "Price"], ["x", "y"], ["far", "away"]]})
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    row = int(cell.lstrip("AXFD"))
    moved = b'r="%d"' % row, b'r="%s"' % cell.encode()
    return zipped(
        [
            (
                name,
                part.replace(b'<row r="3"', b"<row " + moved[0]).replace(b'r="A3"', moved[1])
                if row > 3
                else part.replace(b'r="B2"', moved[1]),
            )
            if name.startswith("xl/worksheets")
            else (name, part)
            for name, part in members
        ]
    )


def protected_zip() -> bytes:
    """An archive that says it is encrypted."""
    data = bytearray(zipped([("a.txt", b"words")]))
    data[data.rfind(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


BAD: list[tuple[str, str, Callable[[], bytes], str]] = [
    ("empty", "a.md", lambda: b"", "file_empty"),
    ("only spaces", "a.txt", lambda: b" \n\t\n", "file_empty"),
    ("only front matter", "a.md", lambda: b"---\ntitle: A\n---\n", "file_empty"),
    ("page without words", "a.html", lambda: b"<html><body><script>x()</script></body></html>", "file_empty"),
    # what it says it is
    ("program", "a.exe", lambda: b"MZ\x90\x00", "type_not_allowed"),
    ("double ending", "x.pdf.exe", lambda: pdf([TEXT]), "type_not_allowed"),
    ("hidden file", ".htaccess", lambda: b"Deny from all", "type_not_allowed"),
    ("no ending", "README", lambda: b"words", "type_not_allowed"),
    ("macro file", "a.docm", lambda: word_of(word_xml(PARAGRAPH)), "type_not_allowed"),
    ("picture", "a.svg", lambda: b"<svg onload='x()'/>", "type_not_allowed"),
    ("program as text", "a.txt", lambda: b"MZ\x90\x00" * 10, "type_mismatch"),
    ("picture as Markdown", "a.md", lambda: b"\x89PNG\r\n\x1a\n" + b"\x00" * 50, "type_mismatch"),
    ("page as Markdown", "a.md", lambda: b"<!DOCTYPE html><html><body>x</body></html>", "type_mismatch"),
    ("page as PDF", "a.pdf", lambda: b"<html><body>%PDF-1.7</body></html>", "type_mismatch"),
    ("PDF as page", "a.html", lambda: pdf([TEXT]), "type_mismatch"),
    ("PDF and page in one", "a.pdf", lambda: pdf([TEXT]).replace(b"%PDF-1.7\n", b"%PDF-1.7\n%<html><script>x()</script>\n"), "type_mismatch"),
    ("PDF and ZIP in one", "a.pdf", lambda: pdf([TEXT]) + zipped([("a", b"b")]), "type_mismatch"),
    ("text as PDF", "a.pdf", lambda: b"just words", "type_mismatch"),
    ("text as Word", "a.docx", lambda: b"just words", "type_mismatch"),
    ("other ZIP as Word", "a.docx", lambda: zipped([("a.txt", b"b")]), "type_mismatch"),
    ("Word file with macros", "a.docx", lambda: word_of(word_xml(PARAGRAPH), ("word/vbaProject.bin", b"x")), "type_mismatch"),
    ("text as JSONL", "a.jsonl", lambda: b"just words", "type_mismatch"),
    # encodings
    ("nested divs", "a.html", lambda: b"<html><body>" + b"<div>" * 100_000 + b"deep words", "file_empty|document_too_complex"),
    ("no text in any encoding", "a.txt", lambda: bytes(range(1, 32)) * 40 + b"\x81\x8d\x8f\x90\x9d", "encoding_unknown"),
    ("UTF-16 cut in the middle", "a.csv", lambda: "a,b\nc,d".encode("utf-16")[:-1], "encoding_unknown"),
    # PDF
    ("protected PDF", "a.pdf", encrypted_pdf, "document_encrypted"),
    ("scan", "a.pdf", scanned_pdf, "document_has_no_text"),
    ("truncated PDF", "a.pdf", lambda: b"%PDF-1.7\n1 0 obj\n<< /Type /Cat", "document_unreadable"),
    ("PDF without pages", "a.pdf", lambda: pdf_objects({1: b"<< /Type /Catalog >>"}), "document_unreadable|document_has_no_text"),
    ("page tree that loops", "a.pdf", loop_pdf, "document_unreadable|document_has_no_text"),
    ("claimed pages", "a.pdf", lambda: pdf([TEXT], count=10**9), ""),
    ("10,000 pages on one stream", "a.pdf", lambda: pdf([TEXT * 20] * 10_000, shared=True), "document_too_complex"),
    ("69 MB in a stream of 167 KB", "a.pdf", lambda: stream_pdf(b"", b"q Q " * 17_000_000), "document_too_complex|document_has_no_text"),
    ("damaged stream", "a.pdf", lambda: stream_pdf(b"\x00" * 200), "document_has_no_text"),
    # Word
    ("protected or old Word file", "a.docx", lambda: OLE, "document_encrypted"),
    ("billion laughs", "a.docx", lambda: word_of(LAUGHS), "document_unreadable"),
    ("entity that reads a file", "a.docx", lambda: word_of(EXTERNAL), "document_unreadable"),
    ("400 MB member", "a.docx", lambda: word_of(word_xml(b"<w:p/>" + b" " * 400_000_000)), "document_too_complex"),
    ("directory that lies", "a.docx", lying_zip, "document_too_complex|document_unreadable"),
    ("3,000 members", "a.docx", lambda: word_of(word_xml(PARAGRAPH), *((f"m{n}", b"") for n in range(3000))), "document_too_complex"),
    ("no document inside", "a.docx", lambda: zipped([("[Content_Types].xml", CT), ("word/styles.xml", b"<a/>")]), "document_unreadable"),
    ("no XML inside", "a.docx", lambda: word_of(b"\x00\x01\x02"), "document_unreadable"),
    ("wrong checksum", "a.docx", broken_crc, "document_unreadable"),
    ("100,000 levels", "a.docx", lambda: word_of(word_xml(b"<w:p>" * 100_000 + b"</w:p>" * 100_000)), "document_unreadable|document_too_complex"),
    ("cut off", "a.docx", lambda: word_of(word_xml(PARAGRAPH))[:-40], "document_unreadable"),
    ("no words", "a.docx", lambda: word_of(word_xml(b"<w:p/>")), "document_has_no_text"),
    # sheets
    ("too many columns", "a.csv", lambda: b",".join(b"c%d" % n for n in range(1000)) + b"\n1\n", "document_too_complex"),
    ("too many rows", "a.csv", lambda: b"question,answer\n" + b"a?,b\n" * 200_002, "document_too_complex"),
    ("a million columns", "a.csv", lambda: b"a,b\n" + b"," * 1_000_000, ""),
    ("protected or old Excel file", "a.xlsx", lambda: OLE, "document_encrypted"),
    ("Excel file with macros", "a.xlsx", lambda: book_of(b"<x/>", ("xl/vbaProject.bin", b"x")), "type_mismatch"),
    ("Word file as Excel", "a.xlsx", lambda: word_of(word_xml(PARAGRAPH)), "type_mismatch"),
    ("Excel file without a book", "a.xlsx", lambda: zipped([("[Content_Types].xml", CT), ("xl/styles.xml", b"<a/>")]), "document_unreadable"),
    ("Excel file of nonsense", "a.xlsx", lambda: book_of(b"\x00\x01"), "document_unreadable"),
    ("billion laughs in a sheet", "a.xlsx", lambda: spoiled_book(LAUGHS.split(b"<w:document")[0]), "document_unreadable"),
    ("400 MB sheet", "a.xlsx", lambda: book_of(b"<x/>" + b" " * 400_000_000), "document_too_complex"),
    ("empty Excel file", "a.xlsx", lambda: workbook({"A": []}), "document_has_no_text"),
    ("cut-off Excel file", "a.xlsx", lambda: workbook({"A": [["a"]]})[:-40], "document_unreadable"),
    # JSON
    ("text as JSON", "a.json", lambda: b"just words", "type_mismatch"),
    ("JSON cut off", "a.json", lambda: b'[{"id": 1, "text": "a"}', "document_unreadable"),
    ("JSON 100,000 levels deep", "a.json", lambda: b"[" * 100_000, "document_unreadable|document_too_complex"),
    ("JSON without a list", "a.json", lambda: b'{"a": 1}', "document_unreadable"),
    ("JSON of nothing", "a.json", lambda: b"[]", "file_empty"),
    # archives
    ("text as archive", "a.zip", lambda: b"just words", "type_mismatch"),
    ("archive of nothing", "a.zip", lambda: zipped([]), "file_empty"),
    ("archive cut off", "a.zip", lambda: zipped([("a.txt", b"words")])[:-10], "document_unreadable"),
    ("protected archive", "a.zip", protected_zip, "document_encrypted"),
    ("400 MB in an archive", "a.zip", lambda: zipped([("a.txt", b" " * 400_000_000)]), "document_too_complex"),
    ("3,000 members in an archive", "a.zip", lambda: zipped([(f"m{n}.txt", b"x") for n in range(3000)]), "document_too_complex"),
    ("too much text in an archive", "a.zip", lambda: zipped([(f"{n}.txt", b"%d " % n * 400_000) for n in range(10, 20)]), "document_too_complex"),
    ("too much text", "a.txt", lambda: b"word " * 1_200_000, "document_too_complex"),
]  # fmt: skip


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("name", "make", "codes"), [pytest.param(*case[1:], id=case[0]) for case in BAD])
async def test_bad_files(
    pool: ParserPool, tmp_path: Path, name: str, make: Callable[[], bytes], codes: str
) -> None:
    bad, good = tmp_path / "bad", tmp_path / "good"
    bad.write_bytes(make())
    good.write_bytes(GOOD)
    if codes:
        with pytest.raises(MinideskError) as caught:
            await pool.parse(bad, name, None)
        assert caught.value.code in codes.split("|")
        assert type(caught.value) is (WrongType if caught.value.code.startswith("type_") else DocumentProblem)
        assert caught.value.message.endswith(".")
        assert str(tmp_path) not in caught.value.message
    else:
        await pool.parse(bad, name, None)
    (document,) = await pool.parse(good, "good.md", None)  # the poison did not reach the next file
    assert isinstance(document, ParsedDocument)
    assert document.text == "This file is fine."


HARD: list[tuple[str, str, Callable[[], bytes]]] = [
    ("10 MB on one line", "a.txt", lambda: b"word " * 900_000),
    ("Markdown on one line", "a.md", lambda: b"word *x* " * 400_000),
    ("nested quotes", "a.md", lambda: b">" * 100_000 + b" x"),
    ("nested brackets", "a.md", lambda: b"[" * 100_000 + b"x"),
    ("nested lists", "a.md", lambda: b"".join(b" " * n + b"- x\n" for n in range(400))),
    ("reference bomb", "a.md", lambda: b"".join(b"[r%d]: /u\n" % n for n in range(5000)) + b"[r1] " * 5000),
    ("YAML bomb", "a.md", lambda: b"---\na: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n---\n# T\n\nText"),
    ("unclosed links", "a.html", lambda: b"<html><body><p>x</p>" + b"<a " * 100_000),
    ("charset that lies", "a.html", lambda: '<html><head><meta charset="utf-8"></head><body><p>Wörgl</p></body></html>'.encode("latin-1")),
    ("quotes that do not close", "a.csv", lambda: b"question,answer\n" + b'a?,"b\n' * 150 + b"c?,d\n"),
    ("mixed delimiters", "a.csv", lambda: b"question;answer\na, b?;c, d\ne?,f;g\n"),
    ("nested divs, fewer", "a.html", lambda: b"<html><body>" + b"<div>" * 200 + b"deep words"),
    ("JavaScript and launch actions", "a.pdf", lambda: pdf([TEXT], catalog=b"/OpenAction << /S /JavaScript /JS (app.alert\\(1\\)) >> /AA << /WC << /S /Launch /F (cmd.exe) >> >>")),
    ("100,000 text operators", "a.pdf", lambda: pdf([[(30 + 18 * (n % 30), 820 - 1.2 * (n // 30), 2, f"word{n % 997}") for n in range(20_000)]])),
    ("last row of a sheet", "a.xlsx", far_book),
    ("a sheet that claims a million columns", "a.xlsx", lambda: far_book("XFD1")),
    ("members that lie and climb", "a.zip", lambda: zipped([("../../x.txt", b"words"), ("a\\b.md", b"# A\n\nwords"), ("bad.docx", lying_zip())])),
    ("path in a member's name", "a.docx", lambda: word_of(word_xml(PARAGRAPH), ("../../../tmp/evil.txt", b"x"))),
]  # fmt: skip


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("name", "make"), [pytest.param(*case[1:], id=case[0]) for case in HARD])
async def test_hard_files_are_read_in_time(
    pool: ParserPool, tmp_path: Path, name: str, make: Callable[[], bytes]
) -> None:
    path = tmp_path / "file"
    path.write_bytes(make())
    found = await pool.parse(path, name, None)  # the pool's clock is the limit
    text = " ".join(item.text for item in found if isinstance(item, ParsedDocument))
    assert text
    assert "alert" not in text
    assert "�" not in text


@pytest.mark.parametrize(
    ("name", "declared", "fits"),
    [
        ("a.md", "text/markdown", True),
        ("a.md", "application/octet-stream", True),
        ("a.csv", "application/vnd.ms-excel", True),
        ("a.md", "text/html; charset=utf-8", False),
        ("a.md", "image/png", False),
        ("a", "text/markdown", True),
    ],
)
async def test_declared_types_have_to_agree(tmp_path: Path, name: str, declared: str, fits: bool) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"question,answer\na?,b\n")
    pool = ParserPool(load_settings())
    try:
        if fits:
            assert await pool.parse(path, name, declared)
        else:
            with pytest.raises(WrongType) as caught:
                await pool.parse(path, name, declared)
            assert caught.value.code == "type_mismatch"
    finally:
        await pool.close()


async def test_a_file_above_the_limit_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 2000)
    pool = ParserPool(load_settings(document_max_bytes=1000))
    with pytest.raises(TooLarge):
        await pool.parse(path, "a.txt", None)
    await pool.close()


async def test_a_child_that_hangs_is_killed_and_replaced(tmp_path: Path) -> None:
    fifo, good = tmp_path / "fifo", tmp_path / "good"
    os.mkfifo(fifo)  # opening it blocks for ever, as a parser in an endless loop would
    good.write_bytes(GOOD)
    pool = ParserPool(load_settings(parse_seconds=4))
    try:
        with pytest.raises(DocumentProblem) as caught:
            await pool.parse(fifo, "a.md", None)
        assert caught.value.code == "document_too_complex"
        assert await pool.parse(good, "good.md", None)
    finally:
        await pool.close()


async def test_a_child_that_dies_is_replaced(tmp_path: Path) -> None:
    good = tmp_path / "good"
    good.write_bytes(GOOD)
    pool = ParserPool(load_settings())
    try:
        await pool.parse(good, "good.md", None)
        assert pool._child
        first = pool._child.pid
        os.kill(first, 9)
        await pool._child.wait()
        assert await pool.parse(good, "good.md", None)
        assert pool._child.pid != first
    finally:
        await pool.close()


async def test_a_cancelled_file_does_not_answer_for_the_next(tmp_path: Path) -> None:
    slow, good = tmp_path / "slow", tmp_path / "good"
    slow.write_bytes(b"word *x* " * 400_000)
    good.write_bytes(GOOD)
    pool = ParserPool(load_settings())
    try:
        await pool.parse(good, "good.md", None)
        task = asyncio.create_task(pool.parse(slow, "slow.md", None))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        (document,) = await pool.parse(good, "good.md", None)
        assert isinstance(document, ParsedDocument)
        assert document.title == "Good"
    finally:
        await pool.close()
