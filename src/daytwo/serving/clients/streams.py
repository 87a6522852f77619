"""HTTP/1.1 on asyncio's streams, as much of it as a client of one server needs: one request, one whole answer."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass

# What an answer may have as its head, in bytes.
_MAX_HEAD = 64 * 1024


class BrokenAnswer(OSError):
    """What came back is no whole HTTP/1.1 answer."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer; the names of `headers` are in lower case. `stays` tells that the connection can be used again."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    stays: bool


class Stream:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
        self._reader, self._writer, self._host = reader, writer, host

    @staticmethod
    async def open(host: str, port: int, tls: ssl.SSLContext | None) -> Stream:
        """Connect; raises OSError."""
        reader, writer = await asyncio.open_connection(host, port, ssl=tls, limit=_MAX_HEAD)
        return Stream(reader, writer, f"[{host}]:{port}" if ":" in host else f"{host}:{port}")

    async def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Answered:
        """Send one request and return its answer; raises OSError, and then the connection is of no more use."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self._host}", *(f"{k}: {v}" for k, v in headers.items())]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        self._writer.write("\r\n".join((*lines, "", "")).encode("latin-1") + (body or b""))
        await self._writer.drain()
        try:
            return await self._answer(method)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as err:
            raise BrokenAnswer(f"the answer broke off, or is no HTTP/1.1: {err}") from err

    async def close(self) -> None:
        """Close the connection, and wait until it is."""
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    def abort(self) -> None:
        """Close the connection at once."""
        self._writer.transport.abort()

    async def _answer(self, method: str) -> Answered:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.rstrip("\r\n").split("\r\n")
        version, number, *_ = first.split(" ")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        status = int(number)
        if 100 <= status < 200:
            return await self._answer(method)
        stays = version == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
        if method == "HEAD" or status in {204, 304}:
            body = b""
        elif headers.get("transfer-encoding", "").lower() == "chunked":
            body = await self._chunks()
        elif "content-length" in headers:
            body = await self._reader.readexactly(int(headers["content-length"]))
        else:
            body, stays = await self._reader.read(), False
        return Answered(status, headers, body, stays)

    async def _chunks(self) -> bytes:
        parts = []
        while size := int((await self._reader.readuntil(b"\r\n")).partition(b";")[0], 16):
            parts.append(await self._reader.readexactly(size))
            await self._reader.readexactly(2)
        while await self._reader.readuntil(b"\r\n") != b"\r\n":  # trailers say nothing that is needed here
            continue
        return b"".join(parts)
