from __future__ import annotations

import struct
import zlib
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from core.interventions import PHOTO_BYTES_MAX, PictureRefused
from services.photos import taken_picture


def written(image: Image.Image, form: str, **how: object) -> bytes:
    file = BytesIO()
    image.save(file, form, **how)
    return file.getvalue()


def opened(content: bytes) -> Image.Image:
    return Image.open(BytesIO(content))


def huge_png(side: int) -> bytes:
    """Return a PNG of a few hundred bytes that says it is ``side`` pixels a side."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_pictures_are_bounded_and_written_anew(form: str) -> None:
    found = taken_picture(written(Image.new("RGB", (3_000, 1_500), "red"), form))
    assert (found.media_type, found.width, found.height) == ("image/jpeg", 1_600, 800)
    assert opened(found.full).format == "JPEG"
    assert opened(found.small).size == (320, 160)


def test_what_the_camera_added_is_gone_and_the_picture_stands_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    exif[0x010F] = "a maker"
    exif.get_ifd(0x8825)[2] = (48.0, 50.0, 24.0)
    found = taken_picture(written(Image.new("RGB", (40, 20), "red"), "JPEG", exif=exif, comment=b"secret place"))
    assert (found.width, found.height) == (20, 40)
    assert not opened(found.full).getexif()
    assert b"a maker" not in found.full
    assert b"secret" not in found.full
    assert b"secret" not in found.small


def test_what_one_sees_through_is_laid_on_white() -> None:
    found = taken_picture(written(Image.new("RGBA", (9, 9), (0, 0, 0, 0)), "PNG"))
    assert opened(found.full).getpixel((4, 4)) == (255, 255, 255)
    assert taken_picture(written(Image.new("CMYK", (9, 9)), "JPEG")).width == 9
    assert taken_picture(written(Image.new("P", (9, 9)), "PNG")).width == 9


@pytest.mark.parametrize("side", [7_000, 12_000, 30_000, 65_000])
def test_a_small_file_that_holds_a_huge_picture_is_refused_before_it_is_unpacked(side: int) -> None:
    with pytest.raises(PictureRefused, match="megapixels"):
        taken_picture(huge_png(side))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<svg onload=alert(1)>",
        b"GIF89a",
        b"%PDF-1.7",
        b"RIFF\0\0\0\0WAVE",
        written(Image.new("RGB", (9, 9)), "GIF"),
        written(Image.new("RGB", (9, 9)), "TIFF"),
        written(Image.new("RGB", (99, 99)), "JPEG")[:200],
        written(Image.new("RGB", (99, 99)), "PNG")[:60],
        b"\xff\xd8\xff" + b"\0" * 99,
        b"\0" * (PHOTO_BYTES_MAX + 1),
    ],
)
def test_what_is_no_picture_that_we_take_is_refused(content: bytes) -> None:
    with pytest.raises(PictureRefused):
        taken_picture(content)


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(["JPEG", "PNG", "WEBP"]), st.data())
def test_a_spoilt_file_is_taken_or_refused_and_nothing_else(form: str, data: st.DataObject) -> None:
    content = bytearray(written(Image.new("RGB", (33, 17), "red"), form))
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = taken_picture(bytes(content))
    except PictureRefused:
        return
    assert max(found.width, found.height) <= 1_600
