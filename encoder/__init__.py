"""Variants and dual encoders: texts and images in, unit vectors out.

Only `model`, `precision`, `text_model`, `conversion`, `runtimes.loaded` and `runtimes.conversion`
import torch, and `encoder.encoder` imports these where there is no converted model.

variant, variants       a named way to embed: its manifest, and the registry of all
variant_checks          what is checked of a model before a variant of it is added
template                from a product's parts to its text
families                what differs between CLIP, SigLIP and the others
base, hub, files        the base of a variant: found by folder or hub id, downloaded
checkpoint              a dual encoder's files: checked, pinned by digests
configuration, weights  its settings, completed and checked; its safetensors
conversion, open_clip_config  open_clip's checkpoints in the transformers format
schema                  types and bounds in the JSON files of checkpoints
adapter, adapter_config LoRA adapters: checked, identified, merged
processor               pictures to pixels
tokenizer, charsmap     texts to token ids
model, precision        the dual encoder as torch runs it, its device and its precision
runtimes                the converted model as OpenVINO runs it; the choice of its precision
text_model              a SentenceTransformer model for texts beside a dual encoder
sentence_files, sentence_weights  SentenceTransformer folders: run no code, and are complete
embedder                a SentenceTransformer model for texts and pictures, as a base
text_encoder            what embeds texts by such a model, whichever runtime runs it
loader, shared_models   a variant's model as this machine runs it; models in memory, each once
pipeline                prefetch: batches are prepared while others run
encoder                 texts and images in, unit vectors out
vectors                 normalisation and fusion
"""

import os

# torch's OpenMP threads spin while they wait for each other. Where other processes use the same
# cores, a preempted thread delays the others in every layer: a text query took 118 ms instead of
# 3 ms on two busy cores. Passive waiting costs 0.1 ms on an idle core. OpenMP reads this once,
# when torch is first imported; a value set by the user stays.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
