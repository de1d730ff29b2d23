"""One of two processes that share a step; the first writes down the gradients of both.

Started by torch.distributed.run: `share.py HOME CHECKPOINT FOLDER`.
"""

import dataclasses
import sys
from pathlib import Path

from accelerate import Accelerator
from safetensors.torch import save_file

from catalog.catalogue import Catalogue
from encoder.checkpoint import Checkpoint
from finetune.examples import read_examples
from finetune.settings import VIEWS
from tests.finetune.test_gradients import SETTINGS, gradients_of

if __name__ == "__main__":
    home, checkpoint, folder = map(Path, sys.argv[1:])
    with Catalogue(home, create=False) as catalogue:
        examples = read_examples(catalogue, "title", VIEWS)
    accelerator = Accelerator(cpu=True)
    assert accelerator.num_processes == 2
    for method, micro_batch in (("lora", 6), ("full", 0)):
        settings = dataclasses.replace(
            SETTINGS, method=method, micro_batch=micro_batch, dropout=0.0
        )
        found, *_ = gradients_of(
            home, examples, Checkpoint.in_folder(checkpoint), settings, accelerator
        )
        if accelerator.is_main_process:
            save_file(found, folder / f"{method}.safetensors")
    accelerator.end_training()
