"""Mutated feeds of every format: each is read, or is one sentence.

python -m tests.catalog.fuzz --files 100000 --seed 1
"""

import argparse
import csv
import gzip
import io
import json
import random
import re
import sys
import tempfile
import traceback
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

import openpyxl
import pyarrow
from pyarrow import parquet

from catalog import CatalogError
from catalog.formats.opening import open_feed
from catalog.readers import DroppedRow, read_products

ROWS = [
    {
        "id": "a1",
        "title": "Lamp, tall",
        "price": "12.50",
        "image": "1.jpg",
        "note": 'the "old" one',
    },
    {"id": "a2", "title": "Teppich für Flur", "price": "", "image": "2.jpg", "note": "two\nlines"},
    {"id": "a3", "title": "Mug", "price": "3,99 €", "image": "", "note": "a; b | c\td"},
]
# What often breaks readers: quotes, brackets, ends of lines, halves of characters, markup.
TOKENS = [
    *(b'"', b"'", b"{", b"}", b"[", b"]", b",", b":", b";", b"|", b"\t", b"\\", b"\n", b"\r"),
    *(
        b"\r\n",
        b"\n\n",
        b'""',
        b'",',
        b',"',
        b"\0",
        b"\xff",
        b"\xe2\x82",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
    ),
    *(b"<", b">", b"</", b"&", b"&amp;", b"<!DOCTYPE x>", b"<![CDATA[", b"]]>", b"<!--", b"<row>"),
    *(
        b"NaN",
        b"1e999",
        b"9" * 400,
        b"null",
        b"[" * 300,
        b'{"a":' * 300,
        b"sep=;\n",
        b"id",
        b"PAR1",
    ),
    *("é".encode("cp1252"), "Ж".encode("cp1251"), b"\xed\xa0\x80", b"\\ud800"),
]
FORMATS = ("csv", "tsv", "jsonl", "json", "xml", "xlsx", "parquet", "csv.gz", "zip")


def feeds(kind: str) -> list[bytes]:
    """Small feeds of a format, as programs write them."""
    match kind:
        case "csv":
            return [
                _table(",").encode(),
                _table(";", quoting=csv.QUOTE_ALL).encode("cp1252"),
                _table("\t").encode("utf-16"),
                b"sep=;\r\n" + _table(";").encode(),
            ]
        case "tsv":
            unquoted = ["\t".join(row.values()).replace("\n", " ") for row in ROWS]
            return ["\n".join(["\t".join(ROWS[0]), *unquoted]).encode(), _table("\t").encode()]
        case "jsonl":
            return ["\n".join(map(json.dumps, ROWS)).encode()]
        case "json":
            documents = (ROWS, {"products": ROWS}, {"data": {"items": ROWS}})
            return [json.dumps(each, indent=1).encode() for each in documents]
        case "xml":
            rows = "".join(
                "<item>"
                + "".join(f"<g:{n}>{escape(c)}</g:{n}>" for n, c in row.items())
                + "</item>"
                for row in ROWS
            )
            return [f'<rss xmlns:g="http://g.example"><channel>{rows}</channel></rss>'.encode()]
        case "xlsx":
            book = openpyxl.Workbook()
            for cells in (ROWS[0], *(row.values() for row in ROWS)):
                book.active.append(list(cells))
            data = io.BytesIO()
            book.save(data)
            return [data.getvalue()]
        case "parquet":
            rows = [{**row, "image": {"bytes": b"x", "path": None}} for row in ROWS]
            written = []
            for compression in ("none", "snappy", "gzip", "zstd"):
                data = io.BytesIO()
                parquet.write_table(pyarrow.Table.from_pylist(rows), data, compression=compression)
                written.append(data.getvalue())
            return written
        case "zip":
            data = io.BytesIO()
            with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("out/shop.csv", _table(","))
                archive.writestr("out/1.jpg", b"\xff\xd8\xff" * 20)
            return [data.getvalue()]
        case _:
            return [gzip.compress(each) for each in feeds(kind.removesuffix(".gz"))]


def _table(delimiter: str, quoting: int = csv.QUOTE_MINIMAL) -> str:
    text = io.StringIO()
    table = csv.DictWriter(text, ROWS[0], delimiter=delimiter, quoting=quoting)
    table.writeheader()
    table.writerows(ROWS)
    return text.getvalue()


def mutate(data: bytes, rng: random.Random) -> bytes:
    """The data with some pieces inserted, replaced, deleted or repeated."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 3, 5, 12))):
        at = rng.randrange(len(changed) + 1)
        match rng.randrange(5):
            case 0:
                changed[at:at] = rng.choice(TOKENS)
            case 1:
                changed[at : at + 1] = bytes([rng.randrange(256)])
            case 2:
                del changed[at : at + rng.choice((1, 2, 10, 100))]
            case 3:
                other = rng.randrange(len(changed) + 1)
                changed[at:at] = changed[other : other + rng.randrange(60)]
            case _:
                token = rng.choice(TOKENS)
                changed[at : at + len(token)] = token
    return bytes(changed)


def fault(kind: str, content: bytes, path: Path) -> str:
    """What is wrong with how a file is read; empty if nothing is."""
    path.write_bytes(content)
    rows = []
    products = []
    try:
        rows.extend(open_feed(path).rows)
        products.extend(read_products(path))
    except CatalogError as error:
        return "a sentence of several lines" if "\n" in str(error) else ""
    except BaseException:  # noqa: BLE001 - whatever it is, it is what is looked for
        return traceback.format_exc()
    if [number for number, _ in rows] != sorted({number for number, _ in rows}):
        return "rows are not numbered in order"
    reasons = {each.reason for each in products if isinstance(each, DroppedRow)}
    if unexpected := [reason for reason in reasons if reason.startswith("unexpected")]:
        return ", ".join(unexpected)
    if len(products) > len(rows):
        return f"{len(products)} products of {len(rows)} rows"
    most = len(re.split(rb"[\r\n]", content))  # records that lost their line ends are records
    most += content.count(b"{") if kind == "jsonl" else 0
    if kind in ("csv", "tsv", "jsonl") and len(rows) > most:
        return f"{len(rows)} rows of {most} lines or records"
    if kind == "jsonl":
        ids = [record.get("id") for _, record in rows if isinstance(record, dict)]
        intact = [row["id"] for row in ROWS if json.dumps(row).encode() in content.split(b"\n")]
        if missing := set(intact).difference(map(str, ids)):
            return f"lost {missing}"
    return ""


def faults(kind: str, files: int, seed: int, folder: Path) -> Iterator[tuple[int, str, bytes]]:
    """Number, fault and content of each mutated file of a format that is read wrongly."""
    originals = feeds(kind)
    for number in range(files):
        rng = random.Random(f"{kind} {seed} {number}")
        content = mutate(rng.choice(originals), rng)
        if found := fault(kind, content, folder / f"shop.{kind}"):
            yield number, found, content


def main() -> None:
    """Try many files of each format, and print what went wrong."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--files", type=int, default=1000, help="of each format")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--format", action="append", choices=FORMATS)
    chosen = options.parse_args()
    count = 0
    with tempfile.TemporaryDirectory() as folder:
        for kind in chosen.format or FORMATS:
            before = count
            for number, found, content in faults(kind, chosen.files, chosen.seed, Path(folder)):
                count += 1
                print(f"{kind} {number}: {found}\n{content[:500]!r}", flush=True)  # noqa: T201
            print(f"{kind}: {chosen.files} files, {count - before} faults", flush=True)  # noqa: T201
    sys.exit(count > 0)


if __name__ == "__main__":
    main()
