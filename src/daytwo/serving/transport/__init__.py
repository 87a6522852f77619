"""HTTP on a socket: bytes in, requests out, responses back.

protocol.py   one connection (sizes.py: how large a message may become; packing.py: gzip)
heads.py      heads that were read before
door.py       what all connections share
turns.py      what waits, and the turn in which it is answered
messages.py   a request, a response, and how an error is told
"""
