"""Messages of a conversation, with the field names of Stakpak's ``ChatMessage``.

A message that was read from a store remembers the bytes that it came from. Passed back unchanged it
is stored as those bytes, fields that this class does not know included; ``sessionfs.messages`` does
the remembering and the comparing.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, Self

import msgspec


class Role(enum.StrEnum):
    """Who speaks."""

    SYSTEM = "system"
    DEVELOPER = "developer"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


RoleName = Literal["system", "developer", "user", "assistant", "tool"]
"""The text of a role, which may be given instead of the member of ``Role``."""


if TYPE_CHECKING:
    _Role = Role | RoleName
else:  # as which it is decoded
    _Role = Role


class ImageUrl(msgspec.Struct, omit_defaults=True):
    """Where an image is: a URL, often a ``data:`` one."""

    url: str
    detail: str | None = None


class ContentPart(msgspec.Struct, omit_defaults=True):
    """A part of a message's content: ``type`` says which other field is set."""

    type: str
    text: str | None = None
    image_url: ImageUrl | None = None


class FunctionCall(msgspec.Struct, omit_defaults=True):
    """The function that a tool call names, with its arguments as a JSON text."""

    name: str
    arguments: str = ""


class ToolCall(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A tool call that the assistant made."""

    id: str
    # A factory, because omit_defaults would leave out a plain default, and other readers need it.
    type: str = msgspec.field(default_factory=lambda: "function")
    function: FunctionCall
    metadata: Any = None


class ModelInfo(msgspec.Struct, omit_defaults=True):
    """The model that wrote a message: ``ModelInfo("anthropic", "claude-sonnet-4")``."""

    provider: str
    id: str


class PromptTokensDetails(msgspec.Struct, omit_defaults=True):
    """What the prompt's tokens were, in tokens."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_write_input_tokens: int | None = None


class TokenUsage(msgspec.Struct, omit_defaults=True):
    """Tokens that a message cost."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptTokensDetails | None = None


class ChatMessage(msgspec.Struct, omit_defaults=True, dict=True):
    """A message.

    ``copy``, ``deepcopy`` and ``pickle`` keep what a read message remembers of its bytes; a message
    made by ``msgspec.structs.replace`` is a new one.

    Attributes:
        role: who speaks: a ``Role``, or its text such as "user".
        content: text, parts, or None (an assistant that only calls tools).
        name: the speaker's name, where several share a role.
        tool_calls: the calls that an assistant's message makes.
        tool_call_id: which call a tool's message answers.
        usage: tokens that the message cost.
        id: the message's own id, if its maker gave it one.
        model: which model wrote it.
        cost: in US dollars.
        finish_reason: why the model stopped: "stop", "tool_calls", "length", "error".
        created_at: when it was sent, in milliseconds since 1970.
        completed_at: when it was finished, in milliseconds since 1970.
        metadata: whatever else belongs to it; ``{"is_error": True}`` marks a failed tool result.

    """

    role: _Role
    content: str | list[ContentPart] | None = None
    name: str | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None
    usage: TokenUsage | None = None
    id: str | None = None
    model: ModelInfo | None = None
    cost: float | None = None
    finish_reason: str | None = None
    created_at: int | None = None
    completed_at: int | None = None
    metadata: Any = None

    def text(self) -> str:
        """Return the content as one text: the parts' texts, a line feed between them."""
        if isinstance(self.content, str):
            return self.content
        return "\n".join(part.text for part in self.content or () if part.text is not None)

    # msgspec's own copies drop what is not a field, and with it the bytes that a message came from.
    def __copy__(self) -> Self:
        rebuild, arguments = self.__reduce__()
        return rebuild(*arguments)

    def __reduce__(self) -> tuple[Callable[..., Self], tuple[Any, ...]]:
        fields = tuple(getattr(self, name) for name in self.__struct_fields__)
        return _rebuild, (type(self), fields, dict(self.__dict__))


def _rebuild(kind: type[Any], fields: tuple[Any, ...], remembered: dict[str, Any]) -> Any:
    twin = kind(*fields)
    twin.__dict__.update(remembered)
    return twin


Message = ChatMessage | dict[str, Any]
"""A message as it is passed in: typed, or a plain dict of another shape."""

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    MessageT = TypeVar("MessageT", default=Any)
else:  # Python has no defaults of type variables before 3.13
    from typing import TypeVar

    MessageT = TypeVar("MessageT")
