"""Several server processes behind one port: who they are, how they are kept running, and how they ask each other.

supervisor.py  starts the workers and ends them together (crew.py: one of them, started again when it died)
listeners.py   the port they share
cores.py       how many there are
order.py       what a worker is told (folder.py: where the workers meet)
share.py       which worker keeps what (slots.py: where nobody says who they are; serving/fellows.py moves it)
together.py    what one worker answers for all (totals.py: what all have counted)
neighbours.py  how a worker asks another (callers.py: how it is asked, wire.py: what goes over the line)
"""
