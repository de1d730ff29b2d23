"""Variants and CLIP: text and pictures in, unit vectors out.

`variants.Variants` keeps the named ways to embed; `encoder.Encoder` runs one of them. Only
`encoder.encoder` and what it loads import torch, so command lines that need no model stay quick.

What can go wrong, each with one sentence for the person at the keyboard:

    EncoderError
    ├── VariantInvalid      a name, template, adapter weight or manifest that cannot be used
    ├── VariantMissing      no variant of that name
    ├── VariantExists       another variant already has that name
    ├── CheckpointError     base not found, not CLIP, not safetensors, or changed on disk
    ├── AdapterError        adapter not found, not LoRA, or made for another model
    ├── DeviceError         device absent, or the precision would change the vectors
    └── VectorError         zero, NaN, infinite or misshapen vectors (a ValueError too)
"""

import os

# torch's OpenMP threads spin while they wait for each other. On a machine that does anything else
# beside, a thread that lost its core is waited for at full speed by the others in every layer: a
# text query took 118 ms instead of 3 ms on two busy cores. Asleep they cost 0.1 ms on an idle
# one. OpenMP reads this once, as torch is first imported; what the user has set stays.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
