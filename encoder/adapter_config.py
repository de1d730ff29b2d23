"""Schema of adapter_config.json, the settings of a LoRA adapter in PEFT's format."""

import re
from typing import Annotated, Any, Literal

from pydantic import Field

from encoder.schema import Schema

MAX_TARGETS = 10_000
# PEFT takes a name as a regular expression; without a quantifier it takes no time to match.
ModuleName = Annotated[str, Field(pattern=r"^[\w.]{1,200}$")]
MAX_RANK, MAX_ALPHA = 4096, 1e6
Rank = Annotated[int, Field(ge=1, le=MAX_RANK)]
Alpha = Annotated[float, Field(gt=0, le=MAX_ALPHA)]


class AdapterConfig(Schema):
    """adapter_config.json of a LoRA adapter: what changes the weights that it is merged into."""

    revision: str | None = None
    base_model_name_or_path: str | None = None
    # Where they are no plain list, the tensors' names are used instead.
    target_modules: Any = None
    exclude_modules: Any = None
    layers_to_transform: Any = None
    modules_to_save: list[ModuleName] | None = None
    r: Rank = 8
    rank_pattern: dict[ModuleName, Rank] | None = None
    lora_alpha: Alpha = 8.0
    alpha_pattern: dict[ModuleName, Alpha] | None = None
    bias: Literal["none", "all", "lora_only"] = "none"
    fan_in_fan_out: bool = False
    lora_bias: bool = False
    use_rslora: bool = False
    use_dora: bool = False
    # The other initialisations change the base's weights.
    init_lora_weights: bool | Literal["gaussian", "eva", "orthogonal"] | None = True
    # What cannot be merged, or is not for dual encoders.
    alora_invocation_tokens: None = None
    arrow_config: None = None
    kasa_config: None = None
    layer_replication: None = None
    loftq_config: Annotated[dict[str, Any], Field(max_length=0)] | None = None
    megatron_config: None = None
    monteclora_config: None = None
    target_parameters: None = None
    trainable_token_indices: None = None
    use_bdlora: Literal[False] | None = None
    use_qalora: Literal[False] | None = None
    velora_config: None = None

    @property
    def targets(self) -> list[str] | None:
        """The layers' names or ends of names; None where only the tensors name them."""
        listed = self.target_modules
        if self.exclude_modules or self.layers_to_transform is not None:
            return None
        if not isinstance(listed, list) or not 0 < len(listed) <= MAX_TARGETS:
            return None
        plain = all(
            isinstance(name, str) and re.fullmatch(r"[\w.]{1,200}", name) for name in listed
        )
        return listed if plain else None
