"""Pictures from outside: decoded within bounds and written anew, so that nothing but pixels is kept (T8).

The only file that names Pillow. All of it is CPU work: call it off the event loop.
"""

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from minidesk.errors import Invalid, TooLarge

if TYPE_CHECKING:
    from PIL.Image import Image

# 12,000 × 12,000 pixels decode to 432 MB and are only worth a warning to Pillow; a screen's picture has 8 million.
MAX_PIXELS = 25_000_000
# Longest side for a model: text of a screenshot can still be read, and no provider counts more for a larger one.
MODEL_SIDE = 1024
_MODEL_QUALITY = 80
_QUALITY = 88
# Beside a name of 16 pixels, on a screen with three of its own for each.
PORTRAIT_SIDE, PORTRAIT_TYPE = 108, "image/webp"
_FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP", "image/gif": "GIF"}


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as we wrote it; `width` and `height` in pixels."""

    data: bytes
    type: str
    width: int
    height: int


def clean_picture(data: bytes, type: str, max_pixels: int = MAX_PIXELS) -> Picture:
    """The picture written anew: upright, without EXIF, comments, profiles or what stands behind its end.

    Of a GIF the first picture is kept, as PNG. Raises TooLarge above `max_pixels`, and Invalid `picture_unreadable`.
    """
    with _opened(data, type, max_pixels) as image:
        form = "PNG" if type == "image/gif" else _FORMATS[type]
        drawn = _upright(image, alpha=form != "JPEG")
    out = io.BytesIO()
    # Pillow's usual 6 takes twice as long for a photograph and saves next to nothing.
    drawn.save(out, form, **({"compress_level": 4} if form == "PNG" else {"quality": _QUALITY}))
    return Picture(out.getvalue(), f"image/{form.lower()}", drawn.width, drawn.height)


def for_model(data: bytes, type: str, max_pixels: int = MAX_PIXELS) -> bytes:
    """A JPEG whose longest side has at most `MODEL_SIDE` pixels. Raises as `clean_picture` does."""
    from PIL import Image

    with _opened(data, type, max_pixels) as image:
        drawn = _upright(image, alpha=True)
    drawn.thumbnail((MODEL_SIDE, MODEL_SIDE), Image.Resampling.LANCZOS)
    if drawn.mode == "RGBA":  # what is transparent would turn black, and black text on it vanish
        drawn = Image.alpha_composite(Image.new("RGBA", drawn.size, "white"), drawn)
    out = io.BytesIO()
    drawn.convert("RGB").save(out, "JPEG", quality=_MODEL_QUALITY)
    return out.getvalue()


def portrait(data: bytes, type: str, max_pixels: int = MAX_PIXELS) -> bytes:
    """A face of `PORTRAIT_SIDE` pixels, cut to a square from its middle, as `PORTRAIT_TYPE`. Raises as `clean_picture` does."""
    from PIL import Image, ImageOps

    if type not in _FORMATS:
        raise _unreadable()
    with _opened(data, type, max_pixels) as image:
        drawn = _upright(image, alpha=True)
    cut = ImageOps.fit(drawn, (PORTRAIT_SIDE, PORTRAIT_SIDE), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    cut.save(out, "WEBP", quality=_MODEL_QUALITY)
    return out.getvalue()


def _opened(data: bytes, type: str, max_pixels: int) -> "Image":
    """The first picture, decoded. Only the decoder of `type` is let near the bytes."""
    from PIL import Image

    try:
        image = Image.open(io.BytesIO(data), formats=[_FORMATS[type]])
        if image.width * image.height > max_pixels:
            raise _too_many(max_pixels)
        image.load()
    except TooLarge:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many(max_pixels) from error
    except Exception as error:  # a decoder meets broken bytes with errors of a dozen kinds
        raise _unreadable() from error
    return image


def _unreadable() -> Invalid:
    return Invalid(
        "This picture cannot be read. Open it, save it again, and send that copy.", code="picture_unreadable"
    )


def _too_many(max_pixels: int) -> TooLarge:
    return TooLarge(
        f"This picture has more than {max_pixels // 1_000_000} million pixels. Make it smaller, and send it again.",
        code="picture_too_large",
    )


def _upright(image: "Image", *, alpha: bool) -> "Image":
    """Turned as the camera meant it, in RGB or, where something is transparent, RGBA; without anything else."""
    from PIL import Image, ImageOps

    turned = ImageOps.exif_transpose(image)
    clear = alpha and turned.has_transparency_data
    drawn = turned.convert("RGBA" if clear else "RGB")
    # `convert` hands on what stood beside the pixels, and saving would write some of it.
    plain = Image.new(drawn.mode, drawn.size)
    plain.paste(drawn)
    return plain
