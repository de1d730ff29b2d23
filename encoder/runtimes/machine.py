"""What this machine has: OpenVINO, instructions of its CPU, a GPU."""

import importlib
import os
import re
import sys
import threading
from functools import cache
from pathlib import Path
from typing import Any

TELEMETRY, CONVERTER = "openvino_telemetry", "openvino.tools.ovc"

# Flags of x86 CPUs that multiply int8 (VNNI, AMX). With AVX2 alone int8 is no faster than float32.
INT8_FLAGS = frozenset({"avx512_vnni", "avx_vnni", "amx_int8"})
# oneDNN, whose kernels OpenVINO runs, can be held to fewer instructions than the CPU has: names of
# its documentation, of sets without bfloat16.
HELD_TO = "ONEDNN_MAX_CPU_ISA"
WITHOUT_BFLOAT16 = frozenset(
    {"SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX512_CORE", "AVX512_CORE_VNNI"}
)
# Devices of NVIDIA's driver, of the one in WSL, and of AMD's.
GPU_DEVICES = ("/dev/nvidiactl", "/dev/nvidia0", "/dev/dxg", "/dev/kfd")
CPU_FACTS = Path("/proc/cpuinfo")

_importing = threading.Lock()


@cache
def load_openvino() -> Any:  # noqa: ANN401 (a module that may be missing)
    """OpenVINO's module; None where it cannot be imported.

    openvino and nncf report their use to Google Analytics, unless a file in the user's home
    declines it. Without the package that sends the reports, both use a stub that does nothing.
    """
    with _importing:
        sys.modules[TELEMETRY] = None  # type: ignore[assignment]  # its import fails from now on
        # Without its converter openvino is imported in half the time, and goes without.
        sys.modules[CONVERTER] = None  # type: ignore[assignment]
        try:
            openvino = importlib.import_module("openvino")
            # Its tables of types are filled by the first tensor that becomes an array. Two threads
            # that do this at once wait for each other forever: one has the GIL, the other the
            # tables' lock.
            openvino.Tensor(openvino.Type.f32, [1]).data  # noqa: B018
        except (ImportError, OSError, RuntimeError):  # absent, or for another system
            return None
        else:
            return openvino
        finally:
            del sys.modules[CONVERTER]


@cache
def openvino_core() -> Any:  # noqa: ANN401 (openvino.Core)
    """OpenVINO's devices, opened once in a process."""
    return load_openvino().Core()


def has_bfloat16() -> bool:
    """Whether the CPU multiplies bfloat16; without it OpenVINO does not compile for it."""
    if load_openvino() is None or os.environ.get(HELD_TO, "").upper() in WITHOUT_BFLOAT16:
        return False
    return "BF16" in openvino_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def has_int8() -> bool:
    """Whether the CPU multiplies int8 faster than float32; True where its flags are not known."""
    try:
        flags = re.search(r"^flags\s*:(.*)$", CPU_FACTS.read_text(), re.MULTILINE)
    except OSError:
        flags = None
    return not flags or not INT8_FLAGS.isdisjoint(flags[1].split())


def instructions() -> list[str]:
    """What a choice of the precision depends on: bfloat16, int8."""
    return [name for name, there in (("bfloat16", has_bfloat16()), ("int8", has_int8())) if there]


def uses_cpu(device: str | None) -> bool:
    """Whether a model runs on the CPU: named, or there is no GPU that torch can use.

    torch is imported only where there is the driver of a GPU.
    """
    if device is not None or not _has_gpu_driver():
        return device in (None, "cpu")
    try:
        from encoder.precision import find_device
    except ImportError:  # no torch, which is what could use it
        return True
    return find_device(None).type == "cpu"


def _has_gpu_driver() -> bool:
    if sys.platform == "win32":
        return Path(os.environ.get("SYSTEMROOT", "C:/Windows"), "System32/nvcuda.dll").exists()
    return any(map(os.path.exists, GPU_DEVICES))
