"""What an attached file is: its bytes decide, and its name and declared type must agree (T7)."""

import pytest
from tests.helpers.pictures import DOCX, PDF, SVG, WEBM, XLSX, office, picture

from minidesk.errors import Invalid, MinideskError
from minidesk.files.kinds import ATTACHED, VOICE, kind_of

WAV = b"RIFF\x24\x00\x00\x00WAVEfmt "
OFFICE = "application/vnd.openxmlformats-officedocument"


@pytest.mark.parametrize(
    ("name", "declared", "data", "type"),
    [
        ("a.png", "image/png", picture(), "image/png"),
        ("A.JPG", "image/jpeg", picture("JPEG"), "image/jpeg"),
        ("a.webp", "", picture("WEBP"), "image/webp"),
        ("a.gif", "application/octet-stream", picture("GIF"), "image/gif"),
        ("", "image/png", picture(), "image/png"),  # pasted
        ("a.pdf", "application/pdf", PDF, "application/pdf"),
        ("a.docx", f"{OFFICE}.wordprocessingml.document", DOCX, f"{OFFICE}.wordprocessingml.document"),
        ("a.xlsx", f"{OFFICE}.spreadsheetml.sheet", XLSX, f"{OFFICE}.spreadsheetml.sheet"),
        ("a.txt", "text/plain; charset=utf-8", "Größe <b>\n".encode(), "text/plain"),
        ("a.csv", "application/vnd.ms-excel", b"a;b\n1;2\n", "text/csv"),
        ("a.txt", "text/plain", "über".encode("utf-16"), "text/plain"),
    ],
)
def test_what_is_taken(name: str, declared: str, data: bytes, type: str) -> None:
    assert kind_of(name, declared, data).type == type


@pytest.mark.parametrize(
    ("name", "declared", "data", "code"),
    [
        ("a.svg", "image/svg+xml", SVG, "type_not_allowed"),
        ("a.png", "image/png", SVG, "type_mismatch"),
        ("a.txt", "text/plain", SVG, "type_mismatch"),
        ("a.txt", "text/plain", b"\xef\xbb\xbf  <!DOCTYPE html><p>", "type_mismatch"),
        ("a.html", "text/html", b"<p>hello", "type_not_allowed"),
        ("a.png", "image/png", picture("JPEG"), "type_mismatch"),
        ("a.png", "image/jpeg", picture(), "type_mismatch"),
        ("a.png.exe", "image/png", picture(), "type_not_allowed"),
        ("a.exe", "", b"MZ\x90\x00", "type_not_allowed"),
        ("a.txt", "", b"MZ\x90\x00", "type_mismatch"),
        ("a.pdf", "", PDF + office("x"), "type_mismatch"),
        ("a.pdf", "", b"%PDF-1.7 <script>", "type_mismatch"),
        ("a.docx", "", office("word/document.xml", "word/vbaProject.bin"), "type_mismatch"),
        ("a.docx", "", XLSX, "type_mismatch"),
        ("a.zip", "", office("a"), "type_not_allowed"),
        ("a.docx", "", b"PK\x03\x04 no archive", "type_mismatch"),
        ("a.webm", "audio/webm", WEBM, "type_not_allowed"),
        ("a.txt", "text/plain", b" \n\0", "file_empty"),
        ("", "", b"\x7fELF\x02\x01", "type_not_allowed"),
    ],
)
def test_what_is_refused(name: str, declared: str, data: bytes, code: str) -> None:
    with pytest.raises(MinideskError) as refused:
        kind_of(name, declared, data)
    assert refused.value.code == code


def test_sound_is_taken_where_sound_is_asked_for() -> None:
    assert kind_of("voice.webm", "audio/webm;codecs=opus", WEBM, VOICE).type == "audio/webm"
    assert kind_of("voice.wav", "audio/x-wav", WAV, VOICE).type == "audio/wav"
    assert kind_of("voice.m4a", "audio/mp4", b"\0\0\0\x20ftypM4A ", VOICE).type == "audio/mp4"
    assert kind_of("voice.ogg", "audio/ogg", b"OggS\0", VOICE).type == "audio/ogg"
    with pytest.raises(MinideskError):
        kind_of("voice.webm", "audio/webm", picture(), VOICE)
    with pytest.raises(Invalid):
        kind_of("voice.webm", "audio/webm", b"", VOICE)


def test_nothing_that_a_browser_runs_is_on_the_list() -> None:
    types = {kind.type for kind in (*ATTACHED, *VOICE)} | {t for k in (*ATTACHED, *VOICE) for t in k.declared}
    assert not [type for type in types if "svg" in type or "html" in type or type.endswith("/xml")]
