"""Small files made on the spot: a PDF writer that can also write broken ones, and Word files."""

import io
import zipfile
import zlib
from collections.abc import Sequence

import docx
import openpyxl

Line = tuple[float, float, float, str]  # x, y, size, text


def pdf(
    pages: Sequence[Sequence[Line]],
    *,
    bold_from: float = 99,
    catalog: bytes = b"",
    count: int | None = None,
    shared: bool = False,
) -> bytes:
    """A PDF with text at places; sizes from `bold_from` on are bold. `shared`: all pages draw the first one's text."""
    objects: dict[int, bytes] = {
        1: b"<< /Type /Catalog /Pages 2 0 R " + catalog + b" >>",
        3: b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        4: b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold /Encoding /WinAnsiEncoding >>",
    }
    kids, number, first = [], 5, 0
    for lines in pages:
        if not (shared and first):
            content = b"".join(_text(line, bold_from) for line in lines)
            objects[number] = b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content)
            first, number = number, number + 1
        objects[number] = (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] "
            b"/Resources << /Font << /F1 3 0 R /F2 4 0 R >> >> /Contents %d 0 R >>" % first
        )
        kids.append(b"%d 0 R" % number)
        number += 1
    objects[2] = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (b" ".join(kids), count or len(kids))
    return pdf_objects(objects)


def pdf_objects(objects: dict[int, bytes], trailer: bytes = b"") -> bytes:
    """A PDF of these objects with a correct cross-reference table."""
    out = io.BytesIO(b"%PDF-1.7\n")
    out.seek(0, io.SEEK_END)
    places = {}
    for number, body in sorted(objects.items()):
        places[number] = out.tell()
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    start, size = out.tell(), max(objects) + 1
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % size)
    for number in range(1, size):
        out.write(b"%010d 00000 n \n" % places.get(number, 0))
    out.write(b"trailer\n<< /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n" % (size, trailer, start))
    return out.getvalue()


def encrypted_pdf() -> bytes:
    """A PDF that asks for a password."""
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf([[(72, 700, 10, "Secret prices")]]))))
    writer.encrypt("sesame", algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def scanned_pdf() -> bytes:
    """A PDF whose only page is a picture."""
    pixels = zlib.compress(b"\x80" * 100)
    draw = b"q 500 0 0 700 0 0 cm /Im Do Q"
    return pdf_objects(
        {
            1: b"<< /Type /Catalog /Pages 2 0 R >>",
            2: b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            3: b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /XObject << /Im 5 0 R >> >> /Contents 4 0 R >>",
            4: b"<< /Length %d >>\nstream\n%s\nendstream" % (len(draw), draw),
            5: b"<< /Type /XObject /Subtype /Image /Width 10 /Height 10 /ColorSpace /DeviceGray /BitsPerComponent 8 "
            b"/Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream" % (len(pixels), pixels),
        }
    )


def _text(line: Line, bold_from: float) -> bytes:
    x, y, size, text = line
    escaped = text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)").encode("cp1252")
    font = b"F2" if size >= bold_from else b"F1"
    return b"BT /%s %.1f Tf 1 0 0 1 %.1f %.1f Tm (%s) Tj ET\n" % (font, size, x, y, escaped)


def word() -> bytes:
    """A Word file with title, headings, lists and a table, as Word's own styles make them."""
    document = docx.Document()
    document.add_heading("Boot fitting", level=1)
    document.add_paragraph("What to expect.")
    document.add_heading("Booking", level=2)
    document.add_paragraph("Online or by phone.", style="List Bullet")
    document.add_paragraph("Cancel a day before.", style="List Bullet")
    document.add_heading("Steps", level=2)
    document.add_paragraph("Scan both feet.", style="List Number")
    document.add_paragraph("Try three pairs.", style="List Number")
    document.add_heading("Prices", level=2)
    table = document.add_table(rows=3, cols=2)
    for row, cells in zip(
        table.rows, (("Service", "Price"), ("Insole", "€59"), ("Widening", "€25")), strict=True
    ):
        for cell, text in zip(row.cells, cells, strict=True):
            cell.text = text
    return _saved(document)


def _saved(document: "docx.document.Document") -> bytes:
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def zipped(members: Sequence[tuple[str, bytes]]) -> bytes:
    """A ZIP file with these members, names as given."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return out.getvalue()


def word_of(body: bytes, *extra: tuple[str, bytes]) -> bytes:
    """A Word file whose document.xml is `body`."""
    return zipped([("[Content_Types].xml", b"<Types/>"), ("word/document.xml", body), *extra])


def word_xml(inner: bytes) -> bytes:
    """A document.xml around `inner`; the prefix is `w`."""
    space = b"http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    return b'<?xml version="1.0"?><w:document xmlns:w="%s"><w:body>%s</w:body></w:document>' % (space, inner)


def workbook(sheets: dict[str, Sequence[Sequence[object]]], formats: dict[str, str] | None = None) -> bytes:
    """An Excel file; `formats` gives cells of the first sheet a number format, by their names."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(list(row))
    for cell, form in (formats or {}).items():
        book.worksheets[0][cell].number_format = form
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
