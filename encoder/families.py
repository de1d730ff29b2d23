"""Model families: what differs between the dual encoders that transformers' classes run.

A model of any family gives text and image vectors by `get_text_features` and
`get_image_features`. All else that the encoder, its checks and fine-tuning have to know of a
family stands in `FAMILIES`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

# How texts of different length share a batch:
# end   filled up with their end token; attention is causal, so that needs no mask
# mask  filled up and masked; attention reads in both directions
# full  each filled up to the token limit with the pad token, unmasked: the model was trained so
Padding = Literal["end", "mask", "full"]

# Where the text encoder reads a text: at its first end token, its first token, its last position.
TextPooling = Literal["end", "first", "last"]

Loss = Literal["contrastive", "sigmoid"]


@dataclass(frozen=True)
class LoraTargets:
    """Names of layers that can have a LoRA adapter, by the ends of their full names.

    Attributes:
        attention: query, key, value and output of both encoders' attention.
        feed_forward: the linear layers after attention.
        projections: from the encoders' width to the vectors.
        embedding: the table of token embeddings.
    """

    attention: tuple[str, ...]
    feed_forward: tuple[str, ...]
    projections: tuple[str, ...]
    embedding: str = "token_embedding"


@dataclass(frozen=True)
class PictureDefaults:
    """What the family's image processor does where its file is silent.

    Attributes:
        crop: whether the shortest edge is resized and the centre cut out; else the whole picture
            is resized to a square.
        mean: per channel, of pixels between 0 and 1.
        std: per channel, of pixels between 0 and 1.
    """

    crop: bool
    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True)
class Family:
    """One `model_type`.

    Attributes:
        model_class: name of the class in transformers.
        padding: of texts in a batch.
        text_pooling: where the text encoder reads a text.
        class_token: the image vector is read at the class token of a CLIP image encoder, so
            `encoder.model.ClassTokenLayer` can compute its last layer.
        dimension: section and key of the vectors' length in config.json; where the key is null,
            it is the section's `hidden_size`.
        skips_positions: the text encoder's first positions, up to the pad token's number, are
            used by no token: RoBERTa counts from the pad token's number + 1.
        cleans: texts are cleaned as `encoder.tokenizer.CLEANERS` says of the tokenizer's class.
        pictures: the image processor's defaults.
        lora: layers that can have an adapter.
        loss: the one it was trained with.
        scale: the model's parameter that is the logarithm of the factor on the cosines.
        bias: the model's parameter that is added to scaled cosines; None without one.
        vocabulary: files that suffice where there is no tokenizer.json.
    """

    model_class: str
    padding: Padding
    text_pooling: TextPooling
    class_token: bool
    dimension: tuple[str, str]
    lora: LoraTargets
    pictures: PictureDefaults
    loss: Loss = "contrastive"
    scale: str = "logit_scale"
    bias: str | None = None
    skips_positions: bool = False
    cleans: bool = False
    vocabulary: tuple[str, ...] = ()


# Means and deviations of OpenAI's training pictures, and those of big_vision, which only move
# pixels to -1 … 1.
CLIP_PICTURES = PictureDefaults(
    crop=True,
    mean=(0.48145466, 0.4578275, 0.40821073),
    std=(0.26862954, 0.26130258, 0.27577711),
)
SIGLIP_PICTURES = PictureDefaults(crop=False, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))

CLIP_ATTENTION = ("q_proj", "k_proj", "v_proj", "out_proj")
# CLIP's image encoder with a text encoder in BERT's form.
BERT_LORA = LoraTargets(
    attention=(*CLIP_ATTENTION, "query", "key", "value", "attention.output.dense"),
    feed_forward=("fc1", "fc2", "intermediate.dense", "output.dense"),
    projections=("text_projection", "visual_projection"),
    embedding="word_embeddings",
)

CLIP = Family(
    model_class="CLIPModel",
    padding="end",
    text_pooling="end",
    class_token=True,
    dimension=("", "projection_dim"),
    pictures=CLIP_PICTURES,
    vocabulary=("vocab.json", "merges.txt"),
    lora=LoraTargets(
        attention=CLIP_ATTENTION,
        feed_forward=("fc1", "fc2"),
        projections=("text_projection", "visual_projection"),
    ),
)

# CLIP with a larger vocabulary; its files name the true end token.
METACLIP_2 = replace(CLIP, model_class="MetaClip2Model", vocabulary=())

# Texts are filled up to 64 tokens and read at the last one, so the padding is part of the text
# (Zhai et al. 2023, section 4). Files of SigLIP 2 with a fixed size are of this type too.
SIGLIP = Family(
    model_class="SiglipModel",
    padding="full",
    text_pooling="last",
    class_token=False,
    dimension=("text_config", "projection_size"),
    pictures=SIGLIP_PICTURES,
    lora=LoraTargets(
        # Not the pooling head's own output: torch's attention reads its weight and not its layer.
        attention=("q_proj", "k_proj", "v_proj", "self_attn.out_proj"),
        feed_forward=("fc1", "fc2"),
        projections=("text_model.head",),
    ),
    loss="sigmoid",
    bias="logit_bias",
    cleans=True,
)

ALTCLIP = replace(
    CLIP,
    model_class="AltCLIPModel",
    padding="mask",
    text_pooling="first",
    vocabulary=(),
    skips_positions=True,
    lora=replace(BERT_LORA, projections=("transformation", *BERT_LORA.projections)),
)

CHINESE_CLIP = replace(
    CLIP,
    model_class="ChineseCLIPModel",
    padding="mask",
    text_pooling="first",
    vocabulary=("vocab.txt",),
    lora=BERT_LORA,
)

FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "clip": CLIP,
        "metaclip_2": METACLIP_2,
        "siglip": SIGLIP,
        "altclip": ALTCLIP,
        "chinese_clip": CHINESE_CLIP,
    }
)
