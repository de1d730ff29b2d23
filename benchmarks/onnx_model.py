"""A CLIP exported to ONNX and run by ONNX Runtime in float32, as rclip runs its models."""

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from encoder.checkpoint import Checkpoint
from encoder.tokenizer import Tokenizer, group_by_length, text_inputs

OPSET = 18
TOKENIZER = "tokenizer.json"
NAMES = {"image": "pixel_values", "text": "input_ids"}


def export(checkpoint: Path, folder: Path) -> None:
    """Write both encoders' graphs and the tokenizer."""
    import torch
    from transformers import CLIPModel

    class Part(torch.nn.Module):
        def __init__(self, part: str) -> None:
            super().__init__()
            self.model = model
            self.part = part

        def forward(self, values: torch.Tensor) -> torch.Tensor:
            return getattr(self.model, f"get_{self.part}_features")(values).pooler_output

    found = Checkpoint.in_folder(checkpoint)
    model: Any = CLIPModel.from_pretrained(found.folder, attn_implementation="eager").eval()
    side = found.image_side
    examples = {
        "image": torch.zeros(2, 3, side, side),
        "text": torch.tensor([[0, 1, 2], [0, 2, 2]]),
    }
    folder.mkdir(parents=True)
    Tokenizer(found.folder, found.family, found.max_tokens).write(folder / TOKENIZER)
    for part, example in examples.items():
        axes = {0: "n"} if part == "image" else {0: "n", 1: "tokens"}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of tracing
            torch.onnx.export(
                Part(part),
                (example,),
                str(folder / f"{part}.onnx"),
                input_names=[NAMES[part]],
                output_names=["features"],
                dynamic_axes={NAMES[part]: axes, "features": {0: "n"}},
                opset_version=OPSET,
                dynamo=False,
            )


class OnnxModel:
    """What `export` wrote, with all cores on each batch.

    Args:
        checkpoint: whose picture settings are used.
        folder: of the graphs.
        size: pictures in a batch, and texts.
    """

    def __init__(self, checkpoint: Path, folder: Path, size: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = len(os.sched_getaffinity(0))
        self._sessions = {
            part: onnxruntime.InferenceSession(
                folder / f"{part}.onnx", options, providers=["CPUExecutionProvider"]
            )
            for part in NAMES
        }
        self._processor = Checkpoint.in_folder(checkpoint).processor
        self._tokenizer = Tokenizer.read(folder / TOKENIZER)
        self._size = size

    def pictures(self, files: Sequence[Path]) -> np.ndarray:
        """Vectors of pictures, not normalised."""
        processor = self._processor
        mean, std = (np.array(each, dtype=np.float32) for each in (processor.mean, processor.std))
        found = []
        for start in range(0, len(files), self._size):
            pixels = [processor.pixels(Image.open(f)) for f in files[start : start + self._size]]
            values = (
                np.stack(pixels).astype(np.float32) * np.float32(processor.scale) - mean
            ) / std
            found.append(self._run("image", np.ascontiguousarray(values.transpose(0, 3, 1, 2))))
        return np.concatenate(found)

    def texts(self, texts: Sequence[str]) -> np.ndarray:
        """Vectors of texts, not normalised."""
        tokens = self._tokenizer(texts)
        width = max(map(len, tokens))
        vectors: dict[int, np.ndarray] = {}
        for rows in group_by_length(tokens, self._size * width):
            inputs = text_inputs([tokens[row] for row in rows])
            vectors |= dict(zip(rows, self._run("text", inputs["input_ids"]), strict=True))
        return np.stack([vectors[row] for row in range(len(texts))])

    def _run(self, part: str, values: np.ndarray) -> np.ndarray:
        return self._sessions[part].run(None, {NAMES[part]: values})[0]
