"""The floor: a bare echo on uvloop and httptools that reads its JSON body and writes it again."""

import asyncio
import sys

import httptools
import msgspec
import uvloop

ENCODER, DECODER = msgspec.json.Encoder(), msgspec.json.Decoder()


class Echo(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport):
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)
        self.body = []

    def data_received(self, data):
        self.parser.feed_data(data)

    def on_body(self, body):
        self.body.append(body)

    def on_message_complete(self):
        body = ENCODER.encode(DECODER.decode(b"".join(self.body) or b"{}"))
        self.body = []
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
        self.transport.write(head + body)


async def main(port):
    """Serve until stopped."""
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


uvloop.run(main(int(sys.argv[1])))
