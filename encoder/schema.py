"""Schemas of the JSON files of checkpoints and adapters, which come from untrusted places.

Types and ranges are checked before a library reads a file, and a wrong one is one sentence.
Sizes have bounds, so that a file of a few bytes cannot take all memory.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from encoder.errors import EncoderError
from encoder.files import read_json

SECTIONS = ("text_config", "vision_config")

# Above what dual encoders have: ViT-bigG has 48 layers of 1,664, SigLIP takes up to 512 pixels.
MAX_LAYERS = 256
Layers = Annotated[int, Field(ge=1, le=MAX_LAYERS)]
Width = Annotated[int, Field(ge=1, le=65_536)]
Side = Annotated[int, Field(ge=1, le=2048)]
Tokens = Annotated[int, Field(ge=2, le=8192)]
Dropout = Annotated[float, Field(ge=0, lt=1)]
Activation = Literal["quick_gelu", "gelu", "gelu_new", "gelu_pytorch_tanh", "relu", "silu"]
Channels = Annotated[list[float], Field(min_length=3, max_length=3)]
Spreads = Annotated[list[Annotated[float, Field(gt=0)]], Field(min_length=3, max_length=3)]


class Schema(BaseModel):
    """A JSON object: no value is converted to another type, unknown keys are ignored."""

    model_config = ConfigDict(strict=True, frozen=True, allow_inf_nan=False)

    @classmethod
    def read(cls, value: Any, file: Path) -> Self:  # noqa: ANN401 (any JSON value)
        """Check a JSON value.

        Args:
            value: the content of the file, or a part of it.
            file: for the message.

        Raises:
            EncoderError: a value of another type or out of range.
        """
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"])) or "the whole"
            found = "" if first["type"] == "missing" else f", not {str(first['input'])[:40]!r}"
            raise EncoderError(
                f"{file} is no settings of a model that Vitrine reads ({where}: "
                f"{first['msg']}{found}): get the files again, or use another model."
            ) from error


class Transformer(Schema):
    """An encoder's settings; what a file leaves out has been added, see `encoder.families`."""

    hidden_size: Width
    intermediate_size: Width
    num_hidden_layers: Layers
    num_attention_heads: Layers
    hidden_act: Activation
    layer_norm_eps: Annotated[float, Field(gt=0, le=1)]
    attention_dropout: Dropout = 0.0
    # Families with one dimension for both encoders have it here too, unread.
    projection_dim: Width | None = None

    @model_validator(mode="after")
    def _check_heads(self) -> Self:
        if self.hidden_size % self.num_attention_heads:
            raise ValueError("num_attention_heads does not divide hidden_size")
        return self

    @property
    def layer_weights(self) -> int:
        """Number of weights in all layers' matrices."""
        layer = 4 * self.hidden_size**2 + 2 * self.hidden_size * self.intermediate_size
        return self.num_hidden_layers * layer


class TextConfig(Transformer):
    """The text encoder's settings."""

    vocab_size: Annotated[int, Field(ge=1, le=2_000_000)]
    max_position_embeddings: Tokens
    pad_token_id: int | None = None
    bos_token_id: int | None = None
    eos_token_id: int | list[int] | None = None
    projection_size: Width | None = None  # SigLIP
    project_dim: Width | None = None  # AltCLIP: between the text encoder and its projection
    type_vocab_size: Annotated[int, Field(ge=1, le=1024)] | None = None
    hidden_dropout_prob: Dropout = 0.0
    attention_probs_dropout_prob: Dropout = 0.0

    @property
    def weights(self) -> int:
        """Number of weights in matrices."""
        embeddings = (self.vocab_size + self.max_position_embeddings) * self.hidden_size
        return embeddings + self.layer_weights


class VisionConfig(Transformer):
    """The image encoder's settings."""

    num_channels: Literal[3]
    image_size: Side
    patch_size: Side
    vision_use_head: Literal[True] = True  # SigLIP without its head has no image vector

    @property
    def weights(self) -> int:
        """Number of weights in matrices."""
        patches = (self.image_size // self.patch_size) ** 2
        return (patches + 3 * self.patch_size**2) * self.hidden_size + self.layer_weights


class ModelConfig(Schema):
    """config.json of a dual encoder, completed with the defaults of its family.

    A section holds the settings that its family's class in transformers has, and no others.
    """

    model_type: str
    text_config: TextConfig
    vision_config: VisionConfig
    projection_dim: Width | None = None
    logit_scale_init_value: float = 2.6592

    @classmethod
    def complete(cls, value: Mapping[str, Any], defaults: Mapping[str, Any], file: Path) -> Self:
        """Check a file's content, and add what it leaves out.

        Args:
            value: the content of config.json.
            defaults: of the family: `text_config` and `vision_config`, and the other keys.
            file: for the message.

        Raises:
            EncoderError: a value of another type or out of range.
        """
        completed = {key: value.get(key, default) for key, default in defaults.items()}
        for section in SECTIONS:
            # Where a file has both, transformers takes all values from the older key.
            older = value.get(f"{section}_dict")
            part = value.get(section) if older is None else older
            if part is None or isinstance(part, dict):
                known = defaults[section].items()
                part = {key: (part or {}).get(key, default) for key, default in known}
            completed[section] = part
        if value.get("quantization_config"):
            raise EncoderError(
                f"{file} is of quantised weights, which Vitrine does not read: get the checkpoint "
                "in float32, float16 or bfloat16."
            )
        return cls.read(completed, file)

    @property
    def weights(self) -> int:
        """Number of weights in matrices."""
        text, vision = self.text_config, self.vision_config
        widths = (text.project_dim or text.hidden_size) + vision.hidden_size
        projections = (self.projection_dim or 0) * widths
        return text.weights + vision.weights + projections


# Numbers that weights are kept in: the libraries look the name up in torch, for tokenizers too.
StoredType = Annotated[
    str, Field(pattern=r"^(torch\.)?(float(16|32|64)|bfloat16|half|float|auto)$")
]


class StoredWeights(Schema):
    """What any config.json says of its weights; both names are in use."""

    dtype: StoredType | None = None
    torch_dtype: StoredType | None = None


class PictureSettings(Schema):
    """preprocessor_config.json, or the part of a processor_config.json about pictures."""

    do_resize: bool | None = True
    do_pad: bool | None = False
    do_center_crop: bool | None = True
    do_rescale: bool | None = True
    do_normalize: bool | None = True
    size: Side | dict[str, Side] = 224
    crop_size: Side | dict[str, Side] = 224
    resample: Annotated[int, Field(ge=0, le=5)] = 3  # Pillow's filters
    rescale_factor: Annotated[float, Field(gt=0, le=1)] = 1 / 255
    image_mean: Channels | None = None
    image_std: Spreads | None = None


class TokenizerSettings(Schema):
    """tokenizer_config.json."""

    model_max_length: Annotated[float, Field(ge=2)] | None = None  # 1e30 where there is no limit


class TextModule(Schema):
    """One part of a text model, in its modules.json."""

    type: str
    path: Annotated[str, Field(pattern=r"^(\d+_[A-Za-z]+)?$")]


class DenseConfig(Schema):
    """config.json of a text model's part that has weights: a linear layer, or one without sizes."""

    in_features: Width = 1
    out_features: Width = 1


class ModalityCall(Schema):
    """How a text model's or an embedder's transformer runs one kind of input."""

    method: Annotated[str, Field(pattern=r"^(forward|get_[a-z]+_features)$")]


class InputSettings(Schema):
    """sentence_bert_config.json: how inputs become those of a transformer."""

    transformer_task: Literal["feature-extraction"] = "feature-extraction"
    modality_config: dict[str, ModalityCall] | None = None


class WeightsIndex(Schema):
    """model.safetensors.index.json: the file of each tensor, in the checkpoint's folder."""

    weight_map: dict[str, Annotated[str, Field(pattern=r"^[\w-][\w.-]*\.safetensors$")]] = Field(
        min_length=1, max_length=1_000_000
    )


S = TypeVar("S", bound=Schema)


def read_schema(schema: type[S], file: Path) -> S:
    """Read a JSON file by its schema.

    Raises:
        EncoderError: the file is missing, no JSON object, or not of the schema.
    """
    return schema.read(read_json(file), file)


def read_schema_list(schema: type[S], values: list[Any], file: Path) -> list[S]:
    """Check a JSON list whose items are of one schema.

    Raises:
        EncoderError: an item is not of the schema.
    """
    return [schema.read(value, file) for value in values]
