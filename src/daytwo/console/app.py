"""The console as a web application: read-only pages over one `System`, with nothing from outside and no script.

`pages.py` says what stands on a page, `serve.py` listens. Only a name of this machine is answered, so that a page in
somebody's browser cannot reach in under a name of its own (DNS rebinding).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from daytwo.console.charts import draw
from daytwo.console.pages import alert_page, home, release_page
from daytwo.core.clock import Clock
from daytwo.core.errors import DaytwoError
from daytwo.lifecycle import words
from daytwo.lifecycle.dossier import Dossier
from daytwo.lifecycle.headline import choice_words
from daytwo.lifecycle.lineup import names_of
from daytwo.lifecycle.releases import State
from daytwo.lifecycle.system import System

_log = logging.getLogger(__name__)

_LOOPBACK = re.compile(r"(?:localhost|127\.0\.0\.1|\[::1\])(?::[0-9]*)?", re.IGNORECASE)
# Nothing but our own style sheet and pictures; no script, no form, no frame, no address to call.
CONTENT_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
SECURITY_HEADERS: Mapping[str, str] = {
    "content-security-policy": CONTENT_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
# A command of ours between backticks or apostrophes.
_COMMAND = re.compile(r"[`'](daytwo [^`']+)[`']")
_TONES = {
    State.WAITING: "act",
    State.REFUSED: "bad",
    State.DECLINED: "bad",
    State.STOPPED: "bad",
    State.ROLLED_BACK: "bad",
    State.LIVE: "good",
}
_STATIC = {"style.css": "text/css", "icon.svg": "image/svg+xml"}
_REFUSALS = {
    404: ("There is no such page", "The address is mistyped, or what it named is not in this project's books."),
    405: ("This page can only be read", "What changes anything is a command; the pages show which."),
}

Page = Callable[[Request], Response]


def build_console(system: System, clock: Clock) -> Starlette:
    """Return the application that shows `system` as it is at `clock`'s present moment."""
    templates = _templates()

    def show_home(_request: Request) -> Response:
        names = names_of(system.registry.versions())
        return HTMLResponse(templates.get_template("home.html").render(page=home(system, clock.now()), names=names))

    def show_release(request: Request) -> Response:
        page = release_page(system, request.path_params["id"], clock.now())
        if page is None:
            raise HTTPException(404)
        return HTMLResponse(templates.get_template("release.html").render(page=page))

    def show_alert(request: Request) -> Response:
        page = alert_page(system, request.path_params["id"], clock.now())
        if page is None:
            raise HTTPException(404)
        return HTMLResponse(templates.get_template("alert.html").render(page=page))

    def refuse(_request: Request, err: Exception) -> Response:
        status = err.status_code if isinstance(err, HTTPException) else 500
        headers = err.headers if isinstance(err, HTTPException) else None
        title, text = _REFUSALS.get(status, ("This cannot be answered", ""))
        page = templates.get_template("trouble.html").render(title=title, text=text, hint="")
        return HTMLResponse(page, status_code=status, headers=headers)

    def trouble(_request: Request, err: Exception) -> Response:
        _log.error("the page could not be made", exc_info=err)
        known = isinstance(err, DaytwoError)
        text = f"{err.message}." if isinstance(err, DaytwoError) else "The reason stands in the log of this console."
        hint = err.hint if isinstance(err, DaytwoError) else "Run 'daytwo doctor' in the project's folder"
        page = templates.get_template("trouble.html").render(title="The page could not be made", text=text, hint=hint)
        # An unforeseen error is answered outside of `Guard`, so this answer brings the headers itself.
        return HTMLResponse(page, status_code=503 if known else 500, headers=dict(SECURITY_HEADERS))

    console = Starlette(
        routes=[
            Route("/", show_home),
            Route("/releases/{id}", show_release),
            Route("/alerts/{id}", show_alert),
            *(Route(f"/static/{name}", _static(name, kind)) for name, kind in _STATIC.items()),
        ],
        middleware=[Middleware(Guard)],
        exception_handlers={HTTPException: refuse, DaytwoError: trouble, Exception: trouble},
    )
    console.router.redirect_slashes = False
    return console


class Guard:
    """Answers only to names of this machine, and puts the security headers on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or turn it away with 421."""
        if scope["type"] != "http":
            return
        if is_loopback(Headers(scope=scope).get("host", "")):
            await self._app(scope, receive, _with_headers(send))
            return
        answer = PlainTextResponse("This console answers to names of its own machine only.\n", status_code=421)
        await answer(scope, receive, _with_headers(send))


def is_loopback(host: str) -> bool:
    """Whether a Host header names this machine, with any port or none.

    Examples
    --------
    >>> is_loopback("localhost:8081"), is_loopback("[::1]:8081"), is_loopback("evil.example"), is_loopback("")
    (True, True, False, False)
    """
    return _LOOPBACK.fullmatch(host) is not None


def _with_headers(send: Send) -> Send:
    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers[name] = value
        await send(message)

    return guarded


def _static(name: str, kind: str) -> Page:
    content = (files("daytwo.console") / "static" / name).read_bytes()

    def show(_request: Request) -> Response:
        return Response(content, media_type=kind)

    return show


def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("daytwo.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["with_commands"] = with_commands
    environment.globals.update(
        say=words, draw=draw, choice_words=choice_words, state_chip=_state_chip, tell_number=_tell_number
    )
    return environment


def _state_chip(one: Dossier) -> Markup:
    """Return the chip that tells a release's state by shape, word and colour."""
    state = one.release.state
    told = state.value.replace("_", " ")
    if state is State.WAITING:
        told = {None: "waits for approval", True: "approved", False: "not approved"}[one.approved]
    tone = _TONES.get(state, "plain")
    mark = {"good": "●", "plain": "○", "act": "◆", "bad": "▲"}[tone]
    return Markup('<span class="chip {}"><span aria-hidden="true">{}</span> {}</span>').format(tone, mark, told)


def with_commands(text: str) -> Markup:
    """Set the commands in a sentence apart, whether it quotes them with backticks or with apostrophes.

    Examples
    --------
    >>> with_commands("See <them>: 'daytwo alerts'")
    Markup('See &lt;them&gt;: <code>daytwo alerts</code>')
    """
    pieces = _COMMAND.split(text)
    return Markup("").join(Markup("<code>{}</code>").format(one) if i % 2 else one for i, one in enumerate(pieces))


def _tell_number(value: float) -> str:
    """Return a number of unknown size with up to four digits that count."""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"
