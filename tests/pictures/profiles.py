"""Colour profiles (ICC.1, version 2) for tests, made from published primaries."""

import struct
from collections.abc import Sequence

Triple = tuple[float, float, float]

# The primaries' colours X, Y, Z, adapted to D50: red, green, blue.
SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))
DISPLAY_P3 = (
    (0.51512, 0.24120, -0.00105),
    (0.29198, 0.69225, 0.04189),
    (0.15710, 0.06657, 0.78407),
)
ADOBE_RGB = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
WHITE = (0.9642, 1.0, 0.8249)  # D50


def rgb_profile(primaries: Sequence[Triple], gamma: float) -> bytes:
    tags = {f"{name}XYZ": _xyz(colour) for name, colour in zip("rgb", primaries, strict=True)}
    return _profile("RGB ", "XYZ ", tags | {f"{name}TRC": _curve(gamma) for name in "rgb"})


def grey_profile(gamma: float) -> bytes:
    return _profile("GRAY", "XYZ ", {"kTRC": _curve(gamma)})


def cmyk_profile(paper: Triple) -> bytes:
    """Inks that are all black on a paper of some Lab colour, each 0 to 1 as ICC writes it."""
    identity = bytes(range(256))
    corners = b"".join(
        bytes(round(255 * value) for value in (paper if corner == 0 else (0.0, 0.5, 0.5)))
        for corner in range(16)
    )
    unit = struct.pack(">9i", *(65536 * (place % 4 == 0) for place in range(9)))
    table = b"mft1" + bytes(4) + bytes((4, 3, 2, 0)) + unit + identity * 4 + corners + identity * 3
    return _profile("CMYK", "Lab ", {"A2B0": table})


def _profile(space: str, connection: str, tags: dict[str, bytes]) -> bytes:
    tags = {"desc": _text("made for a test"), "wtpt": _xyz(WHITE)} | tags
    offset = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        table += struct.pack(">4sII", name.encode(), offset + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = struct.pack(
        ">I4sI4s4s4s12s4s",
        offset + len(body),
        b"",
        0x02200000,
        b"prtr" if space == "CMYK" else b"mntr",
        space.encode(),
        connection.encode(),
        b"",
        b"acsp",
    )
    head += bytes(28) + struct.pack(">3i", *(round(65536 * value) for value in WHITE))
    return head.ljust(128, b"\0") + table + body


def _xyz(colour: Triple) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(65536 * value) for value in colour))


def _curve(gamma: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(256 * gamma))


def _text(text: str) -> bytes:
    return b"desc" + bytes(4) + struct.pack(">I", len(text) + 1) + text.encode() + bytes(80)
