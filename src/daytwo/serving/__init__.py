"""Answer requests: check, route, predict, give reasons, record.

server.py     one process that answers (worker.py starts it, config.py tells it what to do)
workers/      several such processes behind one port (__main__.py decides; process.py runs either as a child)
handlers.py   what each address answers (addresses.py: what a path asks for; desk.py: what one model answers;
              refusals.py: how it is told what went wrong)
models.py     every model of one process (assembly.py: what a server is put together of besides)
access/       who may ask what, and how fast
asgi.py       the same as an ASGI app (fellows.py: in several processes that nobody supervises)
transport/    HTTP on a socket
answering/    rows answered, recorded and told
dialects/     the addresses of other servers
metrics.py    what is counted (counts.py: by a request), in Prometheus' format
client.py     calls from Python
log.py        what the operator reads
"""
