"""An input channel that answers emotions over HTTP, beside the conversations that Rasa's own channels hold."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import traceback
from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from http import HTTPStatus
from typing import Any

import prometheus_client
from jsonschema import Draft7Validator  # type: ignore[import-untyped]
from rasa.core.channels.channel import InputChannel, UserMessage
from rasa.engine.storage.resource import Resource
from rasa.server import ErrorResponse, requires_auth
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message
from sanic import Blueprint, Sanic, response
from sanic.constants import HTTP_METHODS
from sanic.exceptions import MethodNotSupported, NotFound, SanicException
from sanic.request import Request
from sanic.response import HTTPResponse

from emoplugin.dialogue import Dialogue
from emoplugin.rasa.component import EmotionClassifier
from emoplugin.rasa.context import EMOTION
from emoplugin.rasa.metrics import MODEL, REGISTRY

logger = logging.getLogger(__name__)

KEYS = ("model", "device", "min_confidence", "target_prior")
"""The component's keys that make a difference to what the channel answers."""

MOST_BYTES = 1 << 20
MOST_REQUESTS = 256
MOST_TURNS = 64
MOST_CHARACTERS = 16_384

SCHEMA = {
    "type": "array",
    "minItems": 1,
    "maxItems": MOST_REQUESTS,
    "items": {
        "type": "object",
        "properties": {
            "turns": {
                "type": "array",
                "minItems": 1,
                "maxItems": MOST_TURNS,
                "items": {"type": "string", "maxLength": MOST_CHARACTERS},
            },
            "text": {"type": "string", "maxLength": MOST_CHARACTERS},
        },
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    },
}
"""What is asked for. A single request is checked as a list of one."""

_BROKEN = {
    "type": "is not of type {}",
    "minItems": "has fewer items than {}",
    "maxItems": "has more items than {}",
    "maxLength": "has more characters than {}",
    "additionalProperties": "has a key that is neither turns nor text",
    "minProperties": "has neither turns nor text",
    "maxProperties": "has both turns and text",
}
"""What is wrong, by the schema's keyword. The validator's own messages would repeat the user's words."""

_REASONS = {
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "TooLarge",
    HTTPStatus.UNPROCESSABLE_ENTITY: "InvalidRequest",
    HTTPStatus.SERVICE_UNAVAILABLE: "NotReady",
}
"""The reasons that are not the name of their status."""

ELSEWHERE = "/<path:.*[^/]>"
"""Any path. One that ends in a slash is left to the router, which then tries it without."""

_ANSWERED = ("label", "confidence", "probabilities", "labels", "abstained", "model")
_validator = Draft7Validator(SCHEMA)

Handler = Callable[[Request], Awaitable[HTTPResponse]]


class EmotionChannel(InputChannel):
    """``POST parse``, ``GET health`` and ``GET metrics`` under ``/webhooks/emotion``.

    It holds no conversations. Without credentials it answers with the component of the loaded assistant, as that is
    configured; with credentials, which are some of the component's keys, with a component of its own.
    """

    @classmethod
    def name(cls) -> str:
        return "emotion"

    @classmethod
    def from_credentials(cls, credentials: Mapping[str, Any] | None) -> EmotionChannel:
        """Makes the channel from its section of credentials.yml.

        Raises:
            InvalidConfigException: An unknown key, a bad value or a bundle that cannot be loaded.
        """
        if credentials is not None and not isinstance(credentials, Mapping):
            raise InvalidConfigException("emoplugin.EmotionChannel: give keys such as model, or nothing.")
        return cls(credentials)

    def __init__(self, credentials: Mapping[str, Any] | None = None) -> None:
        self._own = _own(credentials) if credentials else None

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:  # noqa: ARG002
        """The channel's routes. Health is open, as Rasa's own is; the others ask for Rasa's token or JWT."""
        routes = Blueprint("emotion_webhook")
        # Streamed, so that a body beyond the bound is never held in memory.
        routes.add_route(_protected(self._parse), "/parse", methods=["POST"], stream=True, name="parse")
        routes.add_route(_function(self._health), "/health", methods=["GET"], name="health")
        routes.add_route(_protected(self._metrics), "/metrics", methods=["GET"], name="metrics")
        # A blueprint's exception handler sees only what is routed to the blueprint; so every method and path is.
        for path, method in (("/parse", "POST"), ("/health", "GET"), ("/metrics", "GET")):
            others = set(HTTP_METHODS) - {method}
            routes.add_route(_refusing(method), path, methods=others, stream=True, name=f"{path[1:]}_refused")
        for name, path in (("nothing", "/"), ("unknown", ELSEWHERE)):
            routes.add_route(_missing, path, methods=HTTP_METHODS, stream=True, name=name)
        routes.exception(Exception)(_failed)
        return routes

    async def _parse(self, request: Request) -> HTTPResponse:
        asked = await _read(request)
        single = not isinstance(asked, list)
        dialogues = [_dialogue(one) for one in _checked([asked] if single else asked)]
        messages = [Message({TEXT: dialogue.text}) for dialogue in dialogues]
        # In a thread, because the event loop is everybody's.
        await asyncio.to_thread(self._component(request.app).process, messages)
        answers = [_answer(message) for message in messages]
        return response.json(answers[0] if single else answers)

    async def _health(self, request: Request) -> HTTPResponse:
        model = self._component(request.app).model
        try:
            await asyncio.to_thread(model.predict, Dialogue([""]))
        except Exception as error:
            _log(error)
            raise _error(HTTPStatus.SERVICE_UNAVAILABLE, "The model fails; the server's log says where.") from None
        return response.json({"status": "ok", "model": {"name": model.name, "version": model.version}})

    async def _metrics(self, request: Request) -> HTTPResponse:
        model = self._component(request.app).model
        MODEL.info({"name": model.name, "version": model.version})
        content = prometheus_client.generate_latest(REGISTRY)
        return response.raw(content, content_type=prometheus_client.CONTENT_TYPE_LATEST)

    def _component(self, app: Sanic) -> EmotionClassifier:
        return self._own or _loaded(app)


def _own(credentials: Mapping[str, Any]) -> EmotionClassifier:
    unknown = [str(key) for key in credentials if key not in KEYS]
    if unknown:
        raise InvalidConfigException(
            f"emoplugin.EmotionChannel: unknown key {', '.join(unknown)}; the keys are {', '.join(KEYS)}."
        )
    config = {**EmotionClassifier.get_default_config(), **credentials}
    # It is never trained, so there is nothing that it would store.
    return EmotionClassifier.create(config, None, Resource("channel"), None)


def _loaded(app: Sanic) -> EmotionClassifier:
    """The component in the assistant that the server has loaded now."""
    agent = getattr(app.ctx, "agent", None)
    if agent is None or not agent.is_ready():
        raise _error(HTTPStatus.SERVICE_UNAVAILABLE, "No assistant is loaded yet.")
    component = EmotionClassifier.loaded_in(agent.processor)
    if component is not None:
        return component
    raise _error(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The loaded assistant has no emoplugin.EmotionClassifier in its pipeline, and credentials.yml names no model.",
    )


def _function(handler: Handler) -> Handler:
    """The method as a function, because Sanic sets attributes on what it routes to."""

    async def handle(request: Request) -> HTTPResponse:
        return await handler(request)

    return handle


def _refusing(method: str) -> Handler:
    async def refuse(request: Request) -> HTTPResponse:
        raise MethodNotSupported(f"Use {method}.", request.method, [method])

    return refuse


async def _missing(request: Request, path: str = "") -> HTTPResponse:  # noqa: ARG001
    raise NotFound("The channel has nothing here but parse, health and metrics.")


def _protected(handler: Handler) -> Handler:
    """The handler behind the authentication of Rasa's own routes."""

    @wraps(handler)
    async def checked(request: Request) -> HTTPResponse:
        answer: HTTPResponse = await requires_auth(request.app, _token(request.app))(handler)(request)
        return answer

    return checked


def _token(app: Sanic) -> str | None:
    """The server's token, which Rasa keeps nowhere but inside the handlers that it protects."""
    for route in app.router.routes:
        if _holds_token(route.handler):
            token: str | None = inspect.getclosurevars(route.handler).nonlocals["token"]
            return token
    return None


def _holds_token(handler: Any) -> bool:
    code = getattr(handler, "__code__", None)
    return code is not None and handler.__module__ == requires_auth.__module__ and "token" in code.co_freevars


async def _read(request: Request) -> Any:
    if request.content_type.partition(";")[0].strip().lower() != "application/json":
        raise _error(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send JSON, with the header Content-Type: application/json.")
    body = bytearray()
    async for chunk in request.stream:
        body += chunk
        if len(body) > MOST_BYTES:
            raise _error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The body has more than {MOST_BYTES} bytes.")
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise _error(HTTPStatus.BAD_REQUEST, "The body is not JSON.") from None


def _checked(asked: Any) -> list[dict[str, Any]]:
    for error in _validator.iter_errors(asked):
        where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path)
        broken = _BROKEN[error.validator].format(error.validator_value)
        raise _error(HTTPStatus.UNPROCESSABLE_ENTITY, f"requests{where} {broken}.")
    requests: list[dict[str, Any]] = asked
    return requests


def _dialogue(asked: Mapping[str, Any]) -> Dialogue:
    return Dialogue(asked["turns"]) if "turns" in asked else Dialogue.parse(asked["text"])


def _answer(message: Message) -> dict[str, Any]:
    found = message.get(EMOTION)
    length = len(message.get(TEXT))
    return {**{key: found[key] for key in _ANSWERED}, "spans": [{"start": 0, "end": length}]}


def _error(status: HTTPStatus, message: str) -> ErrorResponse:
    return ErrorResponse(status, _REASONS.get(status, status.phrase.replace(" ", "")), message)


async def _failed(request: Request, error: Exception) -> HTTPResponse:  # noqa: ARG001
    found = error if isinstance(error, ErrorResponse) else _translated(error)
    return response.json(found.error_info, status=found.status, headers=getattr(error, "headers", None))


def _translated(error: Exception) -> ErrorResponse:
    if isinstance(error, SanicException):
        return _error(HTTPStatus(getattr(error, "status_code", HTTPStatus.INTERNAL_SERVER_ERROR)), str(error))
    _log(error)
    return _error(HTTPStatus.INTERNAL_SERVER_ERROR, "The channel failed; the server's log says where.")


def _log(error: Exception) -> None:
    """Logs where the exception comes from, without its message, which may repeat the user's words."""
    logger.error("%s\n%s", type(error).__name__, "".join(traceback.format_tb(error.__traceback__)))
