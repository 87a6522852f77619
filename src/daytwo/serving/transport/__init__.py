"""HTTP on a socket: bytes in, requests out, responses back.

protocol.py   one connection (sizes.py: how large a message may become; packing.py: gzip)
door.py       what all connections share
messages.py   a request, a response, and how an error is told
"""
