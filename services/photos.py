"""Pictures that people take of sensors: looked at, bounded, and written anew without what the camera added.

What a file is called, or says of itself, counts for nothing: only what is in it. The picture that is kept is a JPEG of
our own making, so that nothing of the file itself is ever handed on.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO

from PIL import Image, ImageOps

from core.interventions import PHOTO_BYTES_MAX, PHOTO_PIXELS_MAX, Picture, PictureRefused

FULL_PIXELS_MAX, SMALL_PIXELS_MAX = 1_600, 320
"""Of the longer side."""
_QUALITY = 85
_TOO_MANY = f"over {PHOTO_PIXELS_MAX // 1_000_000} megapixels"
_SEE_THROUGH = {"RGBA", "LA", "PA", "P"}
"""How pictures are held that one may see through."""
_SIGNATURES: Mapping[str, tuple[bytes, int]] = {
    "JPEG": (b"\xff\xd8\xff", 0),
    "PNG": (b"\x89PNG\r\n\x1a\n", 0),
    "WEBP": (b"WEBP", 8),
}
"""How files of each kind begin: these bytes, so far in."""


def taken_picture(content: bytes) -> Picture:
    """Return a picture as it is kept: upright, on white, at most `FULL_PIXELS_MAX` a side; and a small one beside it.

    Raises
    ------
    PictureRefused
        If the file is over `PHOTO_BYTES_MAX`, no JPEG, PNG or WebP, broken, or over `PHOTO_PIXELS_MAX` (told before its
        pixels are unpacked: a small file may hold a huge picture).
    """
    if len(content) > PHOTO_BYTES_MAX:
        raise PictureRefused(f"over {PHOTO_BYTES_MAX // 2**20} MiB")
    form = _form_of(content)
    try:
        full = _unpacked(content, form)
    except PictureRefused:
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise PictureRefused(_TOO_MANY) from None
    except Exception as error:
        # The readers of broken files raise whatever they stumble over.
        raise PictureRefused(f"a broken {form} file") from error
    small = full.copy()
    small.thumbnail((SMALL_PIXELS_MAX, SMALL_PIXELS_MAX))
    return Picture("image/jpeg", full.width, full.height, _written(full), _written(small))


def _form_of(content: bytes) -> str:
    for form, (signature, start) in _SIGNATURES.items():
        if content.startswith(signature, start):
            return form
    raise PictureRefused("neither JPEG nor PNG nor WebP")


def _unpacked(content: bytes, form: str) -> Image.Image:
    with Image.open(BytesIO(content), formats=[form]) as image:
        if image.width * image.height > PHOTO_PIXELS_MAX:
            raise PictureRefused(_TOO_MANY)
        # A JPEG is unpacked no finer than it is kept.
        image.draft("RGB", (FULL_PIXELS_MAX, FULL_PIXELS_MAX))
        image.thumbnail((FULL_PIXELS_MAX, FULL_PIXELS_MAX))
        upright = ImageOps.exif_transpose(image)
        seen = upright.convert("RGBA" if upright.mode in _SEE_THROUGH else "RGB")
    flat = Image.new("RGB", seen.size, "white")
    flat.paste(seen, mask=seen if seen.mode == "RGBA" else None)
    return flat


def _written(image: Image.Image) -> bytes:
    written = BytesIO()
    image.save(written, "JPEG", quality=_QUALITY, optimize=True)
    return written.getvalue()
