"""The image side of a checkpoint: resize, crop, scale, as CLIPImageProcessorPil does.

Here Pillow works on 8-bit pixels and a whole batch is normalised at once, which costs half of
what transformers' picture-by-picture processor costs; a test compares the two.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from PIL import Image

from encoder.errors import EncoderError
from encoder.families import CLIP_PICTURES, PictureDefaults
from encoder.files import digest_json, read_json
from encoder.hub import PROCESSOR_FILES

# What all families' image processors do where a file is silent.
SIDE = 224
BICUBIC = 3

# Longest to shortest edge beyond which only the middle is resized. Pillow may then take its two
# passes in the other order, which rounds differently (half a level of 255 on average in noise),
# so pictures of usual shape go the exact way.
ELONGATED = 4

# Pixels differ slightly between processor backends, so the backend is part of the hash.
BACKEND = "pillow"


@dataclass(frozen=True)
class ImageProcessor:
    """How a picture becomes the square of numbers that the vision tower takes.

    Attributes:
        shortest: length the shortest edge is resized to, pixels; 0 where `exact` is used.
        exact: (height, width) resized to without keeping proportions; empty where `shortest` is.
        crop: (height, width) cut from the centre; empty for no cut.
        resample: Pillow's number of the filter.
        scale: factor on a pixel's 0–255.
        mean: per channel, after `scale`.
        std: per channel, after `scale`.
    """

    shortest: int = SIDE
    exact: tuple[int, ...] = ()
    crop: tuple[int, ...] = (SIDE, SIDE)
    resample: int = BICUBIC
    scale: float = 1 / 255
    mean: tuple[float, ...] = CLIP_PICTURES.mean
    std: tuple[float, ...] = CLIP_PICTURES.std

    @classmethod
    def of(cls, folder: Path, defaults: PictureDefaults = CLIP_PICTURES) -> Self:
        """Read the settings of a checkpoint's folder.

        Args:
            folder: the checkpoint's.
            defaults: of the model's family.

        Raises:
            EncoderError: no settings, or settings that no family's processor has.
        """
        from encoder.schema import PictureSettings  # pydantic, which no search needs

        settings = _settings(folder)
        # Checked only: a 0 that became 0.0 would change the hash.
        PictureSettings.read(settings, folder / PROCESSOR_FILES[1])
        if settings.get("do_pad") or not settings.get("do_resize", True):
            raise EncoderError(
                f"{folder} prepares pictures by padding or without resizing, which Vitrine cannot: "
                "use a checkpoint with its family's own processor."
            )
        square = {"height": SIDE, "width": SIDE}
        shortest, exact = _size(settings.get("size", SIDE if defaults.crop else square), folder)
        normalise = settings.get("do_normalize", True)
        return cls(
            shortest=shortest,
            exact=exact,
            crop=_crop(settings, folder) if settings.get("do_center_crop", defaults.crop) else (),
            resample=int(settings.get("resample", BICUBIC)),
            scale=float(settings.get("rescale_factor", 1 / 255))
            if settings.get("do_rescale", True)
            else 1.0,
            mean=tuple(settings.get("image_mean") or defaults.mean) if normalise else (0.0,) * 3,
            std=tuple(settings.get("image_std") or defaults.std) if normalise else (1.0,) * 3,
        )

    @property
    def hash(self) -> str:
        """Digest of the settings and of the backend."""
        return digest_json({**dataclasses.asdict(self), "backend": BACKEND})

    @property
    def side(self) -> int:
        """Side of the square that comes out, pixels; 0 when what comes out is no fixed square."""
        height, width = self.crop or self.exact or (0, 1)
        return height if height == width else 0

    def pixels(self, image: Image.Image) -> np.ndarray:
        """Resize and crop one picture.

        Args:
            image: any mode and size.

        Returns:
            uint8 (side, side, 3).
        """
        if image.mode != "RGB":
            image = image.convert("RGB")
        size = self._resized(*image.size)
        if self.crop and max(size) > ELONGATED * min(size):
            return np.asarray(self._middle(image, size))
        if size != image.size:
            image = image.resize(size, Image.Resampling(self.resample))
        if self.crop:
            image = _centre(image, *self.crop)
        return np.asarray(image)

    @staticmethod
    def batch(pixels: Sequence[np.ndarray]) -> np.ndarray:
        """Pictures, as `pixels` gives them, in one array: uint8 (n, side, side, 3)."""
        return np.stack(pixels)

    def _middle(self, image: Image.Image, size: tuple[int, int]) -> Image.Image:
        """Resize only what the crop keeps, so that a very long picture does not take gigabytes."""
        height, width = (
            min(edge, whole) for edge, whole in zip(self.crop, size[::-1], strict=True)
        )
        left, top = (size[0] - width) // 2, (size[1] - height) // 2
        across, down = image.width / size[0], image.height / size[1]
        box = (left * across, top * down, (left + width) * across, (top + height) * down)
        middle = image.resize((width, height), Image.Resampling(self.resample), box)
        return _centre(middle, *self.crop)

    def _resized(self, width: int, height: int) -> tuple[int, int]:
        if self.exact:
            return self.exact[1], self.exact[0]
        # Rounded down, as transformers' get_resize_output_image_size does.
        if width <= height:
            return self.shortest, int(self.shortest * height / width)
        return int(self.shortest * width / height), self.shortest


def _centre(image: Image.Image, height: int, width: int) -> Image.Image:
    left, top = (image.width - width) // 2, (image.height - height) // 2
    if (left, top, width, height) == (0, 0, *image.size):
        return image
    # Beyond the picture's edge Pillow fills with black, as transformers does.
    return image.crop((left, top, left + width, top + height))


def _settings(folder: Path) -> dict[str, Any]:
    """The nested settings of a recent processor_config.json, else the older file's."""
    recent, older = (folder / name for name in PROCESSOR_FILES)
    if recent.is_file() and "image_processor" in (settings := read_json(recent)):
        return settings["image_processor"]
    if older.is_file():
        return read_json(older)
    raise EncoderError(
        f"{folder} has no settings for pictures: it needs the {older.name} (or {recent.name}) "
        "that came with the checkpoint."
    )


def _size(size: Any, folder: Path) -> tuple[int, tuple[int, ...]]:  # noqa: ANN401 (JSON)
    if isinstance(size, int):
        return size, ()
    if isinstance(size, dict) and set(size) == {"shortest_edge"}:
        return int(size["shortest_edge"]), ()
    if isinstance(size, dict) and set(size) == {"height", "width"}:
        return 0, (int(size["height"]), int(size["width"]))
    raise EncoderError(f"{folder} resizes pictures to {size}, which Vitrine cannot.")


def _crop(settings: dict[str, Any], folder: Path) -> tuple[int, ...]:
    crop = settings.get("crop_size", SIDE)
    if isinstance(crop, int):
        return (crop, crop)
    if isinstance(crop, dict) and set(crop) == {"height", "width"}:
        return (int(crop["height"]), int(crop["width"]))
    raise EncoderError(f"{folder} crops pictures to {crop}, which Vitrine cannot.")
