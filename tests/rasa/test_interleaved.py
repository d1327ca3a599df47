"""Two hundred conversations at once over REST: every message sees its own sender's turns and nobody else's."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import aiohttp
import pytest
from running import Server

pytestmark = pytest.mark.xdist_group("assistant")

SENDERS = [f"interleaved-{number}" for number in range(200)]
SAID = ["hello, {} here", "{} would like a refund", "are you serious, says {}"]


async def talk(client: aiohttp.ClientSession, sender: str) -> list[str]:
    """Says everything as one sender, one message after the other, and returns what the bot answers to each."""
    answers = []
    for text in SAID:
        message = {"sender": sender, "message": text.format(sender)}
        async with client.post("/webhooks/rest/webhook", json=message) as answer:
            assert answer.status == 200
            answers.append(" ".join(said["text"] for said in await answer.json()))
    return answers


async def events(client: aiohttp.ClientSession, sender: str) -> list[dict[str, Any]]:
    async with client.get(f"/conversations/{sender}/tracker", params={"include_events": "ALL"}) as answer:
        found: list[dict[str, Any]] = (await answer.json())["events"]
        return found


async def test_two_hundred_conversations_at_once(server: Server) -> None:
    # More would wait for a connection on the client's side: each of them holds its own.
    connector = aiohttp.TCPConnector(limit=len(SENDERS))
    async with aiohttp.ClientSession(server.url, connector=connector) as client:
        answered = await asyncio.gather(*(talk(client, sender) for sender in SENDERS))
        tracked = await asyncio.gather(*(events(client, sender) for sender in SENDERS))
    order = []
    for sender, answers, track in zip(SENDERS, answered, tracked, strict=True):
        said = [text.format(sender) for text in SAID]
        expected = [
            [said[0]],
            [said[0], answers[0], said[1]],
            [said[1], answers[1], said[2]],
        ]
        heard = [event for event in track if event["event"] == "user"]
        assert [event["text"] for event in heard] == said
        assert [event["parse_data"]["emotion"]["turns"] for event in heard] == expected
        assert expected == [turns_in(track, position) for position in range(len(SAID))]
        order += [(event["timestamp"], sender) for event in heard]
    followed = [sender for _, sender in sorted(order)]
    own = sum(before == after for before, after in pairwise(followed))
    assert own < len(followed) / 10, "The conversations were not interleaved."


def turns_in(track: list[dict[str, Any]], position: int) -> list[str]:
    """The turns before and with the user's message at a position, from the tracker's own events."""
    users = [index for index, event in enumerate(track) if event["event"] == "user"]
    if position == 0:
        return [track[users[0]]["text"]]
    before, now = users[position - 1], users[position]
    bot = [event["text"] for event in track[before:now] if event["event"] == "bot"]
    return [track[before]["text"], " ".join(bot), track[now]["text"]]
