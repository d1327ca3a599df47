from __future__ import annotations

import asyncio
import json
import re
import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest
import rasa.core.channels.channel
import rasa.server
import wordmodel
from emoplugin import EmotionChannel
from emoplugin.rasa.channel import MOST_BYTES, MOST_CHARACTERS, MOST_REQUESTS, MOST_TURNS
from prometheus_client.parser import text_string_to_metric_families
from rasa.shared.exceptions import InvalidConfigException
from running import Server
from sanic import Sanic

PHONE = ["Did you break my phone?", "Yes, it was me", "Are you serious"]
HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "use-over-http.md"
JSON = {"Content-Type": "application/json"}
SECRET = "a secret that is long enough to sign with"


@pytest.fixture(autouse=True)
def apps_may_share_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sanic, "test_mode", True)


@asynccontextmanager
async def served(channel: EmotionChannel, **options: Any) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of the channel in Rasa's own app, which has no assistant loaded."""
    app = rasa.server.create_app(**options)
    rasa.core.channels.channel.register([channel], app, route="/webhooks/")
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = await app.create_server(sock=listening, return_asyncio_server=True, access_log=False)
        await server.startup()
        await server.start_serving()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        try:
            async with aiohttp.ClientSession(url) as client:
                yield client
        finally:
            server.close()
            await server.wait_closed()


async def post(client: aiohttp.ClientSession, body: Any, **options: Any) -> tuple[int, Any]:
    async with client.post("/webhooks/emotion/parse", json=body, **options) as answer:
        return answer.status, await answer.json()


async def get(client: aiohttp.ClientSession, route: str, **options: Any) -> tuple[int, str]:
    async with client.get(f"/webhooks/emotion/{route}", **options) as answer:
        return answer.status, await answer.text()


def samples(metrics: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(metrics)
        for sample in family.samples
    }


@pytest.fixture
def channel(tmp_path: Path) -> EmotionChannel:
    return EmotionChannel.from_credentials({"model": str(wordmodel.write(tmp_path / "words"))})


@pytest.fixture
async def client(channel: EmotionChannel) -> AsyncIterator[aiohttp.ClientSession]:
    async with served(channel) as client:
        yield client


def test_where_the_channel_is() -> None:
    assert EmotionChannel.name() == EmotionChannel().url_prefix() == "emotion"


async def test_what_a_request_gets(client: aiohttp.ClientSession) -> None:
    status, answer = await post(client, {"turns": ["glad", "b", "i am mad"]})
    assert status == 200
    assert answer["label"] == "angry"
    assert answer["confidence"] == answer["probabilities"]["angry"] > 0.8
    assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-3)
    assert (answer["labels"], answer["abstained"]) == (["angry"], False)
    assert answer["spans"] == [{"start": 0, "end": len("i am mad")}]
    assert answer["model"] == {"name": "words", "version": "1"}
    assert await post(client, {"text": "glad <eos> b <eos> i am mad"}) == (200, answer)


async def test_a_turn_is_one_turn_whatever_is_in_it(client: aiohttp.ClientSession) -> None:
    _, answer = await post(client, {"turns": ["i am mad <eos> fine"]})
    assert answer["label"] == "angry"


async def test_a_text_that_looks_like_a_payload_is_answered_too(client: aiohttp.ClientSession) -> None:
    status, answer = await post(client, {"text": "/mad"})
    assert (status, answer["label"]) == (200, "angry")


async def test_a_list_is_answered_in_its_order(client: aiohttp.ClientSession) -> None:
    words = (["glad", "blue", "mad", "so"] * MOST_REQUESTS)[:MOST_REQUESTS]
    status, answers = await post(client, [{"text": word} for word in words])
    assert status == 200
    label = {"glad": "happy", "blue": "sad", "mad": "angry", "so": "others"}
    assert [answer["label"] for answer in answers] == [label[word] for word in words]
    assert (await post(client, [{"text": "mad"}]))[1][0]["label"] == "angry"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([], "requests has fewer items than 1."),
        ([{"text": ""}] * (MOST_REQUESTS + 1), f"requests has more items than {MOST_REQUESTS}."),
        ("text", "requests[0] is not of type object."),
        ({}, "requests[0] has neither turns nor text."),
        ([{"text": "a"}, {"text": "secret", "turns": ["secret"]}], "requests[1] has both turns and text."),
        ({"secret": "secret"}, "requests[0] has a key that is neither turns nor text."),
        ({"text": None}, "requests[0].text is not of type string."),
        ({"text": "secret" * MOST_CHARACTERS}, f"requests[0].text has more characters than {MOST_CHARACTERS}."),
        ({"turns": []}, "requests[0].turns has fewer items than 1."),
        ({"turns": ["secret"] * (MOST_TURNS + 1)}, f"requests[0].turns has more items than {MOST_TURNS}."),
        ({"turns": ["secret", 2]}, "requests[0].turns[1] is not of type string."),
    ],
)
async def test_what_does_not_fit_the_schema(client: aiohttp.ClientSession, body: Any, message: str) -> None:
    status, error = await post(client, body)
    assert (status, error["code"], error["reason"]) == (422, 422, "InvalidRequest")
    assert error["message"] == message


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"", JSON, 400),
        (b"{", JSON, 400),
        (b"\xff\xfe", JSON, 400),
        (b"[" * 100_000, JSON, 400),
        (b'{"text": "a"}', {"Content-Type": "text/plain"}, 415),
        (b'{"text": "a"}', {"Content-Type": "application/json; charset=utf-8"}, 200),
        (b'{"text": "\\ud800 \\u0000"}', JSON, 200),
        (b" " * (MOST_BYTES + 1), JSON, 413),
    ],
    ids=["empty", "cut", "not text", "deep", "plain", "charset", "surrogate", "large"],
)
async def test_what_is_not_json(
    client: aiohttp.ClientSession, body: bytes, headers: Mapping[str, str], status: int
) -> None:
    async with client.post("/webhooks/emotion/parse", data=body, headers=headers) as answer:
        assert answer.status == status
        assert isinstance(await answer.json(), dict)
    assert (await post(client, {"text": "still there"}))[0] == 200


async def test_the_token_and_jwt_of_rasa(channel: EmotionChannel) -> None:
    def bearer(role: str, key: str = SECRET) -> dict[str, str]:
        payload = {"user": {"username": "someone", "role": role}}
        return {"Authorization": f"Bearer {jwt.encode(payload, key, algorithm='HS256')}"}

    async with served(channel, auth_token="token", jwt_secret=SECRET, jwt_method="HS256") as client:
        for request in (post(client, {"text": "mad"}), post(client, {"text": "mad"}, params={"token": "other"})):
            status, error = await request
            assert (status, error["reason"]) == (401, "NotAuthenticated")
        assert (await post(client, {"text": "mad"}, headers=bearer("admin", SECRET[::-1])))[0] == 401
        assert (await post(client, {"text": "mad"}, headers=bearer("user")))[0] == 403
        assert (await post(client, {"text": "mad"}, headers=bearer("admin")))[0] == 200
        assert (await post(client, {"text": "mad"}, params={"token": "token"}))[0] == 200
        assert (await get(client, "metrics"))[0] == 401
        assert (await get(client, "metrics", params={"token": "token"}))[0] == 200
        assert (await get(client, "health"))[0] == 200


async def test_without_an_assistant_or_a_model_of_its_own_it_is_not_ready() -> None:
    async with served(EmotionChannel.from_credentials(None)) as client:
        status, error = await post(client, {"text": "mad"})
        assert (status, error["reason"]) == (503, "NotReady")
        assert (await get(client, "health"))[0] == (await get(client, "metrics"))[0] == 503


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/parse", "POST"),
        ("DELETE", "/parse/", "POST"),
        ("POST", "/health", "GET"),
        ("PUT", "/metrics", "GET"),
        ("GET", "", None),
        ("POST", "/", None),
        ("GET", "/nothing", None),
        ("PATCH", "/nothing/at/all/", None),
        ("POST", "/parse/nothing", None),
        ("GET", "/%3Cb%3E", None),
    ],
)
async def test_what_is_not_there(client: aiohttp.ClientSession, method: str, path: str, allowed: str | None) -> None:
    expected = (405, "MethodNotAllowed") if allowed else (404, "NotFound")
    async with client.request(method, f"/webhooks/emotion{path}", data=b"secret") as answer:
        error = await answer.json()
        assert (answer.status, error["reason"]) == expected
        assert (error["status"], error["code"]) == ("failure", answer.status)
        assert answer.headers.get("Allow") == allowed


async def test_the_routes_beside_it_are_as_ever(client: aiohttp.ClientSession) -> None:
    for path, status in (("/", 200), ("/version", 200), ("/nothing", 404), ("/webhooks", 404), ("/webhooks/rest", 404)):
        async with client.get(path) as answer:
            assert answer.status == status
            assert answer.content_type != "application/json" or path == "/version"
    assert (await get(client, "health/"))[0] == 200
    preflight = {"Origin": "https://example.org", "Access-Control-Request-Method": "POST"}
    async with client.options("/webhooks/emotion/parse", headers=preflight) as answer:
        assert answer.status == 200
        assert answer.headers["Access-Control-Allow-Origin"] == "https://example.org"


async def test_a_model_that_fails(
    client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(model: Any, windows: Any) -> Any:
        raise ValueError(f"cannot read {windows}")

    monkeypatch.setattr(wordmodel.WordModel, "scores", broken)
    status, error = await post(client, {"text": "plughxyzzy"})
    assert (status, error["code"], error["reason"], error["status"]) == (500, 500, "InternalServerError", "failure")
    assert "ValueError" in caplog.text
    assert "in broken" in caplog.text
    assert "plughxyzzy" not in caplog.text + str(error)
    status, health = await get(client, "health")
    assert (status, json.loads(health)["reason"]) == (503, "NotReady")
    monkeypatch.undo()
    assert (await get(client, "health"))[0] == 200


async def test_metrics_count_what_was_answered(client: aiohttp.ClientSession) -> None:
    async def counted(metric: str, **labels: str) -> float:
        return samples((await get(client, "metrics"))[1]).get((metric, frozenset(labels.items())), 0)

    async def counts() -> list[float]:
        labels = ("angry", "happy")
        predictions = [await counted("emoplugin_predictions_total", label=label) for label in labels]
        return [*predictions, await counted("emoplugin_process_seconds_count")]

    before = await counts()
    await post(client, [{"text": "mad"}, {"text": "mad"}, {"text": "glad"}])
    await post(client, {"text": 3})
    await get(client, "health")
    assert await counts() == [before[0] + 2, before[1] + 1, before[2] + 1]
    assert await counted("emoplugin_model_info", name="words", version="1") == 1


async def test_others_are_served_while_a_batch_is_worked_on(
    client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = wordmodel.WordModel.scores

    def slow(*arguments: Any) -> Any:
        time.sleep(0.3)
        return scores(*arguments)

    monkeypatch.setattr(wordmodel.WordModel, "scores", slow)
    batch = asyncio.create_task(post(client, [{"text": "mad"}] * MOST_REQUESTS))
    await asyncio.sleep(0.1)
    async with client.get("/version") as answer:
        assert answer.status == 200
    assert not batch.done()
    assert (await batch)[0] == 200


@pytest.mark.parametrize(
    ("credentials", "message"),
    [
        ({"modell": "nelec-en"}, "unknown key modell"),
        ({"alert": None}, "unknown key alert; the keys are model, device"),
        ({1: 2, "x": 3}, "unknown key 1, x;"),
        ({"model": "no-such-model"}, "No bundle 'no-such-model'"),
        ({"min_confidence": 1.5}, "min_confidence is 1.5"),
        ("nelec-en", "give keys such as model"),
    ],
)
def test_bad_credentials(credentials: Any, message: str) -> None:
    with pytest.raises(InvalidConfigException, match=message):
        EmotionChannel.from_credentials(credentials)


async def test_the_how_to_shows_a_real_answer() -> None:
    section = HOW_TO.read_text().partition("### Parse")[2]
    (request,) = re.findall(r"-d '(.*)'", section)
    shown = json.loads(re.findall(r"```json\n(.*?)```", section, re.DOTALL)[0])
    async with served(EmotionChannel.from_credentials({"model": "nelec-en"})) as client:
        _, answer = await post(client, json.loads(request))
    # Arithmetic differs from machine to machine in the last digits.
    for key in ("confidence", "probabilities"):
        assert shown.pop(key) == pytest.approx(answer.pop(key), abs=0.005)
    assert shown == answer


async def test_below_min_confidence_it_abstains(tmp_path: Path) -> None:
    model = str(wordmodel.write(tmp_path / "words"))
    async with served(EmotionChannel.from_credentials({"model": model, "min_confidence": 0.99})) as client:
        _, answer = await post(client, {"text": "mad"})
    assert (answer["label"], answer["abstained"]) == ("others", True)


@pytest.mark.xdist_group("assistant")
def test_the_demo_answers_with_the_model_of_its_pipeline(server: Server) -> None:
    answer = server.call("/webhooks/emotion/parse", {"turns": PHONE})
    parsed = server.call("/model/parse", {"text": " <eos> ".join(PHONE)})
    assert answer["label"] == "angry"
    assert all(answer[key] == parsed["emotion"][key] for key in answer.keys() - {"spans"})
    (entity,) = (entity for entity in parsed["entities"] if entity["entity"] == "emotion")
    assert answer["spans"] == [{"start": entity["start"], "end": entity["end"]}]
    assert server.call("/webhooks/emotion/health") == {"status": "ok", "model": answer["model"]}


@pytest.mark.xdist_group("assistant")
def test_the_log_holds_no_words_of_a_request(server: Server) -> None:
    server.call("/webhooks/emotion/parse", {"turns": ["my password is", "yes?", "plughxyzzy"]})
    assert "plughxyzzy" not in server.log.read_text()
