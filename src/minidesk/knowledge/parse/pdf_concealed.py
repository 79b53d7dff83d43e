"""Text of a PDF's page that nobody who looks at it sees: beside the page, without ink, white on white (T18)."""

import ctypes
from typing import Any

from minidesk.knowledge.parse.concealed import alike

_WHITE = (255, 255, 255)
# Of 255: ink that nobody sees.
_CLEAR = 12
_NO_INK = (3, 7)  # FPDF_TEXTRENDERMODE_INVISIBLE and _CLIP: drawn by neither stroke nor fill
# Objects of a page that are looked at; one with more is a drawing, and what is white there may stand on it.
_OBJECTS = 3_000
_DEPTH = 3  # of forms within forms

Place = tuple[float, float, float, float]  # left, bottom, right, top


class PageSight:
    """What of one page can be seen."""

    def __init__(self, page: Any, text_page: Any) -> None:
        self._page, self._text = page, text_page
        self._box: Place = page.get_bbox()
        self._grounds: list[Place] | None = None
        self._scanned: bool | None = None
        self.concealed = 0

    def shows(self, place: Place, at: int) -> bool:
        """Whether the text at this place is seen; `at` is the index of one of its letters, less than 0 for none."""
        seen = self._shows(place, at)
        self.concealed += not seen
        return seen

    def _shows(self, place: Place, at: int) -> bool:
        left, bottom, right, top = place
        if right < self._box[0] or left > self._box[2] or top < self._box[1] or bottom > self._box[3]:
            return False
        if at < 0:
            return True
        if self._inkless(at):
            # Recognised text lies unseen over the picture of its page.
            return self._stands_on_something(place)
        ink = self._ink(at)
        return not (ink is not None and alike(ink, _WHITE)) or self._stands_on_something(place)

    def _inkless(self, at: int) -> bool:
        from pypdfium2 import raw

        drawn = raw.FPDFText_GetTextObject(self._text.raw, at)
        return bool(drawn) and raw.FPDFTextObj_GetTextRenderMode(drawn) in _NO_INK

    def _ink(self, at: int) -> tuple[int, int, int] | None:
        """Clear ink counts as white."""
        from pypdfium2 import raw

        parts = [ctypes.c_uint() for _ in range(4)]
        if not raw.FPDFText_GetFillColor(self._text.raw, at, *parts):
            return None
        red, green, blue, alpha = (part.value for part in parts)
        return _WHITE if alpha <= _CLEAR else (red, green, blue)

    def _stands_on_something(self, place: Place) -> bool:
        """Whether a picture or a drawn shape lies where the middle of the text is."""
        if self._grounds is None:
            self._grounds = self._others()
        x, y = (place[0] + place[2]) / 2, (place[1] + place[3]) / 2
        return any(left <= x <= right and bottom <= y <= top for left, bottom, right, top in self._grounds)

    def _others(self) -> list[Place]:
        import pypdfium2
        from pypdfium2 import raw

        found: list[Place] = []
        drawn = (raw.FPDF_PAGEOBJ_PATH, raw.FPDF_PAGEOBJ_IMAGE, raw.FPDF_PAGEOBJ_SHADING)
        for count, each in enumerate(self._page.get_objects(filter=drawn, max_depth=_DEPTH)):
            if count >= _OBJECTS:
                return [self._box]
            try:
                if each.type == raw.FPDF_PAGEOBJ_PATH and alike(_fill(each), _WHITE):
                    continue  # the paper itself, as some programs draw it
                # Within a form its places are the form's own: then it may lie anywhere.
                found.append(self._box if each.container is not None else each.get_bounds())
            except pypdfium2.PdfiumError:
                continue
        return found


def _fill(drawn: Any) -> tuple[int, int, int] | None:
    from pypdfium2 import raw

    parts = [ctypes.c_uint() for _ in range(4)]
    if not raw.FPDFPageObj_GetFillColor(drawn.raw, *parts):
        return None
    return parts[0].value, parts[1].value, parts[2].value
