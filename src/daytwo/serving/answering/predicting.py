"""Rows answered, recorded and counted: what every address that predicts has in common.

Nothing is acknowledged that is not in the journal: a record is added to it here, and the reply leaves once the turn's
records are written (`transport/turns.py`). `predict.py` makes the record, `replies.py` the reply of it.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Sequence

import msgspec

from daytwo.core.pseudonyms import Pseudonyms
from daytwo.predictions.journal import Journal, Place
from daytwo.predictions.record import ASKED, CHAMPION, PredictionRecord, decode, encode
from daytwo.serving.answering.again import answered_again
from daytwo.serving.answering.live import Live, Version, Watcher
from daytwo.serving.answering.personal import hidden, hidden_body
from daytwo.serving.answering.plain import Plain, PlainRows
from daytwo.serving.answering.predict import answer
from daytwo.serving.answering.recent import Recent
from daytwo.serving.answering.replies import Reply, reply, reply_again
from daytwo.serving.answering.requests import PredictRequest, read_predict
from daytwo.serving.answering.router import Router
from daytwo.serving.answering.shadow import ShadowQueue
from daytwo.serving.answering.written import Told, Writer, with_condition
from daytwo.serving.counts import Counts
from daytwo.serving.metrics import OfModel
from daytwo.serving.transport.messages import HttpError

# Reasons cost a hundred times a score, so a request may ask them of so many rows.
MAX_EXPLAINED_ROWS = 100
_encode = msgspec.json.Encoder().encode


class Predicting:
    """Answers the rows of one model. For the loop's thread only."""

    def __init__(
        self,
        model: str,
        *,
        prefix: str,
        router: Router,
        watcher: Watcher,
        journal: Journal,
        recent: Recent,
        shadow: ShadowQueue,
        metrics: OfModel,
        counts: Counts,
        pseudonyms: Pseudonyms | None = None,
    ) -> None:
        self._model, self._prefix, self._router, self._watcher = model, prefix, router, watcher
        self._journal, self._recent, self._shadow = journal, recent, shadow
        self._metrics, self._counts, self._pseudonyms = metrics, counts, pseudonyms
        self._next = 0
        self._writer: tuple[Plain | None, Writer] = None, Writer(model, "", "", prefix)

    def live(self) -> Live:
        """Return what answers right now.

        Raises
        ------
        HttpError
            503, if nothing is loaded.
        """
        if self._watcher.live is None:
            raise HttpError(
                503,
                "not_ready",
                f"no model is loaded: {self._watcher.fault or 'nothing is routed yet'}",
                hint="`daytwo status` shows what is missing",
                retry_after_s=1,
            )
        return self._watcher.live

    def predict_plain(self, body: bytes, max_rows: int, token: str = "") -> tuple[bytes, int]:
        """Return the reply to the body of `POST /predict`, and of how many rows; raises as `predict` does.

        `token` is the name of the one that it came with.
        """
        live = self._watcher.live
        if live is not None and (plain := live.champion.plain) is not None:
            kept = body if self._pseudonyms is None else hidden_body(body, self._pseudonyms)
            asked = None if kept is None else plain.read(kept, max_rows)
            sound = self._is_sound(live)
            if asked is not None and ((sound and not live.is_split) or self._is_champions(asked, plain, live)):
                told = self._predict_plainly(asked, plain, live, token, sound=sound)
                if told is not None:
                    return told, asked.counts[0]
        reply = self.predict(read_predict(body, max_rows), token=token)
        return _encode(reply), len(reply.predictions)

    def predict_together(self, bodies: Sequence[bytes], max_rows: int) -> list[bytes | None]:
        """Return the replies to bodies of `POST /predict`, all answered in one go; None for what is to be asked alone.

        That is whatever is not plain, everything while there is more than the champion or anything wrong with it, and
        everything where the model fails on a row of them.
        """
        nothing: list[bytes | None] = [None] * len(bodies)
        live = self._watcher.live
        if live is None or live.is_split or live.shadow is not None or self._pseudonyms is not None:
            return nothing
        plain = live.champion.plain
        if plain is None or not plain.takes_many or not self._is_sound(live):
            return nothing
        asked, taken = plain.read_many(bodies, max_rows)
        if not asked.counts:
            return nothing
        told = plain.told(asked, self._writer_of(plain), start=self._next, received_at_us=time.time_ns() // 1000)
        if told is None:
            return nothing
        self._add(told, asked.counts, live)
        if len(told.replies) == len(bodies):
            return list(told.replies)
        replies = iter(told.replies)
        return [next(replies) if one else None for one in taken]

    def _is_sound(self, live: Live) -> bool:
        """Whether nothing is known to be wrong with the champion and with what keeps its answers."""
        return live.champion.breaker.is_sound and self._journal.failing is None and not self._watcher.degraded

    def _condition(self, live: Live) -> str:
        """Return what is wrong with the champion and with what keeps its answers; empty where nothing is."""
        breaker = live.champion.breaker
        found = [self._watcher.degraded] if self._watcher.degraded else []
        if not breaker.is_sound:
            found.append(f"the model fails: {breaker.reason or 'on some of the newest rows'}")
        if self._journal.failing is not None:
            found.append("answers leave without a record")
        return "; ".join(found)

    def _is_champions(self, asked: PlainRows, plain: Plain, live: Live) -> bool:
        """Whether the champion is asked for every row."""
        if not live.champion.breaker.allows():
            return False
        if not live.is_split:
            return True
        share, holdout = live.route.canary_share if live.canary is not None else 0.0, live.route.holdout
        whose = plain.subjects(asked)
        return all(one is not None and self._router.arm(one, share, holdout) == CHAMPION for one in whose)

    def _predict_plainly(self, asked: PlainRows, plain: Plain, live: Live, token: str, *, sound: bool) -> bytes | None:
        """Return the reply to a request in which every row keeps its contract; None where the model fails on one."""
        fingerprint, shadow = 0, "" if live.shadow is None else live.shadow.digest
        if asked.request_id is not None:
            fingerprint = zlib.crc32(asked.texts[0])
            known = self._known(asked.request_id, fingerprint)
            if known is not None:
                return self._with_condition(_encode(reply_again(known, self._model, live.known)), live)
        start = self._next
        told = plain.told(
            asked,
            self._writer_of(plain),
            start=start,
            received_at_us=time.time_ns() // 1000,
            fingerprint=fingerprint,
            shadow=shadow,
            token=token,
            timed=live.is_compared,
        )
        if told is None:
            return None
        if not (sound or live.champion.breaker.is_sound):
            live.champion.breaker.heard(good=True)
        if shadow or asked.request_id is not None:
            record = decode(told.records[0])
            assert isinstance(record, PredictionRecord)
            self._record(record, live)
        else:
            self._add(told, asked.counts, live)
        return told.replies[0] if sound else self._with_condition(told.replies[0], live)

    def _writer_of(self, plain: Plain) -> Writer:
        if plain is not self._writer[0]:
            self._writer = plain, plain.writer(self._model, self._prefix)
        return self._writer[1]

    def _add(self, told: Told, counts: Sequence[int], live: Live) -> None:
        """Add records to the journal; what is kept of them is kept once they are written."""
        starts = []
        for count in counts:
            starts.append(self._next)
            self._next += count
        size = sum(map(len, told.records))

        def keep(segment: str, offsets: Sequence[int]) -> None:
            self._recent.remember_predictions(self._prefix, starts, segment, offsets)
            self._counts.plain(live.champion.digest, told.scores, size)

        self._journal.add_all(told.records, keep)

    def _with_condition(self, reply: bytes, live: Live) -> bytes:
        condition = self._condition(live)
        return with_condition(reply, condition) if condition else reply

    def predict(self, asked: PredictRequest, named: Version | None = None, *, token: str = "") -> Reply:
        """Answer rows, and record them first: by the route, or by the version that was `named`.

        `token` is the name of the one that the request came with.

        Raises
        ------
        HttpError
            409 for a request id that was used for other content, 413 for reasons of too many rows, 503 if nothing is
            loaded.
        """
        if asked.explain and len(asked.rows) > MAX_EXPLAINED_ROWS:
            raise HttpError(
                413, "too_many_rows", f"reasons are given for {MAX_EXPLAINED_ROWS} rows at most", hint="Send fewer"
            )
        if self._pseudonyms is not None:
            asked = hidden(asked, self._pseudonyms)
        fingerprint = 0
        if asked.request_id is not None:
            # The same rows asked of another version are another question.
            fingerprint = zlib.crc32(asked.text, 0 if named is None else zlib.crc32(named.digest.encode()))
            known = self._known(asked.request_id, fingerprint)
            if known is not None:
                live = self.live()
                return self._told(answered_again(known, self._model, live, explain=asked.explain), live, named)
        live, now = self.live(), time.time_ns() // 1000
        made = answer(
            asked,
            live,
            self._router,
            prefix=self._prefix,
            start=self._next,
            received_at_us=now,
            fingerprint=fingerprint,
            named=named,
            token=token,
        )
        self._record(made.record, live)
        return self._told(reply(made.record, self._model, made.reasons, asked.rows, live.known), live, named)

    def _told(self, told: Reply, live: Live, named: Version | None) -> Reply:
        """Return a reply that also says what is wrong with the model, where it was not asked by its name."""
        condition = "" if named is not None or self._is_sound(live) else self._condition(live)
        return msgspec.structs.replace(told, degraded=condition) if condition else told

    def _known(self, request_id: str, fingerprint: int) -> PredictionRecord | None:
        if self._recent.is_promised("prediction", request_id):
            self._journal.flush()
        known = self._recent.prediction_request(request_id)
        if known is not None:
            self._metrics.add("daytwo_duplicates_total", (("path", "/predict"),))
            if known.fingerprint != fingerprint:
                raise reused(request_id)
        return known

    def _record(self, record: PredictionRecord, live: Live) -> None:
        """Add the record to the journal; what else is kept of it is kept once it is written."""
        self._next += len(record.scores)
        keep_id = self._recent.promise_id("prediction", record.request_id) if record.given else None

        def keep(place: Place) -> None:
            self._recent.remember_prediction(record.prefix, record.start, place)
            if keep_id is not None:
                keep_id(place)
            self._counts.predictions(record, live.champion.model.contract, place.length)
            if live.shadow is not None and record.arms != (ASKED,):
                self._shadow.put(record, live.shadow)

        self._journal.add(encode(record), keep)


def reused(request_id: str) -> HttpError:
    """Return the refusal of a request id that stands for other content already."""
    return HttpError(
        409,
        "duplicate",
        f"the request_id {request_id!r:.80} was used for other content",
        hint="Send a new request_id with new content",
    )
