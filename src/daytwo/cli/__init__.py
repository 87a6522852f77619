"""The front door: parse, call, print. `main.py` lists the commands; each file beside it holds a few of them."""
