"""A form on a real local market: checked as it changes, published once, copied as a cell."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import ipywidgets
import pytest
from pydantic import BaseModel, Field

from ogpu_jupyter.errors import AmountError, InputError, OverBudget
from ogpu_jupyter.forms.origins import of_model, shape_of
from ogpu_jupyter.tasks import DeliveryMethod
from ogpu_jupyter.widgets.form import Form
from tests.helpers import wait_until
from tests.widgets.forms import find, words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ogpu_jupyter.session import Session


class Prompt(BaseModel):
    prompt: str = Field(min_length=3, description="What to paint")
    steps: int = Field(default=5, ge=1, le=10)


def request_id() -> str:
    return threading.current_thread().name + str(next(COUNT))


COUNT = iter(range(10**6))


class Stamped(BaseModel):
    """A model that completes the same data anew each time."""

    prompt: str
    stamp: str = Field(default_factory=request_id)


@pytest.fixture
def node() -> str:
    return "anvil"


@pytest.fixture(scope="module")
def localnet(anvil_path: Any) -> Iterator[Any]:
    from ogpu_jupyter import localnet as market

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OGPU_ANVIL", str(anvil_path))
        with market.start(node="anvil") as net:
            yield net


@pytest.fixture
def made(session: Session) -> Iterator[Callable[..., Form]]:
    """Forms for this session, with money in the vault."""
    session.deposit("1")
    forms = []

    def make(model: type[BaseModel] = Prompt, data: Any = None, **options: Any) -> Form:
        form = Form(
            session, "text2image", "text2image", of_model(model, f"the model {model.__name__}"),
            names=options.pop("names", {}), **options,
        )  # fmt: skip
        forms.append(form)
        form._open()
        return form.fill(data) if data else form

    yield make
    for form in forms:
        form.close()


def done(form: Form) -> Form:
    wait_until(lambda: not form._busy, every=0.01)
    return form


def press(form: Form, name: str, times: int = 1) -> Form:
    for _ in range(times):
        getattr(form._face, name).click()
    return done(form)


def said(form: Form) -> str:
    return str(form._face._said.value)


def type_in(form: Form, name: str, text: str) -> None:
    find(form._face.box, name).value = text


def wrong(form: Form) -> list[str]:
    return [each.name for each in form._root.all() if each.wrong]


# Checking


def test_what_is_typed_meanwhile_is_not_sent(made: Callable[..., Form]) -> None:
    """Another thread completes what stands there now, while an order's data is looked up."""
    form = made(data={"prompt": "a cat"})

    class Interrupted(dict[str, Any]):
        def __ne__(self, _: object) -> bool:
            form._data({"prompt": "a dog"})
            return False

        __hash__ = None  # type: ignore[assignment]

    form._data(form.value)
    assert form._data(Interrupted(form.value))["prompt"] == "a cat"


def test_what_is_wrong_stands_at_its_field_soon_after_it_was_typed(
    made: Callable[..., Form],
) -> None:
    """Only there: a field that nobody has touched isn't blamed yet. No focus is taken."""
    form = made()
    focused: list[str] = []
    form._face._aid.focus_on = focused.append
    type_in(form, "Steps", "11")
    wait_until(lambda: wrong(form) == ["Steps"])
    assert "1 field to mend." in words(form._face.box)
    type_in(form, "Steps", "7")
    wait_until(lambda: wrong(form) == [])

    assert focused == []


def test_a_press_blames_all_and_goes_to_the_first(made: Callable[..., Form]) -> None:
    """An alert names them; nothing was sent."""
    form = made()
    focused: list[str] = []
    form._face._aid.focus_on = focused.append
    type_in(form, "Steps", "many")
    press(form, "publish")

    assert wrong(form) == ["Prompt", "Steps"]
    assert '<div role="alert">2 fields to mend: Prompt, Steps. Nothing was spent.</div>' in said(
        form
    )
    assert focused == [next(each.key for each in form._root.all() if each.wrong)]
    assert form.task is None


def test_check_tells_all_and_sends_nothing(made: Callable[..., Form], session: Session) -> None:
    """The plan as a dry run shows it."""
    form = press(made(data={"prompt": "a boat"}), "check")

    assert "All checks passed; nothing was sent." in said(form)
    assert "Dry run" in words(form._face._found)
    assert session.tasks() == []


def test_below_the_fields_stands_what_follows(made: Callable[..., Form], session: Session) -> None:
    """Payment, balance after, expiry, delivery, providers, the exact payload."""
    form = made(data={"prompt": "a boat"})
    form._rested()
    form._face._fold.click()
    shown = words(form._face.box)

    for fact in (
        "The source&#x27;s minimum is 0.001 OGPU", "0.001 to 0.005 OGPU", "1 OGPU", "0.999 OGPU",
        "in 10 min", "the first answer", "<dd>1</dd>",
        "{&quot;prompt&quot;: &quot;a boat&quot;, &quot;steps&quot;: 5}",
    ):  # fmt: skip
        assert fact in shown
    assert form._face.publish.description == "Publish · 0.001 OGPU"
    type_in(form, "Payment", "0.25")
    wait_until(lambda: "0.75 OGPU" in words(form._face.box))
    assert form._face.publish.description == "Publish · 0.25 OGPU"


@pytest.mark.parametrize(
    ("box", "typed", "words_"),
    [
        ("Payment", "lots", "&#x27;lots&#x27; is not an amount."),
        ("Payment", "0.0005", "below the source&#x27;s minimum of 0.001 OGPU"),
        ("Payment", "5", "The vault holds 1 OGPU; this task pays 5 OGPU."),
        ("Expires", "86400", "86400 has no unit"),
        ("Expires", "400d", "the source takes at most"),
    ],
)
def test_money_and_time_are_checked_as_they_are_typed(
    made: Callable[..., Form], box: str, typed: str, words_: str
) -> None:
    """By the rules of publishing, at their own fields; and again when pressed."""
    form = made(data={"prompt": "a boat"})
    type_in(form, box, typed)
    control = form._desk.pay if box == "Payment" else form._desk.expires
    wait_until(lambda: words_ in control.note.value)
    press(form, "publish")

    assert 'role="alert"' in said(form)
    assert words_ in said(form)
    assert form.task is None


def test_a_source_that_cannot_be_looked_at_is_told(
    made: Callable[..., Form], session: Session
) -> None:
    """The form is there all the same; a press tries again."""
    form = made(data={"prompt": "a boat"})
    session.client.close()
    form._open()

    assert form._trouble
    assert form._trouble.split()[0] in words(form._face.box)


# Publishing


def test_publishing_sets_the_variable_and_says_so(
    made: Callable[..., Form], session: Session
) -> None:
    names: dict[str, Any] = {}
    form = press(made(data={"prompt": "a boat"}, names=names, name="boat"), "publish")

    assert form.task is names["boat"]
    assert form.task.payload["data"] == {"prompt": "a boat", "steps": 5}
    assert "Published for 0.001 OGPU. It is `boat` in this notebook." in said(form)
    assert session.spent == 10**15
    assert "image_base64" in form.task.result(timeout=60)


@pytest.mark.parametrize("model", [Prompt, Stamped])
def test_no_click_pays_twice(
    made: Callable[..., Form], session: Session, model: type[BaseModel]
) -> None:
    """Many threads, many clicks, while it is sent and after; defaults that differ each time."""
    form = made(model, {"prompt": "a boat"})
    start = threading.Barrier(12)

    def click() -> None:
        start.wait()
        for _ in range(5):
            form._face.publish.click()

    threads = [threading.Thread(target=click) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done(form)
    press(form, "publish", times=5)

    assert len(session.tasks()) == 1
    assert form._face.publish.disabled
    assert form.publish() is form.task
    assert session.spent == 10**15


def test_buttons_and_calls_at_once_pay_once(made: Callable[..., Form], session: Session) -> None:
    """`form.publish()` in another cell, while the button was pressed."""
    form = made(Stamped, {"prompt": "a boat"})
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(form.publish())) for _ in range(4)]
    form._face.publish.click()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done(form)

    assert len(session.tasks()) == 1
    assert {id(task) for task in found} == {id(form.task)}


def test_the_same_again_is_the_earlier_task(made: Callable[..., Form], session: Session) -> None:
    """Another form, the same data: shown, not paid; unless it is asked for, and then once."""
    first = press(made(data={"prompt": "a boat"}), "publish")
    again = press(made(data={"prompt": "a boat"}), "publish")
    assert "The same was published before" in said(again)
    assert again.task is first.task

    find(
        again._face.box, "Publish and pay again, even if the same was published before"
    ).value = True
    press(again, "publish", times=3)

    assert len(session.tasks()) == 2
    assert again._desk.terms.new is False


def test_a_change_is_another_task(made: Callable[..., Form], session: Session) -> None:
    form = press(made(data={"prompt": "a boat"}), "publish")
    type_in(form, "Steps", "6")
    press(form, "publish")

    assert [task.payload["data"]["steps"] for task in session.tasks()] == [6, 5]


# Asking


def asking(session: Session) -> None:
    session.limits = replace(session.limits, confirm=True)


def test_where_spending_is_confirmed_a_button_asks(
    made: Callable[..., Form], session: Session
) -> None:
    """The first press sends nothing; the second, on another button, pays what was asked, once."""
    asking(session)
    form = press(made(data={"prompt": "a boat"}), "publish", times=3)
    assert session.tasks() == []
    assert '<div role="alert">Pay 0.001 OGPU?</div>' in words(form._face._ask)
    assert form._face.pay.description == "Pay 0.001 OGPU"
    press(form, "pay", times=4)

    assert len(session.tasks()) == 1
    assert "ogpu-f-hide" in form._face._ask._dom_classes


def test_not_agreed_is_not_paid(made: Callable[..., Form], session: Session) -> None:
    """Neither after No, nor after a change: the question was about something else."""
    asking(session)
    form = press(made(data={"prompt": "a boat"}), "publish")
    press(form, "leave")
    assert "Not paid. Nothing was spent." in said(form)
    press(form, "publish")
    type_in(form, "Steps", "6")
    press(form, "pay")

    assert session.tasks() == []
    with pytest.raises(OverBudget, match="nobody can be asked"):
        form.publish()
    assert form.publish(yes=True).payment == 10**15


def test_a_cap_holds(made: Callable[..., Form], session: Session) -> None:
    """Told at the payment before any press, and by each of the ways to publish."""
    session.limits = replace(session.limits, max_payment=10**14)
    form = made(data={"prompt": "a boat"})
    form._rested()
    assert "max_payment is 0.0001 OGPU" in form._desk.pay.note.value
    press(form, "publish")
    asking(session)
    press(form, "publish", times=2)
    press(form, "pay")

    assert session.tasks() == []
    with pytest.raises(OverBudget):
        form.publish(yes=True)


# In Python, and as text


def test_a_form_is_used_from_python_too(made: Callable[..., Form]) -> None:
    """Fill, look, check, publish: the same rules, as values and errors."""
    form = made()
    assert form.value == {"prompt": "", "steps": 5}
    with pytest.raises(InputError, match="prompt: "):
        form.check()
    with pytest.raises(InputError, match="a dict or a pydantic model"):
        form.fill([1])
    assert form.fill(Prompt(prompt="a boat", steps=2)) is form

    assert form.value == {"prompt": "a boat", "steps": 2}
    assert form.check().payment == 10**15
    type_in(form, "Payment", "0.0001")
    with pytest.raises(AmountError):
        form.check()


def test_the_cell_publishes_the_same(made: Callable[..., Form], session: Session) -> None:
    """Its text says what the form holds."""
    form = made(data={"prompt": "a boat"}, name="boat")
    type_in(form, "Payment", "0.002")
    type_in(form, "Expires", "20m")
    press(form, "copy")
    text = form.as_cell()

    assert text == (
        "%%ogpu_task text2image text2image --as boat --pay 0.002 --expires 20m\n"
        '{\n  "prompt": "a boat",\n  "steps": 5\n}'
    )
    assert "&quot;prompt&quot;: &quot;a boat&quot;" in words(form._face._cell)


def test_the_form_as_text(made: Callable[..., Form]) -> None:
    """Where no form can be shown: its fields, and the cell to type."""
    lines = repr(made()).splitlines()

    assert lines[0].startswith("A form for text2image at text2image (0x")
    assert lines[1] == "Its fields are known from the model Prompt:"
    assert lines[2].split() == ["prompt", "text;", "What", "to", "paint"]
    assert lines[3].split(maxsplit=1) == ["steps", "a whole number; 5 by default"]
    assert "%%ogpu_task text2image text2image" in lines


def test_the_sources_own_words_are_read(session: Session) -> None:
    """Without a model: a local service's fields, and how it delivers."""
    form = Form(session, "text2text", "text2text", shape_of(session, "text2text", "text2text"))
    form._open()

    assert form.value == {"messages": [{"role": "user", "content": ""}]}
    assert form._desk.source is not None
    assert form._desk.source.delivery is DeliveryMethod.FIRST_RESPONSE
    form.close()


def test_closing_leaves_nothing(session: Session) -> None:
    before = set(ipywidgets.widgets.widget._instances)
    shape = of_model(Prompt, "the model Prompt")
    Form(session, "text2image", "text2image", shape).close()

    assert set(ipywidgets.widgets.widget._instances) == before
