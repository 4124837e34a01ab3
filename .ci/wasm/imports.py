"""Fails if a WebAssembly module imports anything; prints its size."""

import gzip
import sys


def leb(data, at):
    value = shift = 0
    while True:
        octet = data[at]
        at += 1
        value |= (octet & 0x7F) << shift
        shift += 7
        if not octet & 0x80:
            return value, at


def imports(data):
    assert data[:8] == b"\0asm\1\0\0\0", "not a WebAssembly module"
    at = 8
    while at < len(data):
        section = data[at]
        size, at = leb(data, at + 1)
        if section == 2:
            count, _ = leb(data, at)
            return count
        at += size
    return 0


def main():
    with open(sys.argv[1], "rb") as file:
        data = file.read()
    count = imports(data)
    print(f"{count} imports, {len(data)} bytes, {len(gzip.compress(data))} gzipped")
    return 1 if count else 0


sys.exit(main())
