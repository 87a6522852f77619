"""Alerts sent to people's own channels (mail, chat, pager) through Apprise."""

from __future__ import annotations

import apprise

from daytwo.alerts.alerts import Alert
from daytwo.core.errors import SettingsError
from daytwo.core.finding import Severity

_TYPES = {
    Severity.INFO: apprise.NotifyType.INFO,
    Severity.WARNING: apprise.NotifyType.WARNING,
    Severity.CRITICAL: apprise.NotifyType.FAILURE,
}


class AppriseChannel:
    """The `Channel` behind one Apprise URL.

    Apprise takes a URL it does not understand in silence; here it is refused when the channel is made.
    """

    def __init__(self, url: str) -> None:
        self._apprise = apprise.Apprise()
        if not self._apprise.add(url):
            raise SettingsError(
                "alerts.default points at no URL that Apprise understands",
                hint="See https://github.com/caronc/apprise for the URL of your channel",
            )

    def send(self, alert: Alert) -> bool:
        """Send the alert; return whether every service took it."""
        body = "\n".join(part for part in (alert.summary, _money(alert), alert.next_step) if part)
        sent = self._apprise.notify(
            title=f"[daytwo] {alert.kind}: {alert.subject}", body=body, notify_type=_TYPES[alert.severity]
        )
        return bool(sent)


def _money(alert: Alert) -> str:
    return "" if alert.money_per_day is None else f"Estimated cost: {alert.money_per_day:,.0f} a day"
