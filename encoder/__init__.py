"""Variants and CLIP: text and pictures in, unit vectors out.

`variants.Variants` keeps the named ways to embed; `encoder.Encoder` runs one of them. Only
`encoder.encoder` and what it loads import torch, so command lines that need no model stay quick.

What can go wrong, each with one sentence for the person at the keyboard:

    EncoderError
    ├── VariantInvalid      a name, template, strength or manifest that cannot be used
    ├── VariantMissing      no variant of that name
    ├── VariantExists       another variant already has that name
    ├── CheckpointError     base not found, not CLIP, not safetensors, or changed on disk
    ├── AdapterError        adapter not found, not LoRA, or made for another model
    ├── DeviceError         device absent, or the precision would change the vectors
    └── VectorError         zero, NaN, infinite or misshapen vectors (a ValueError too)
"""
