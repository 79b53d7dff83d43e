"""Letters that only look different: full-width and half-width ones, ligatures, Arabic presentation forms, mathematical
alphabets. A phone's Japanese keyboard writes "ＧＴＸ", a PDF "ﬁt"; both mean the plain letters.

Not all that NFKC folds: "10²" is not "102", and "…" is one sign.
"""

import re
import unicodedata

_FORMS = re.compile(
    "[\uff01-\uff9f\uffe0-\uffe6\ufb00-\ufb06\ufb13-\ufb17\ufb20-\ufb4f\ufb50-\ufdfb\ufe70-\ufefc\U0001d400-\U0001d7ff]+"
)


def plain_forms(text: str) -> str:
    """`text` with these as plain letters, digits and signs (NFKC); all else as it is."""
    if text.isascii() or not _FORMS.search(text):
        return text
    # A half-width voicing mark joins the letter before it, so runs are folded, not single signs.
    return _FORMS.sub(lambda run: unicodedata.normalize("NFKC", run.group()), text)
