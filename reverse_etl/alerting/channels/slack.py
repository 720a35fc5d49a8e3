"""A digest for an incoming webhook of Slack, or of what takes the same: text for notifications, Block Kit for reading.

Slack refuses a message that breaks one of its limits as a whole (docs.slack.dev/reference/block-kit/blocks), so every text is cut to them.
"""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr

from reverse_etl.alerting.alert import Severity
from reverse_etl.alerting.channels.posting import post, told
from reverse_etl.alerting.digest import Digest, Event, News, facts, prefix
from reverse_etl.transport import Transport, write_json

MOST_BLOCKS, LONGEST_HEADER, LONGEST_SECTION, LONGEST_FIELD, LONGEST_TEXT = 50, 150, 3000, 2000, 4000
# Header, and the line that says how many are not shown.
BLOCKS_BESIDE, BLOCKS_PER_ALERT = 2, 2
MOST_ALERTS = (MOST_BLOCKS - BLOCKS_BESIDE) // BLOCKS_PER_ALERT
SYMBOLS = {
    Severity.INFO: ":information_source:",
    Severity.WARNING: ":warning:",
    Severity.ERROR: ":red_circle:",
    Severity.CRITICAL: ":rotating_light:",
}
ELLIPSIS = "…"


class Slack:
    def __init__(self, transport: Transport, url: SecretStr, deadline_seconds: float) -> None:
        self._transport = transport
        self._url = url
        self._deadline = deadline_seconds

    def send(self, digest: Digest) -> str:
        url = self._url.get_secret_value()
        return told(post(self._transport, url, write_json(message(digest)), {}, self._deadline), url)


def message(digest: Digest) -> dict[str, Any]:
    """The body of the request."""
    shown = digest.news[:MOST_ALERTS]
    blocks: list[dict[str, Any]] = [{"type": "header", "text": _plain(f"{digest.installation}: {digest.title}", LONGEST_HEADER)}]
    for one in shown:
        blocks += _blocks(one, digest)
    if len(shown) < len(digest.news):
        blocks.append({"type": "context", "elements": [_markdown(f"and {len(digest.news) - len(shown)} more: `tieout alerts`", LONGEST_FIELD)]})
    return {"text": escaped(f"{digest.installation}: {digest.title}", LONGEST_TEXT), "blocks": blocks}


def _blocks(news: News, digest: Digest) -> list[dict[str, Any]]:
    alert = news.alert
    symbol = ":white_check_mark:" if news.event is Event.OVER else SYMBOLS[alert.severity]
    title, cause = escaped(f"{prefix(news)}{alert.title}", 400), escaped(alert.cause, LONGEST_SECTION - 500)
    beside = []
    for label, value in facts(news, digest.at):
        if label == "Next":
            beside.append(f"*Next:* `{escaped(value.replace('`', chr(39)), 500)}`")
        elif label == "Link":
            # What is no plain URL would end the link early.
            beside.append(f"<{escaped(value, 500)}|open>" if not set(value) & set("<>| ") else escaped(value, 500))
        else:
            beside.append(f"*{label}:* {escaped(value, 300)}")
    section = {"type": "section", "text": {"type": "mrkdwn", "text": f"{symbol} *{title}*\n{cause}", "verbatim": True}}
    return [section, {"type": "context", "elements": [{"type": "mrkdwn", "text": "   ".join(beside), "verbatim": True}]}]


def escaped(text: str, longest: int) -> str:
    """Text in which nothing is a link, a mention or a format of Slack's, in at most ``longest`` characters; no entity is cut in two."""
    parts: list[str] = []
    room = longest
    for character in text:
        part = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\0": ""}.get(character, character)
        if len(part) > room - 1:
            parts.append(ELLIPSIS)
            break
        parts.append(part)
        room -= len(part)
    return "".join(parts)


def _plain(text: str, longest: int) -> dict[str, Any]:
    one_line = " ".join(text.split())
    return {"type": "plain_text", "text": one_line if len(one_line) <= longest else one_line[: longest - 1] + ELLIPSIS, "emoji": False}


def _markdown(text: str, longest: int) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text[:longest], "verbatim": True}
