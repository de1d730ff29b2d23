"""LoRA training jobs: the catalogue's products in, a variant out.

settings        the recipe; `candidates`: those to choose among
examples        products to train on; `split`: which of them are held out
pairs           queries of people with their products, divided like these
batches         decoded, augmented (`augmentation`) and tokenised ahead of the model
model           the dual encoder with adapters; `precision`: what it computes in
loss            the contrastive and the sigmoid loss; `gradients`: over chunks and processes
retrieval       measures on held-out products; `query_retrieval`: on held-out queries
validation      after each epoch; `evaluation`: on the test split
training        the loop; `snapshot`: its checkpoints; `progress`: its reports
choice          the best of several trainings, made by `trainer`; `plan`: how long it takes
job             from catalogue to variant; `runs`: its lock and its record
artefact        the variant that a job writes, with `card` and `curves`; `summary`: for people
checkpoint      a variant as a plain checkpoint
sampling        repeatable random numbers
errors          FinetuneError, Diverged

Only what runs the model imports torch.
"""
