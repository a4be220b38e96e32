"""What is sent and what comes back: the market's records, without any I/O.

Wire names (`expiryTime`) are the OpenGPU SDK's and stand only where its users look;
inside, names are Python's and carry their unit (`expires_at` is unix seconds on the
chain's clock, amounts are wei).
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from enum import Enum, IntEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from pydantic_core import to_jsonable_python

from .errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = JsonValue
T = TypeVar("T")
_DEEP: Final = (dict, list, tuple)
_LONGEST_STEP: Final = 60


class ChainId(Enum):
    """The live networks, in the SDK's words."""

    OGPU_MAINNET = 1071
    OGPU_TESTNET = 200820172034


class _Word(IntEnum):
    """A number of the contracts that prints as its name, in every version of Python."""

    def __str__(self) -> str:
        return self.name

    def __format__(self, spec: str) -> str:
        return format(self.name, spec)


class TaskStatus(_Word):
    """A task's status as its contract says it."""

    NEW = 0
    ATTEMPTED = 1
    RESPONDED = 2
    CANCELED = 3
    EXPIRED = 4
    FINALIZED = 5


class SourceStatus(_Word):
    ACTIVE = 0
    INACTIVE = 1


class ResponseStatus(_Word):
    SUBMITTED = 0
    CONFIRMED = 1


class DeliveryMethod(_Word):
    MANUAL_CONFIRMATION = 0
    FIRST_RESPONSE = 1


class Stage(str, Enum):
    """A task's life as this machine sees it, finer than the chain's status at its start.

    The first four are before the chain knows the task; from `PUBLISHED` on they follow
    `TaskStatus`. Only the chain calls a task expired: by the clock alone it is `LATE`, and
    an answer that came in time, but wasn't read yet, may still be found.
    """

    INTENDED = "intended"  # checked and journalled; nothing has left the machine
    UPLOADED = "uploaded"  # its payload is stored; nothing is spent
    SIGNED = "signed"  # its transaction is journalled; it may have left the machine
    SENT = "sent"  # a node has its transaction
    PUBLISHED = "published"
    ATTEMPTED = "attempted"
    LATE = "late"  # its time is over, its payment is held, and the chain has not ended it
    RESPONDED = "responded"
    FINALIZED = "finalized"
    CANCELED = "canceled"
    EXPIRED = "expired"
    FAILED = "failed"  # the chain refused it: the gas was spent, the payment was not
    ABANDONED = "abandoned"  # never sent, nothing was spent

    @property
    def is_final(self) -> bool:
        """No more answers or payments can come."""
        return self in _FINAL

    @property
    def is_over(self) -> bool:
        """Nothing more is waited for: it is final, or its time is over."""
        return self in _FINAL or self is Stage.LATE

    @property
    def is_unsent(self) -> bool:
        """Written down, and nothing of it has been signed."""
        return self in UNSENT

    @property
    def is_waiting(self) -> bool:
        """On chain, and without an answer so far: by the clock it may become late."""
        return self in _WAITING

    @property
    def has_cost(self) -> bool:
        """Its payment has left the vault, or may as soon as its transaction is in a block."""
        return self not in _WITHOUT_COST

    @property
    def is_on_chain(self) -> bool:
        """There is, or was, a task contract with an address."""
        return self in _STATUS or self is Stage.LATE


_WAITING = frozenset({Stage.PUBLISHED, Stage.ATTEMPTED})
_FINAL = frozenset({Stage.FINALIZED, Stage.CANCELED, Stage.EXPIRED, Stage.FAILED, Stage.ABANDONED})
UNSENT = frozenset({Stage.INTENDED, Stage.UPLOADED})
IN_VAIN = _FINAL - {Stage.FINALIZED}  # without an answer: the same may be published again
_WITHOUT_COST = IN_VAIN | UNSENT
_STATUS = {
    Stage.PUBLISHED: TaskStatus.NEW,
    Stage.ATTEMPTED: TaskStatus.ATTEMPTED,
    Stage.RESPONDED: TaskStatus.RESPONDED,
    Stage.CANCELED: TaskStatus.CANCELED,
    Stage.EXPIRED: TaskStatus.EXPIRED,
    Stage.FINALIZED: TaskStatus.FINALIZED,
}
_STAGE = {status: stage for stage, status in _STATUS.items()}


def stage_of(status: TaskStatus) -> Stage:
    return _STAGE[status]


class Complexity(str, Enum):
    """The network's guidance: how long the work takes, what it pays, when it expires."""

    SIMPLE = "simple"
    MEDIUM = "medium"
    COMPLEX = "complex"

    @property
    def payment(self) -> int:
        """The lowest payment of the guidance, in wei."""
        return {"simple": 10**15, "medium": 5 * 10**15, "complex": 2 * 10**16}[self.value]

    @property
    def expiry(self) -> int:
        """Seconds, with the 5 minutes that a provider may need to start."""
        return {"simple": 300, "medium": 1800, "complex": 7200}[self.value] + 300


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class TaskInput(BaseModel):
    """What a service is asked: `TaskInput("text2text", {"messages": […]}, priority="high")`.

    `data` is a mapping or a pydantic model; further words become top-level fields beside
    `function_name` and `data`.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    function_name: str = Field(min_length=1, max_length=200)
    data: dict[str, Any]

    def __init__(self, function_name: str, data: BaseModel | dict[str, Any], **extras: Any) -> None:
        super().__init__(function_name=function_name, data=as_data(data), **check_keys(extras))

    @property
    def extras(self) -> dict[str, Any]:
        return dict(self.model_extra or {})

    def to_dict(self) -> dict[str, Any]:
        return {"function_name": self.function_name, "data": self.data, **self.extras}

    @classmethod
    def of(cls, other: Any) -> TaskInput:
        """Ours as it is; the official SDK's object by its fields."""
        if isinstance(other, cls):
            return other
        fields = dict(other.to_dict())
        return cls(fields.pop("function_name"), fields.pop("data"), **fields)


class TaskInfo(BaseModel):
    """A whole order in the SDK's words: `expiryTime` is unix seconds, `payment` is wei."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    source: str
    config: TaskInput
    expiryTime: int  # noqa: N815 - the SDK's name
    payment: int

    def __init__(self, source: str, config: Any, expiryTime: int, payment: int) -> None:  # noqa: N803
        super().__init__(
            source=str(source), config=TaskInput.of(config), expiryTime=expiryTime, payment=payment
        )

    @classmethod
    def of(cls, other: Any) -> TaskInfo:
        if isinstance(other, cls):
            return other
        return cls(other.source, other.config, other.expiryTime, other.payment)


def encode_payload(task_input: TaskInput) -> bytes:
    """The bytes that are uploaded, and that a task's identity rests on.

    The order of keys is the person's, as it reaches the service; the identity sorts them.
    """
    return _dump(check_keys(task_input.to_dict()), sort_keys=False)


def as_data(data: Any) -> Any:
    """What is sent of this: a pydantic model as it writes itself, all else as it is.

    InputError where a key is not text, or where a model would write one key twice.
    """
    if not hasattr(data, "model_dump"):
        check_keys(data, "data")
        return data
    for path, named in _mappings(data.model_dump(), "data"):
        written = Counter(map(_written, named))
        twice = next((key for key in named if written[_written(key)] > 1), None)
        if twice is not None:
            raise _bad_key(f"is written as {_written(twice)!r} twice", twice, path)
    return check_keys(data.model_dump(mode="json"), "data")


def check_keys(value: T, where: str = "") -> T:
    """The value itself; InputError where a key at any depth is not text.

    JSON has no other keys: Python would write 1 as "1", beside a "1" that is there already.
    """
    for path, named in _mappings(value, where):
        for key in named:
            if not isinstance(key, str):
                raise _bad_key("is not text", key, path)
    return value


def _bad_key(why: str, key: object, path: str) -> InputError:
    shown = ascii(key)
    shown = f"{shown[:40]}…" if len(shown) > 40 else shown
    return InputError(
        f"The key {shown}{f' in `{path}`' if path else ''} {why}.",
        hint="Make its keys text: `{str(key): value …}`.",
    )


def _written(key: object) -> str:
    """A key as pydantic writes it into JSON."""
    return key if isinstance(key, str) else str(next(iter(to_jsonable_python({key: 0}))))


def _mappings(value: Any, where: str) -> Iterator[tuple[str, dict[Any, Any]]]:
    """Each dict in it with its place, each once; without recursion, also in what holds itself."""
    left, seen = [(where, value)], set[int]()
    while left:
        path, each = left.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, dict):
            yield path, each
            left += [(place(path, key), v) for key, v in each.items() if isinstance(v, _DEEP)]
        elif isinstance(each, (list, tuple)):
            left += [(place(path, n), v) for n, v in enumerate(each) if isinstance(v, _DEEP)]


def place(path: str, step: object) -> str:
    """A step further into a value, as Python writes it: `data.rows[2]`."""
    if isinstance(step, int):
        return f"{path}[{step}]"
    name = str(step)
    plain = name.isidentifier() and len(name) <= _LONGEST_STEP
    if not plain:
        return f"{path}[{json.dumps(name[:_LONGEST_STEP])}]"
    return f"{path}.{name}" if path else name


@lru_cache(maxsize=2)  # a publish asks several times of the same bytes, which may be megabytes
def payload_digest(payload: bytes) -> str:
    """Equal for payloads that mean the same, whatever the order of their keys."""
    return hashlib.sha256(_dump(json.loads(payload), sort_keys=True)).hexdigest()


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _dump(value: Any, *, sort_keys: bool) -> bytes:
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=sort_keys)
        return text.encode()
    except (TypeError, ValueError, UnicodeEncodeError, RecursionError) as error:
        raise InputError(
            f"The data can't be written as JSON: {error}.",
            hint="Use strings, numbers, booleans, None, lists and dicts with string keys.",
        ) from None


class NetworkId(_Frozen):
    """What tells one chain from another, also a new local chain from an old one."""

    chain_id: int
    genesis: str
    controller: str


class Attempt(_Frozen):
    """A provider has taken the task; `bid` is what it asks for, in wei.

    The bid stands only in the event: None where the event was not seen.
    """

    provider: str
    bid: int | None = None
    at: int | None = None


class Response(_Frozen):
    """A provider's answer on chain: `url` is where the content is, `payment` is its bid in wei."""

    address: str
    provider: str
    url: str
    payment: int
    status: ResponseStatus = ResponseStatus.SUBMITTED
    at: int | None = None


class Answer(_Frozen):
    """The content of a response: its decoded `value`, or the `problem` that kept it from us.

    `linked` has the pictures and recordings that the value names by a link, in base64;
    `told` is the JSON Schema that the source's metadata gives for it.
    """

    value: Json = None
    problem: str = ""
    linked: dict[str, str] = Field(default_factory=dict, repr=False)
    told: Json = Field(default=None, repr=False)


class Decision(_Frozen):
    """Why a response was chosen: written down before it is paid. `at` is on the chain's clock."""

    response: str
    strategy: str
    words: str
    at: int


class Reputation(_Frozen):
    """What a journal holds of a provider: tasks that it could answer, did, and was paid for.

    `seconds` is the median from its attempt to its answer; None where no time is known.
    """

    tasks: int = 0
    answered: int = 0
    paid: int = 0
    seconds: float | None = None


class TaskRecord(_Frozen):
    """Everything that is known of one task, at one moment. `key` is its number in the journal."""

    key: int = 0
    network: str
    network_id: NetworkId
    account: str
    source: str
    source_name: str = ""
    function: str
    name: str = "task"
    item: int | None = None
    payload: bytes
    payment: int
    delivery: DeliveryMethod = DeliveryMethod.FIRST_RESPONSE
    created_at: float
    expires_at: int
    stage: Stage = Stage.INTENDED
    config_url: str = ""
    tx_hash: str = ""
    address: str = ""
    block: int | None = None
    published_at: int | None = None
    fee: int | None = None
    attempts: tuple[Attempt, ...] = ()
    responses: tuple[Response, ...] = ()
    winner: str = ""
    finished_at: int | None = None
    problem: str = ""
    explorer_url: str = ""
    owner: str = ""
    decision: Decision | None = None
    notebook: str = ""  # the file in which it was published, where the kernel was told

    @property
    def identity(self) -> str:
        """The same for two orders that a person means to be one."""
        return _digest(*self._meant, self.item)

    @property
    def content(self) -> str:
        """The same for rows of a batch that ask the same, whatever their places."""
        return _digest(*self._meant)

    @property
    def _meant(self) -> tuple[object, ...]:
        where = self.network_id
        parts = (where.chain_id, where.genesis, where.controller.lower(), self.account.lower())
        return (*parts, self.source.lower(), payload_digest(self.payload), self.name)

    @property
    def status(self) -> TaskStatus | None:
        """The chain's word for the stage; None before the chain knows the task.

        EXPIRED also where its time is over and the chain has not written that down yet.
        """
        return TaskStatus.EXPIRED if self.stage is Stage.LATE else _STATUS.get(self.stage)

    @property
    def is_own(self) -> bool:
        """It was published from here; a stranger's is only looked at, and in no sum."""
        return bool(self.account)

    @property
    def is_untaken(self) -> bool:
        """No provider has it, so that it can be canceled, also when its time is over."""
        late = self.stage is Stage.LATE and not self.attempts
        return self.stage is Stage.PUBLISHED or late

    @property
    def data(self) -> Json:
        """The data as it was sent."""
        decoded: dict[str, Json] = json.loads(self.payload)
        return decoded["data"]

    @property
    def confirmed(self) -> Response | None:
        """The response that is paid."""
        return next((r for r in self.responses if r.status is ResponseStatus.CONFIRMED), None)

    @property
    def cost(self) -> int:
        """Wei: what the provider got, which may be less than was frozen, else what is frozen."""
        confirmed = self.confirmed if self.stage is Stage.FINALIZED else None
        return self.payment if confirmed is None else min(confirmed.payment, self.payment)

    @property
    def reference(self) -> str:
        """What finds the task again: its address, else its transaction, else its number."""
        return self.address or self.tx_hash or f"#{self.key}"


class TaskSnapshot(_Frozen):
    """A task's whole state on chain, read at one block."""

    address: str
    block: int
    source: str
    config_url: str
    expires_at: int
    payment: int
    delivery: DeliveryMethod
    status: TaskStatus
    attempts: tuple[Attempt, ...] = ()
    responses: tuple[Response, ...] = ()
    winner: str = ""


class SourceRecord(_Frozen):
    """A source as the chain has it; durations in seconds, amounts in wei."""

    address: str
    client: str
    status: SourceStatus
    metadata_url: str
    environments: int
    min_payment: int
    min_lockup: int
    max_expiry: int
    delivery: DeliveryMethod
    task_count: int | None = None
    provider_count: int | None = None
    name: str = ""
    description: str = ""


class TransactionKind(str, Enum):
    PUBLISH = "publish"
    DEPOSIT = "deposit"
    WITHDRAW = "withdraw"
    CONFIRM = "confirm"
    CANCEL = "cancel"
    FILL = "fill"  # nothing, to oneself: it takes a nonce that others wait behind


class TransactionState(str, Enum):
    SIGNED = "signed"  # journalled; may have left the machine
    SENT = "sent"  # a node has it
    MINED = "mined"
    REVERTED = "reverted"
    REPLACED = "replaced"  # its nonce went to another transaction: it will never be mined
    REFUSED = "refused"  # no node took it, or it never left

    @property
    def is_unsettled(self) -> bool:
        """What becomes of it is not known yet."""
        return self in {TransactionState.SIGNED, TransactionState.SENT}

    @property
    def is_in_block(self) -> bool:
        return self in {TransactionState.MINED, TransactionState.REVERTED}

    @property
    def is_given_up(self) -> bool:
        """As far as is known it will never be mined."""
        return self in {TransactionState.REPLACED, TransactionState.REFUSED}


class TransactionRecord(_Frozen):
    """A signed transaction, journalled before it leaves; `raw` are its exact bytes."""

    hash: str
    network_id: NetworkId
    account: str
    nonce: int
    raw: bytes = Field(repr=False)
    kind: TransactionKind
    task: int | None = None  # the task's key in the journal
    state: TransactionState = TransactionState.SIGNED
    created_at: float
    block: int | None = None
    fee: int | None = None
    note: str = ""
