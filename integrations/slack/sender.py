"""The channel ``slack``: one message for each alert, edited in place, with replies in its thread."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from integrations.slack.blocks import (
    Message,
    alert_message,
    group_message,
    reply_message,
    report_message,
    summary_message,
)
from integrations.slack.classify import GONE, TOO_LONG, classify, error_code
from integrations.slack.text import mention_of
from scheduler.domain.notice import GROUP, REPLY, REPORT, STATE, SUMMARY, notice_from
from scheduler.domain.outbox import Absent, Answer, Delivery, Found, Permanent, Sent, Transient

log = structlog.get_logger("predawn.slack")

EVENT = "predawn_delivery"
"""Type of the metadata by which a message is found again."""
LOOK_BACK = timedelta(minutes=5)
"""Clocks differ: how much earlier than its row a message is looked for."""
PAGES, PAGE = 10, 100


class SlackSender:
    """See ``scheduler.ports.outbox.Sender``.

    Args:
        client: without retries of its own.
        channel_id: ``C…``.
        mention: whom to call when nobody acknowledges.
        buttons: whether presses reach us (Socket Mode is set up).
        link: base address that messages link to.
    """

    channel = "slack"

    def __init__(
        self,
        client: AsyncWebClient,
        channel_id: str,
        *,
        mention: str | None = None,
        buttons: bool = False,
        link: str | None = None,
    ) -> None:
        self._client: Any = client  # the SDK's types are open
        self._channel_id = channel_id
        self._mention = mention_of(mention)
        self._buttons = buttons
        self._link = link

    async def send(self, delivery: Delivery) -> Answer:
        """Post, edit or reply."""
        message = self._message(delivery)
        edit = delivery.kind == STATE and delivery.thread is not None
        try:
            return Sent(await self._call(delivery, message, edit=edit))
        except SlackApiError as error:
            code = error_code(error)
            if code in TOO_LONG and message.blocks:
                # Refused for certain: the same in plain text is no repetition.
                return await self._again(delivery, Message(message.text), edit=edit)
            if code in GONE and delivery.thread is not None:
                # Somebody has deleted the message: it is said anew.
                return await self._again(delivery, message, edit=False, in_thread=False)
            return classify(error, repeatable=edit)
        except Exception as error:  # noqa: BLE001 - classify raises what is none of the network's
            return classify(error, repeatable=edit)

    async def _again(self, delivery: Delivery, message: Message, *, edit: bool, in_thread: bool = True) -> Answer:
        try:
            return Sent(await self._call(delivery, message, edit=edit, in_thread=in_thread))
        except Exception as error:  # noqa: BLE001 - as above
            return classify(error, repeatable=edit)

    def _message(self, delivery: Delivery) -> Message:
        payload = delivery.payload
        match delivery.kind:
            case k if k == STATE:
                return alert_message(notice_from(payload["alert"]), buttons=self._buttons, link=self._link)
            case k if k == REPLY:
                return reply_message(payload["text"], mention=self._mention if payload["mention"] else "")
            case k if k == GROUP:
                return group_message(payload, mention=self._mention if payload["mention"] else "")
            case k if k == SUMMARY:
                return summary_message(payload)
            case k if k == REPORT:
                return report_message(payload)
            case _:
                return Message(str(payload["text"]))

    async def _call(self, delivery: Delivery, message: Message, *, edit: bool, in_thread: bool = True) -> str:
        metadata = {
            "event_type": EVENT,
            "event_payload": {"delivery": delivery.id, "alert": delivery.alert_id or ""},
        }
        # An edit to plain text must take the old blocks away.
        blocks: list[dict[str, Any]] = [dict(block) for block in message.blocks]
        if edit:
            answer = await self._client.chat_update(
                channel=self._channel_id,
                ts=cast("str", delivery.thread),
                text=message.text,
                blocks=blocks,
                metadata=metadata,
            )
        else:
            threaded = delivery.kind == REPLY and in_thread and delivery.thread is not None
            answer = await self._client.chat_postMessage(
                channel=self._channel_id,
                text=message.text,
                blocks=blocks or None,
                metadata=metadata,
                thread_ts=delivery.thread if threaded else None,
                reply_broadcast=bool(delivery.payload.get("broadcast")) if threaded else None,
                unfurl_links=False,
                unfurl_media=False,
            )
        return str(answer["ts"])

    async def find(self, delivery: Delivery) -> Found:
        """Look for the delivery's id in the metadata of the channel's newest messages, or of its thread."""
        if delivery.kind == STATE and delivery.thread is not None:
            return Absent()  # an edit can be made again without harm
        oldest = (delivery.created_at - LOOK_BACK).timestamp()
        try:
            ts = await self._search(delivery, oldest)
        except SlackApiError as error:
            answer = classify(error, repeatable=True)
            if isinstance(answer, Permanent):
                # We may not look. A message that comes twice is better than one that never comes.
                log.warning("a doubtful message cannot be looked for; it is said again", error=answer.error)
                return Absent()
            return cast("Transient", answer)
        except Exception as error:  # noqa: BLE001 - as in send
            return cast("Transient", classify(error, repeatable=True))
        return Absent() if ts is None else Sent(ts)

    async def _search(self, delivery: Delivery, oldest: float) -> str | None:
        cursor: str | None = None
        for _ in range(PAGES):
            page: Any
            if delivery.kind == REPLY and delivery.thread is not None:
                page = await self._client.conversations_replies(
                    channel=self._channel_id,
                    ts=delivery.thread,
                    oldest=f"{oldest:.6f}",
                    include_all_metadata=True,
                    limit=PAGE,
                    cursor=cursor,
                )
            else:
                page = await self._client.conversations_history(
                    channel=self._channel_id,
                    oldest=f"{oldest:.6f}",
                    include_all_metadata=True,
                    limit=PAGE,
                    cursor=cursor,
                )
            messages: list[Any] = page.get("messages") or []
            for message in messages:
                metadata: Any = message.get("metadata") or {}
                kept: Any = metadata.get("event_payload") or {}
                if kept.get("delivery") == delivery.id:
                    return str(message["ts"])
            more: Any = page.get("response_metadata") or {}
            cursor = more.get("next_cursor") or None
            if cursor is None:
                return None
        return None
