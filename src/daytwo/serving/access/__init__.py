"""Who may ask what, and how fast.

admission.py  the rules at the door (scopes.py: which address needs which scope)
keyring.py    the tokens that this server knows, as of now
rates.py      how many rows a token may ask for in a time
personal.py   pseudonyms in place of what is personal in a request, before anything is done with it
"""
