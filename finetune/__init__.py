"""LoRA training jobs: products of the catalogue in, a variant out.

    settings      the recipe, and every flag of it
    examples      products that can be learnt from; split: which of them are held out
    augmentation, batches     pictures and texts of a batch, decoded and drawn ahead of the model
    model         a CLIP with what is trained of it; precision: what it computes in
    objective, gradients      the loss, and its gradients over chunks and processes
    retrieval     how well titles find pictures and pictures find texts
    training      the loop; snapshot: where a stopped run goes on; progress: what it tells
    job           one training from catalogue to variant; artefact, card, curves: what it leaves
    merge         a variant as a plain CLIP checkpoint

The exceptions are drawn in `finetune.errors`. Only what runs the model imports torch.
"""
