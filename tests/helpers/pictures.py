"""Small files of every kind that people attach, and some that only pretend."""

import io
import zipfile
from typing import Any

from PIL import Image


def picture(
    form: str = "PNG", width: int = 40, height: int = 30, colour: Any = (200, 30, 30), **more: Any
) -> bytes:
    """A picture of one colour."""
    out = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(out, form, **more)
    return out.getvalue()


def photograph() -> bytes:
    """A JPEG that lies on its side and tells where it was taken."""
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    exif[0x010E] = "taken at 47.07 N"
    return picture("JPEG", exif=exif)


def office(*names: str) -> bytes:
    """A ZIP with these members, as Word files and workbooks are."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in ("[Content_Types].xml", *names):
            archive.writestr(name, "<x/>")
    return out.getvalue()


DOCX = office("word/document.xml")
XLSX = office("xl/workbook.xml")
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
WEBM = b"\x1a\x45\xdf\xa3" + bytes(range(256)) * 24
