"""Answer requests: check, route, predict, give reasons, record.

server.py     one server process (__main__.py starts it, config.py tells it what to do, process.py runs it as a child)
handlers.py   what each address answers (admission.py: who may ask)
transport/    HTTP on a socket
answering/    rows answered, recorded and told
dialects/     the addresses of other servers
metrics.py    what is counted (counts.py: by a request), in Prometheus' format
client.py     calls from Python
log.py        what the operator reads
"""
