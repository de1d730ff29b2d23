"""open_clip_config.json: what it says of a model, and the same in transformers' terms."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from encoder.errors import EncoderError
from encoder.families import CLIP_PICTURES
from encoder.schema import Channels, Layers, Schema, Side, Spreads, Tokens, Width

CONFIG = "open_clip_config.json"

# Heads of timm's ViTs by width, where they are not of 64 numbers each.
TIMM_HEADS = {1152: 16, 1536: 16}
HEAD_WIDTH = 64

# timm's SigLIP models that approximate GELU by tanh; the others compute it exactly.
TIMM_TANH = {
    "vit_base_patch32_siglip_256",
    "vit_large_patch16_siglip_512",
    "vit_so400m_patch16_siglip_256",
    "vit_so400m_patch16_siglip_384",
    "vit_so400m_patch16_siglip_512",
    "vit_giantopt_patch16_siglip_256",
    "vit_giantopt_patch16_siglip_384",
}

# What open_clip calls the cleaning of texts, and the tokenizer class that does the same.
CLEANING = {"canonicalize": "SiglipTokenizer", "lower": "Siglip2Tokenizer"}

RESAMPLING = {"bilinear": 2, "bicubic": 3}


class Strict(Schema):
    """Settings of which none may be unknown: each could change the vectors."""

    model_config = ConfigDict(strict=True, frozen=True, allow_inf_nan=False, extra="forbid")


class VisionSettings(Strict):
    """`vision_cfg`."""

    image_size: Side
    layers: Layers | None = None
    width: Width | None = None
    patch_size: Side | None = None
    head_width: Width = HEAD_WIDTH
    mlp_ratio: float = 4.0
    patch_dropout: float = 0.0  # in training only
    timm_model_name: str | None = None
    timm_model_pretrained: bool = False
    timm_pool: Literal["map", ""] = ""
    timm_proj: Literal["none", "", None] = ""
    timm_drop: float = 0.0
    timm_drop_path: float | None = None


class TextSettings(Strict):
    """`text_cfg`."""

    context_length: Tokens = 77
    vocab_size: Annotated[int, Field(ge=1, le=2_000_000)] = 49408
    width: Width = 512
    heads: Layers = 8
    layers: Layers = 12
    mlp_ratio: float = 4.0
    hf_tokenizer_name: str | None = None
    tokenizer_kwargs: dict[str, Any] | None = None
    no_causal_mask: bool = False
    proj_bias: bool = False
    pool_type: Literal["argmax", "last"] = "argmax"
    norm_kwargs: dict[Literal["eps"], float] | None = None
    act_kwargs: dict[Literal["approximate"], Literal["tanh"]] | None = None

    @property
    def tokenizer_class(self) -> str:
        """The class that cleans texts as open_clip does."""
        cleaning = (self.tokenizer_kwargs or {}).get("clean")
        return CLEANING.get(str(cleaning), "PreTrainedTokenizerFast")


class ModelSettings(Strict):
    """`model_cfg`."""

    embed_dim: Width
    vision_cfg: VisionSettings
    text_cfg: TextSettings
    quick_gelu: bool = False
    custom_text: bool = False
    init_logit_scale: float | None = None
    init_logit_bias: float | None = None


class PictureSettings(Strict):
    """`preprocess_cfg`."""

    size: int | list[int] | None = None
    mode: Literal["RGB"] = "RGB"
    mean: Channels = Field(default=list(CLIP_PICTURES.mean))
    std: Spreads = Field(default=list(CLIP_PICTURES.std))
    interpolation: Literal["bicubic", "bilinear"] = "bicubic"
    resize_mode: Literal["shortest", "squash"] = "shortest"
    fill_color: Any = 0

    def settings(self, side: int) -> dict[str, Any]:
        """preprocessor_config.json for pictures of that side, pixels."""
        square = {"height": side, "width": side}
        squash = self.resize_mode == "squash"
        return {
            "image_processor_type": "SiglipImageProcessor" if squash else "CLIPImageProcessor",
            "do_resize": True,
            "size": square if squash else {"shortest_edge": side},
            "resample": RESAMPLING[self.interpolation],
            "do_center_crop": not squash,
            **({} if squash else {"crop_size": square}),
            "do_rescale": True,
            "rescale_factor": 1 / 255,
            "do_normalize": True,
            "image_mean": self.mean,
            "image_std": self.std,
        }


class OpenClipConfig(Schema):
    """open_clip_config.json."""

    model_cfg: ModelSettings
    preprocess_cfg: PictureSettings = PictureSettings()

    def kind(self, file: Path) -> str:
        """The family it becomes.

        Raises:
            EncoderError: neither ViT CLIP nor ViT SigLIP.
        """
        vision, text = self.model_cfg.vision_cfg, self.model_cfg.text_cfg
        name = vision.timm_model_name
        siglip = name and "siglip" in name and "gap" not in name and vision.timm_pool == "map"
        if siglip and text.pool_type == "last" and text.no_causal_mask and text.proj_bias:
            return "siglip"
        plain = (text.pool_type, text.no_causal_mask, text.proj_bias) == ("argmax", False, False)
        if not name and vision.layers and vision.width and vision.patch_size and plain:
            return "clip"
        raise EncoderError(
            f"{file} describes {name or 'a model'} that is neither a ViT CLIP nor a ViT SigLIP: "
            "Vitrine converts these two."
        )

    def transformers_settings(
        self, kind: str, shapes: Mapping[str, tuple[int, ...]]
    ) -> dict[str, Any]:
        """Arguments of the configuration class of a family.

        Args:
            kind: the family.
            shapes: of the weights, by transformers' names; timm's sizes stand only there.

        Raises:
            EncoderError: a weight that has the size of a part is missing.
        """
        model, text = self.model_cfg, self.model_cfg.text_cfg
        gelu = "quick_gelu" if model.quick_gelu else "gelu"
        eps = (text.norm_kwargs or {}).get("eps", 1e-5)
        texts = {
            "vocab_size": text.vocab_size,
            "max_position_embeddings": text.context_length,
            "hidden_size": text.width,
            "num_attention_heads": text.heads,
            "num_hidden_layers": text.layers,
            "intermediate_size": int(text.width * text.mlp_ratio),
            "layer_norm_eps": eps,
            "hidden_act": "gelu_pytorch_tanh" if text.act_kwargs else gelu,
            "bos_token_id": None,
            # open_clip reads a text at its highest token, the last of the vocabulary.
            "eos_token_id": text.vocab_size - 1 if kind == "clip" else None,
            "pad_token_id": None,
        }
        if kind == "clip":
            return {
                "text_config": texts,
                "vision_config": self._clip_vision(gelu),
                "projection_dim": model.embed_dim,
            }
        vision = self._timm_vision(shapes)
        return {
            "text_config": texts | {"projection_size": model.embed_dim},
            "vision_config": vision,
        }

    def _clip_vision(self, gelu: str) -> dict[str, Any]:
        vision = self.model_cfg.vision_cfg
        assert vision.width is not None  # noqa: S101 (`kind` has checked it)
        return {
            "image_size": vision.image_size,
            "patch_size": vision.patch_size,
            "hidden_size": vision.width,
            "num_hidden_layers": vision.layers,
            "num_attention_heads": vision.width // vision.head_width,
            "intermediate_size": int(vision.width * vision.mlp_ratio),
            "hidden_act": gelu,
        }

    def _timm_vision(self, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
        vision = self.model_cfg.vision_cfg
        layers = {name.split(".")[3] for name in shapes if name.startswith("vision_model.encoder.")}
        try:
            width, _, patch, _ = shapes["vision_model.embeddings.patch_embedding.weight"]
            inner = shapes["vision_model.head.mlp.fc1.weight"][0]
        except (KeyError, ValueError) as error:
            raise EncoderError(
                f"The weights beside {CONFIG} lack the patches or the pooling of a ViT SigLIP: "
                "get the checkpoint again."
            ) from error
        tanh = vision.timm_model_name in TIMM_TANH
        return {
            "image_size": vision.image_size,
            "patch_size": patch,
            "hidden_size": width,
            "num_hidden_layers": len(layers),
            "num_attention_heads": TIMM_HEADS.get(width, max(1, width // HEAD_WIDTH)),
            "intermediate_size": inner,
            "layer_norm_eps": 1e-6,
            "hidden_act": "gelu_pytorch_tanh" if tanh else "gelu",
        }
