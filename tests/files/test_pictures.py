"""Pictures from outside: bounded before they are decoded, and written anew."""

import io

import pytest
from PIL import Image
from tests.helpers.pictures import SVG, photograph, picture

from minidesk.errors import Invalid, TooLarge
from minidesk.files.pictures import MODEL_SIDE, clean_picture, for_model


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def test_a_photograph_is_upright_and_says_nothing_of_its_place() -> None:
    clean = clean_picture(photograph(), "image/jpeg")
    assert (clean.width, clean.height, clean.type) == (30, 40, "image/jpeg")
    assert b"47.07" not in clean.data
    assert not opened(clean.data).getexif()


def test_what_stands_behind_the_end_is_gone() -> None:
    clean = clean_picture(picture() + SVG, "image/png")
    assert b"script" not in clean.data
    assert opened(clean.data).getpixel((0, 0)) == (200, 30, 30)


def test_of_a_moving_picture_the_first_one_is_kept() -> None:
    frames = [Image.new("P", (8, 8), n) for n in range(1, 30)]
    out = io.BytesIO()
    Image.new("P", (8, 8), 0).save(out, "GIF", save_all=True, append_images=frames)
    clean = clean_picture(out.getvalue(), "image/gif")
    assert clean.type == "image/png"
    assert getattr(opened(clean.data), "n_frames", 1) == 1


def test_what_is_transparent_stays_so_and_is_white_for_a_model() -> None:
    out = io.BytesIO()
    Image.new("RGBA", (20, 10), (0, 0, 0, 0)).save(out, "PNG")
    assert opened(clean_picture(out.getvalue(), "image/png").data).getpixel((0, 0)) == (0, 0, 0, 0)
    shown = opened(for_model(out.getvalue(), "image/png")).getpixel((0, 0))
    assert isinstance(shown, tuple)
    assert min(shown) > 250


def test_a_model_gets_a_small_one() -> None:
    small = opened(for_model(picture(width=3000, height=1500), "image/png"))
    assert (small.format, small.size) == ("JPEG", (MODEL_SIDE, MODEL_SIDE // 2))
    assert opened(for_model(picture(), "image/png")).size == (40, 30)  # and none is made larger


@pytest.mark.parametrize("side", [6000, 12_000, 20_000])
def test_a_bomb_is_not_decoded(side: int) -> None:
    out = io.BytesIO()
    Image.new("1", (side, side)).save(out, "PNG")
    assert len(out.getvalue()) < 100_000
    with pytest.raises(TooLarge) as refused:
        clean_picture(out.getvalue(), "image/png")
    assert refused.value.code == "picture_too_large"


@pytest.mark.parametrize(
    "data", [picture()[:60], b"\x89PNG\r\n\x1a\n" + bytes(100), SVG, picture("JPEG"), b""]
)
def test_what_cannot_be_read_says_so(data: bytes) -> None:
    with pytest.raises(Invalid) as refused:
        clean_picture(data, "image/png")
    assert refused.value.code == "picture_unreadable"
