"""The tools that compress, on both sides: a host's program by its name, and what speaks its format here."""

import sys
import zlib
from collections.abc import Collection
from typing import Protocol

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

GZIP, ZSTD = "gzip", "zstd"

TOOLS = (ZSTD, GZIP)
"""The better one first: zstd leaves less of a byte in a tenth of the time. Both know `-1c` and `-dc`."""

FASTEST, AS_IT_IS = 1, 0
"""Levels: each further one costs more time than it saves on most links, and those of zstd that are faster still leave
more than they spare."""

_GZIP = 31
"""What zlib calls gzip's format."""

WINDOW = 23
"""The binary logarithm of the bytes that a zstd stream may want to have at hand: what everybody has to open."""

_HEAD, _BLOCK, _LAST = b"\x28\xb5\x2f\xfd\x00\x38", 1 << 17, b"\x01\x00\x00"
"""How a zstd frame of any length begins, for blocks of so many bytes; an empty block that ends it."""

Damages = (zlib.error, zstd.ZstdError)


class Packer(Protocol):
    """Compresses one stream."""

    def compress(self, data: bytes, /) -> bytes:
        """Take bytes, and return what is ready."""
        ...

    def flush(self) -> bytes:
        """Return the rest: nothing comes any more."""
        ...


class Unpacker(Protocol):
    """Opens one stream. What is damaged raises one of `Damages`."""

    @property
    def eof(self) -> bool:
        """Whether its end came."""
        ...

    @property
    def unused_data(self) -> bytes:
        """What came behind it."""
        ...

    def decompress(self, data: bytes, most: int) -> bytes:
        """Take bytes, and return what they hold; when that is `most`, there may be more of it without any others."""
        ...


def best(tools: Collection[str]) -> str:
    """Return the tool by which a host that has these compresses; "" for none."""
    return next((tool for tool in TOOLS if tool in tools), "")


def slowest(tools: Collection[str]) -> str:
    """Return that of some tools which takes longest."""
    return next(tool for tool in reversed(TOOLS) if tool in tools)


def packer(tool: str) -> Packer:
    """Return what makes a stream that a tool opens."""
    return zstd.ZstdCompressor(FASTEST) if tool == ZSTD else zlib.compressobj(FASTEST, zlib.DEFLATED, _GZIP)


def wrapper(tool: str) -> Packer:
    """Return what makes a stream that a tool opens, and in which all is as it was."""
    return _Frames() if tool == ZSTD else zlib.compressobj(AS_IT_IS, zlib.DEFLATED, _GZIP)


def unpacker(tool: str) -> Unpacker:
    """Return what opens a stream that a tool made."""
    return (
        zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: WINDOW})
        if tool == ZSTD
        else _Gunzip()
    )


class _Frames:
    """Zstd frames whose blocks are as they were: zstd has no level that does that."""

    def compress(self, data: bytes, /) -> bytes:
        blocks = (data[at : at + _BLOCK] for at in range(0, len(data), _BLOCK))
        return _HEAD + b"".join((len(block) << 3).to_bytes(3, "little") + block for block in blocks) + _LAST

    def flush(self) -> bytes:
        return self.compress(b"")


class _Gunzip:
    """What zlib does not take at once is kept for the next time."""

    def __init__(self) -> None:
        self._engine = zlib.decompressobj(_GZIP)

    @property
    def eof(self) -> bool:
        return self._engine.eof

    @property
    def unused_data(self) -> bytes:
        return self._engine.unused_data

    def decompress(self, data: bytes, most: int) -> bytes:
        return self._engine.decompress(self._engine.unconsumed_tail + data, most)
