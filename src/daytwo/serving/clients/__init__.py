"""What the two clients of a server share, and the one that does not block; `serving/client.py` is the one that does.

calls.py         what can be asked, and what an answer or a refusal means
patience.py      how long to wait before the next try
trying.py        one call and its tries
streams.py       HTTP/1.1 on asyncio's streams
asynchronous.py  AsyncClient
"""
