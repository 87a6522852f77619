"""The web front: `app.py` answers, `pages.py` says what stands on a page, `charts.py` draws, `serve.py` listens."""
