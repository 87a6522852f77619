"""HTTP on a socket: bytes in, requests out, responses back.

accepting.py  whoever connects
protocol.py   one connection (reading.py: requests of its bytes; sizes.py: how large a message may become)
heads.py      heads that were read before
door.py       what all connections share
turns.py      what waits, and the turn in which it is answered
packing.py    bodies compressed
messages.py   a request, a response, and how an error is told
asgi.py       the same queue for requests of an ASGI server
"""
