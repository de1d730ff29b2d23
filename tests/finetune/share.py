"""One of two processes that share a step; the first writes the gradients of both to files.

Started by torch.distributed.run: `share.py HOME CHECKPOINT FOLDER`.
"""

import dataclasses
import sys
from pathlib import Path

from accelerate import Accelerator
from safetensors.torch import save_file

from encoder.checkpoint import Checkpoint
from tests.finetune.conftest import read
from tests.finetune.test_gradients import SETTINGS, gradients_of

if __name__ == "__main__":
    home, checkpoint, folder = map(Path, sys.argv[1:])
    examples = read(home)
    accelerator = Accelerator(cpu=True)
    assert accelerator.num_processes == 2
    for method, micro_batch in (("lora", 6), ("full", 0)):
        settings = dataclasses.replace(
            SETTINGS, method=method, micro_batch=micro_batch, dropout=0.0
        )
        found, *_ = gradients_of(examples, Checkpoint.in_folder(checkpoint), settings, accelerator)
        if accelerator.is_main_process:
            save_file(found, folder / f"{method}.safetensors")
    accelerator.wait_for_everyone()
    accelerator.end_training()
