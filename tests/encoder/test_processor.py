"""Pictures become the pixels that transformers' own processor makes."""

import json

import numpy as np
import pytest
from PIL import Image
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from encoder.errors import EncoderError
from encoder.processor import ImageProcessor

SETTINGS = [
    {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}},
    {"size": 40, "crop_size": 32},
    {"size": {"height": 32, "width": 32}, "do_center_crop": False},
    {"size": {"shortest_edge": 24}, "crop_size": {"height": 32, "width": 32}},
    {"size": 32, "crop_size": 32, "resample": 2, "image_mean": [0.5] * 3, "image_std": [0.25] * 3},
    {"size": 32, "crop_size": 32, "do_normalize": False},
    {},
]


def write(folder, settings, name="preprocessor_config.json"):
    (folder / name).write_text(json.dumps(settings))
    return folder


def normalised(processor, picture):
    values = processor.pixels(picture).astype(np.float32) * processor.scale
    return (values - np.float32(processor.mean)) / np.float32(processor.std)


@pytest.mark.parametrize("settings", SETTINGS)
def test_pixels_are_those_of_transformers(settings, pictures, tmp_path):
    ours = ImageProcessor.of(write(tmp_path, settings))
    theirs = CLIPImageProcessorPil(**settings)
    for picture in pictures[:12]:
        expected = theirs(picture, return_tensors="np")["pixel_values"][0]
        got = normalised(ours, picture).transpose(2, 0, 1)
        np.testing.assert_allclose(got, expected, atol=1e-5)


@pytest.mark.parametrize("mode", ["L", "P", "CMYK", "RGBA", "1"])
def test_other_modes_are_made_rgb(mode, pictures):
    assert ImageProcessor().pixels(pictures[0].convert(mode)).shape == (224, 224, 3)


@pytest.mark.parametrize("size", [(600, 30), (30, 600)])
def test_a_strip_gives_nearly_the_same_pixels_without_growing_first(size):
    random = np.random.default_rng(0)
    strip = Image.fromarray(random.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))
    settings = {"size": {"shortest_edge": 48}, "crop_size": {"height": 48, "width": 48}}
    expected = CLIPImageProcessorPil(**settings, do_normalize=False, do_rescale=False)(
        strip, return_tensors="np"
    )["pixel_values"][0].transpose(1, 2, 0)
    got = ImageProcessor(shortest=48, crop=(48, 48)).pixels(strip)
    assert np.abs(got.astype(int) - expected.astype(int)).mean() < 1


def test_a_line_of_pixels_does_not_take_gigabytes(monkeypatch):
    """1 × 60,000 pixels resized whole to a shortest edge of 224 would be 13 million × 224."""
    resize, sizes = Image.Image.resize, []

    def watched(self, size, *rest, **more):
        sizes.append(size)
        return resize(self, size, *rest, **more)

    monkeypatch.setattr(Image.Image, "resize", watched)
    assert ImageProcessor().pixels(Image.new("RGB", (1, 60_000))).shape == (224, 224, 3)
    assert sizes == [(224, 224)]


def test_the_recent_file_comes_before_the_older_one(tmp_path):
    write(tmp_path, {"size": 64, "crop_size": 64})
    write(tmp_path, {"image_processor": {"size": 48, "crop_size": 48}}, "processor_config.json")
    assert ImageProcessor.of(tmp_path).side == 48


def test_a_recent_file_without_picture_settings_leaves_them_to_the_older_one(tmp_path):
    write(tmp_path, {"size": 64, "crop_size": 64})
    write(tmp_path, {"processor_class": "CLIPProcessor"}, "processor_config.json")
    assert ImageProcessor.of(tmp_path).side == 64


def test_the_hash_follows_the_settings_and_not_their_spelling(tmp_path):
    def hashed(settings):
        return ImageProcessor.of(write(tmp_path, settings)).hash

    spelled = {"size": {"shortest_edge": 32}, "crop_size": {"width": 32, "height": 32}}
    assert hashed({"size": 32, "crop_size": 32}) == hashed(spelled)
    assert len({hashed(settings) for settings in SETTINGS}) == len(SETTINGS)


@pytest.mark.parametrize(
    "settings",
    [{"do_resize": False}, {"do_pad": True}, {"size": {"longest_edge": 9}}, {"crop_size": [1, 2]}],
)
def test_settings_that_are_not_clips_are_refused(settings, tmp_path):
    with pytest.raises(EncoderError, match=r"which Vitrine cannot|no settings of a model"):
        ImageProcessor.of(write(tmp_path, settings))


def test_a_folder_without_settings_is_refused(tmp_path):
    with pytest.raises(EncoderError, match=r"preprocessor_config\.json"):
        ImageProcessor.of(tmp_path)
