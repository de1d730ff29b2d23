"""JPEG files that begin late, lack their end marker, or end before their last row of pixels.

Markers and scans are those of ITU-T T.81. libjpeg fills what a file lacks with grey and reports
nothing, so that half a picture would be taken for a whole one.
"""

import io
import re
from dataclasses import dataclass, field

from PIL import Image

START = b"\xff\xd8\xff"  # of a file: the marker SOI, and the next one's first byte
END = b"\xff\xd9"  # the marker EOI
ADDED_END = b"\xff\xfe\0\2" + END  # with an empty comment before it, to recognise it by
END_OF_IMAGE, START_OF_SCAN = 0xD9, 0xDA
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # SOF; the others are DHT, JPG and DAC
PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}  # frames that send a coefficient in several scans
ALONE = {0x01, *range(0xD0, 0xD9)}  # markers without a length: TEM, RST, SOI
MARKER = re.compile(rb"\xff([^\x00\xff])", re.DOTALL)
# In a scan's data FF 00 is a byte of 0xFF, and RST occurs.
AFTER_SCAN = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]", re.DOTALL)

COEFFICIENTS = 64  # of a block: DC and 63 of AC
MAX_SCANS = 100  # a dozen are usual; each one is a pass over all blocks, for a few bytes
REDUCTIONS = (1, 2, 4, 8)
GREY = {127, 128}  # 127: where a CMYK file is inverted
FILLING = b"\xaa" * 2**12  # data of a scan that is no marker


@dataclass
class _Scans:
    """What the scans of a file contain.

    Attributes:
        count: How many there are.
        end: Where the data of the last one ends; 0 without any.
        has_end: Whether the end marker follows.
        progressive: Whether coefficients are sent in several scans.
        components: How many components the frame has.
        bits_left: Of each component's coefficients that were sent: how many low bits are missing.
    """

    count: int = 0
    end: int = 0
    has_end: bool = False
    progressive: bool = False
    components: int = 0
    bits_left: dict[int, list[int | None]] = field(default_factory=dict)

    def add(self, header: bytes) -> None:
        """Take the header of a scan: what follows its length."""
        count = header[0] if header else 0
        if len(header) < 4 + 2 * count:  # damaged
            return
        first, last, approximation = header[1 + 2 * count :][:3]
        for component in header[1 : 1 + 2 * count : 2]:
            bits = self.bits_left.setdefault(component, [None] * COEFFICIENTS)
            for place in range(first, min(last + 1, COEFFICIENTS)):
                bits[place] = approximation & 0x0F

    def lack_content(self) -> bool:
        """Whether a component, or the detail of the first one, was never sent."""
        detail = next(iter(self.bits_left.values()), [])
        return len(self.bits_left) < self.components or (self.progressive and None in detail)

    def lack_bits(self) -> bool:
        """Whether a coefficient was sent in part, or not at all."""
        return self.progressive and any(
            bit != 0 for bits in self.bits_left.values() for bit in bits
        )


def repair(data: bytes) -> bytes:
    """A JPEG file from its first marker on, with an end marker.

    Args:
        data: The whole file; `START` is somewhere in it.

    Raises:
        ValueError: It has more scans than `MAX_SCANS`.
    """
    data = data[data.find(START) :]
    scans = _read_scans(data)
    if scans.count > MAX_SCANS:
        raise ValueError(f"{scans.count} scans")
    if scans.has_end or not scans.end:
        return data
    return _without_filling(data[: scans.end]) + ADDED_END


def ends_early(image: Image.Image, data: bytes) -> bool:
    """Whether a file's end marker comes before the picture's last blocks.

    Where the last pixel has the grey of missing blocks, bits are missing, or the marker was added,
    the file is decoded again with more data before it: only what was missing changes.

    Args:
        image: The picture, loaded.
        data: Its file, repaired.
    """
    scans = _read_scans(data)
    if scans.lack_content():
        return True
    last = image.getpixel((image.width - 1, image.height - 1))
    is_grey = GREY.issuperset(last if isinstance(last, tuple) else (last,))
    if not (is_grey or scans.lack_bits() or data.endswith(ADDED_END)):
        return False
    more = _without_filling(data[: scans.end]) + FILLING + data[scans.end :]
    longer = Image.open(io.BytesIO(more), formats=("JPEG",))
    longer.draft(None, _size_to_request(longer.size, image.size))
    return longer.tobytes() != image.tobytes()


def _size_to_request(full: tuple[int, int], reduced: tuple[int, int]) -> tuple[int, int]:
    """The size for which Pillow decodes a picture with the same reduction again.

    libjpeg reduces by 1, 2, 4 or 8 and rounds up; Pillow takes the largest reduction that gives at
    least the size requested.
    """
    for scale in REDUCTIONS:
        if reduced == tuple(-(-side // scale) for side in full):
            width, height = (max(side // scale, 1) for side in full)
            return width, height
    return full


def _without_filling(data: bytes) -> bytes:
    """Data of a scan without the 0xFF that may be in front of the next marker."""
    return data.rstrip(b"\xff")


def _read_scans(data: bytes) -> _Scans:
    """Read the markers of a file, up to the end marker or the end of the data."""
    scans = _Scans()
    position = 2
    while found := MARKER.search(data, position):
        marker, position = found[1][0], found.end()
        if marker == END_OF_IMAGE:
            scans.has_end = True
            break
        if marker in ALONE:
            continue
        start = position + 2
        position = max(start, position + int.from_bytes(data[position:start]))
        segment = data[start:position]
        if marker in FRAMES:
            scans.progressive = marker in PROGRESSIVE
            scans.components = int.from_bytes(segment[5:6])  # behind precision, height and width
        elif marker == START_OF_SCAN:
            scans.count += 1
            scans.add(segment)
            after = AFTER_SCAN.search(data, position)
            position = scans.end = after.start() if after else len(data)
    return scans
