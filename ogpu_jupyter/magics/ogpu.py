"""`%ogpu` and `%%ogpu_task`: text becomes a call of the session, and its value is shown.

Each subcommand is one method; what is heavy (web3, pydantic) is imported when it runs.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeVar

from IPython.core.magic import (
    Magics,
    line_cell_magic,
    line_magic,
    magics_class,
    no_var_expand,
)
from traitlets import Bool, Int, observe

from ogpu_jupyter.errors import InputError, Interrupted, NotConnected
from ogpu_jupyter.spending import SETTINGS
from ogpu_jupyter.units import format_amount

from . import strategies
from .body import read_body
from .completion import Completion
from .help import help_of, help_of_ogpu, help_of_task
from .limits import Cap
from .line import Words, read_ogpu, read_task
from .panel import Panel, detached, kept, made, settled
from .values import lookup

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

    from ogpu_jupyter.handle import Task
    from ogpu_jupyter.histories import History
    from ogpu_jupyter.localnet import LocalNet
    from ogpu_jupyter.render import ReclaimInfo, StatusInfo
    from ogpu_jupyter.session import Session
    from ogpu_jupyter.spending import Ask
    from ogpu_jupyter.tasks import TransactionRecord
    from ogpu_jupyter.widgets.form import Form

    F = TypeVar("F", bound=Callable[..., Any])

_SHOWN_AT_ONCE = 8
_CAPS = ("max_payment", "session_budget", "confirm_spending")


def _documented(text: str) -> Callable[[F], F]:
    def document(function: F) -> F:
        function.__doc__ = text
        return function

    return document


@magics_class
class OgpuMagics(Magics):
    """The magics, and the caps on what they may spend."""

    shell: InteractiveShell
    _roomy: Session | None = None  # the session that has our `answer_bytes`

    max_payment = Cap(help="The most that one task may pay, in OGPU; `none` for no cap.").tag(
        config=True
    )
    session_budget = Cap(help="The most that one session may pay, in OGPU; `none` for no cap.").tag(
        config=True
    )
    confirm_spending = Bool(
        None, allow_none=True, help="Ask before each payment; on by default on mainnet."
    ).tag(config=True)

    answer_bytes = Int(
        200_000,
        min=10_000,
        help="The most that the answers of one task take in a notebook, in bytes; of larger ones "
        "a part is kept.",
    ).tag(config=True)

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell=shell)
        self.completion = Completion(shell.user_ns, shell.user_ns_hidden)
        self._markets: dict[str, LocalNet] = {}
        for name in _CAPS:  # the profile's
            SETTINGS.set(name, getattr(self, name))

    @no_var_expand
    @line_magic
    @_documented(help_of_ogpu())
    def ogpu(self, line: str) -> Any:
        words = read_ogpu(line)
        if words.help:
            return Panel(help_of(words.command) if words.command.summary else help_of_ogpu())
        return getattr(self, f"_{words.command.name}")(words)

    @no_var_expand
    @line_cell_magic
    @_documented(help_of_task())
    def ogpu_task(self, line: str, cell: str = "") -> Any:
        words = read_task(line)
        if words.help:
            return Panel(help_of_task())
        _check_wait(words)
        data = read_body(
            cell,
            self._names,
            names=words["vars"],
            python=words["python"],
            template=words["template"],
        )
        model = self._model(words["model"])
        order = {
            "pay": words["pay"],
            "expires": words["expires"],
            "complexity": words["complexity"],
            "name": words["as"] or "task",
            "extras": words["extra"],
            "unchecked": words["unchecked"],
        }
        if words["dry_run"]:
            return self._session().plan(words["source"], words["function"], data, **order)
        task = self._publish(words, data, order)
        task.model = model
        task.show_as(words["show"])
        self._follow([task], wait=words["wait"], timeout=words["timeout"])
        return None

    def _publish(self, words: Words, data: dict[str, Any], order: dict[str, Any]) -> Task:
        """Publish, and set the variable, also when an interrupt came after the sending."""
        session = self._session()
        try:
            task = session.publish(
                words["source"],
                words["function"],
                data,
                **order,
                new=words["new"],
                yes=words["yes"],
                ask=self._ask(),
            )
        except Interrupted as interrupted:
            if interrupted.task is not None:
                self._names[order["name"]] = interrupted.task
            raise
        self._names[order["name"]] = task
        return task

    def _connect(self, words: Words) -> StatusInfo:
        from ogpu_jupyter.kernel import connect  # noqa: PLC0415 - heavy, not on load

        named = words["account"]
        account = named if named is None or ":" in named else lookup(self._names, named)
        connect(self._network(words), account)
        return self._status(words)

    def _account(self, words: Words) -> Panel:
        from ogpu_jupyter import accounts  # noqa: PLC0415 - heavy, not on load

        name = words["name"] or accounts.DEFAULT
        if words["action"] == "new":
            return made("Made", accounts.new(name))
        if words["action"] == "import":
            return made("Kept", accounts.import_key(name))
        if words["name"]:
            raise InputError("`%ogpu account list` takes no name.", hint="Leave it away.")
        return kept(accounts.kept())

    def _network(self, words: Words) -> Any:
        """The network's name, or a local network started with the options of the line."""
        names = ("node", "block_time", "state", "port")
        options = {name: words[name] for name in names if words[name] is not None}
        if not options:
            return words["network"]
        if words["network"] != "local":
            flag = f"--{next(iter(options)).replace('_', '-')}"
            raise InputError(
                f"`{flag}` is for `%ogpu connect local`.", hint=f"Leave `{flag}` away."
            )
        return self._started(options).network

    def _started(self, options: dict[str, Any]) -> LocalNet:
        """The local network with just these options; run again, the same one."""
        from ogpu_jupyter import localnet  # noqa: PLC0415 - heavy, not on load

        key = repr(options)
        if key not in self._markets or not self._markets[key].is_alive:
            self._markets[key] = localnet.start(**options)
        return self._markets[key]

    def _status(self, _words: Words) -> StatusInfo:
        return self._session().status()

    def _deposit(self, words: Words) -> Panel:
        session = self._session()
        moved = session.deposit(words["amount"], if_below=words["if_below"])
        if moved is None:
            holds = format_amount(session.balance().vault)
            return Panel(f"The vault holds {holds}: nothing was deposited.")
        return self._moved(moved)

    def _withdraw(self, words: Words) -> Panel:
        return self._moved(self._session().withdraw(words["amount"]))

    def _moved(self, record: TransactionRecord) -> Panel:
        held = self._session().balance()
        vault, wallet = format_amount(held.vault), format_amount(held.wallet)
        return settled(record, f" The vault holds {vault}, the account {wallet}.")

    def _sources(self, _words: Words) -> Panel:
        from ogpu_jupyter import render  # noqa: PLC0415 - not on load

        found = self._session().sources()
        return Panel(render.sources_text(found), render.sources_html(found), found)

    def _source(self, words: Words) -> Panel:
        from ogpu_jupyter import render  # noqa: PLC0415 - not on load

        found = self._session().source(words["source"])
        return Panel(render.sources_text([found]), render.sources_html([found]), found)

    def _use(self, words: Words) -> Panel:
        if words["as"] is None:
            raise InputError(
                "`%ogpu use` needs a name for the source.",
                hint=f"Type `%ogpu use {words['source'][:42]} --as NAME`.",
            )
        record = self._session().use(words["source"], words["as"])
        return Panel(f"`{words['as']}` stands for the source {record.address}.", value=record)

    def _form(self, words: Words) -> Form:
        from ogpu_jupyter.kernel import form  # noqa: PLC0415 - heavy, not on load

        self._session()
        return form(
            words["source"],
            words["function"],
            model=self._model(words["model"]),
            template=words["template"],
            name=words["as"] or "task",
            names=self._names,
        )

    def _tasks(self, words: Words) -> History:
        from ogpu_jupyter.kernel import history  # noqa: PLC0415 - heavy, not on load

        if words["open"] and words["status"]:
            raise InputError("`--open` is a status too.", hint="Type `--status open,paid`, say.")
        names = ("network", "source", "text", "since", "sort", "limit")
        filters = {name: words[name] for name in names if words[name] is not None}
        found = history(status="open" if words["open"] else words["status"], **filters)
        if words["as"]:
            self._names[words["as"]] = found
            found.frame_name = f"{words['as']}_frame"
        return found

    def _show(self, words: Words) -> None:
        if words["all"]:
            self._show_all(words)
            return
        if words["task"] is None:
            raise InputError(
                "`%ogpu show` needs a task, or `--all`.",
                hint="Type, for example, `%ogpu show #12`.",
            )
        task = self._session().task(self._meant(words["task"]))
        if words["as"]:
            self._names[words["as"]] = task
        if words["show"]:
            task.show_as(words["show"])
        self._follow([task], wait=False, timeout=None)

    def _show_all(self, words: Words) -> None:
        from .again import show_all  # noqa: PLC0415 - heavy, not on load

        if words["as"]:
            raise InputError("`--as` is for one task.", hint="Leave `--as` or `--all` away.")
        show_all(words["task"], self._names, self._session_if_any())

    def _confirm(self, words: Words) -> Panel:
        target = self._meant(words["task"])
        if strategies.is_asked(words):
            return strategies.confirm_by(self._session(), target, words, self._names)
        if words["response"] is None:
            return settled(self._session().confirm(target))
        return settled(self._session().task(target).confirm(words["response"]))

    def _cancel(self, words: Words) -> Panel:
        return settled(self._session().cancel(self._meant(words["task"])))

    def _reclaim(self, words: Words) -> ReclaimInfo:
        return self._session().reclaim(yes=words["yes"], ask=self._ask())

    def _wait(self, words: Words) -> Panel | None:
        session = self._session()
        tasks = [session.task(self._meant(word)) for word in words["task"]]
        tasks = tasks or session.under_way()
        self._follow(tasks, wait=True, timeout=words["timeout"])
        return self._listed(tasks) if len(tasks) > _SHOWN_AT_ONCE else None

    def _listed(self, tasks: list[Task]) -> Panel:
        from ogpu_jupyter import render  # noqa: PLC0415 - not on load

        now = self._session().chain_time()
        records = [task.record for task in tasks]
        return Panel(render.tasks_text(records, now), render.tasks_html(records, now), tasks)

    def _follow(self, tasks: list[Task], *, wait: bool, timeout: float | None) -> None:
        """Show the tasks, and wait if asked. An interrupt in here leaves them to themselves."""
        from ogpu_jupyter import display  # noqa: PLC0415 - not on load

        try:
            for task in tasks[:_SHOWN_AT_ONCE]:
                display.show(task)
            if wait and tasks:
                self._session().wait(*tasks, timeout=timeout)
        except (KeyboardInterrupt, Interrupted):
            raise detached(tasks) from None
        finally:
            if wait:
                display.settle(*tasks)  # an update after the cell would not be saved

    def _meant(self, word: str) -> object:
        """The task in the variable of that name, else the word as it is."""
        from ogpu_jupyter.handle import Task  # noqa: PLC0415 - heavy, not on load

        value = self._names.get(word)
        return value if isinstance(value, Task) else word

    def _model(self, name: str | None) -> Any:
        if name is None:
            return None
        model = lookup(self._names, name)
        if isinstance(model, type) and hasattr(model, "model_validate"):
            return model
        raise InputError(
            f"`{name}` is not a pydantic model.", hint="Make it a class that is a BaseModel."
        )

    @property
    def _names(self) -> dict[str, Any]:
        """The notebook's variables."""
        names: dict[str, Any] = self.shell.user_ns
        return names

    def _session(self) -> Session:
        """The kernel's session, with the room for answers that was set."""
        from ogpu_jupyter.kernel import current  # noqa: PLC0415 - heavy, not on load

        session = current()
        if self._roomy is not session:
            session.room, self._roomy = self.answer_bytes, session
        return session

    def _session_if_any(self) -> Session | None:
        try:
            return self._session()
        except NotConnected:
            return None

    @observe(*_CAPS)
    def _cap_changed(self, change: Any) -> None:
        SETTINGS.set(change["name"], change["new"])

    @observe("answer_bytes")
    def _room_changed(self, _change: object) -> None:
        if self._roomy is not None:
            self._roomy.room = self.answer_bytes

    def _ask(self) -> Ask | None:
        """How to ask the person; None where nobody could answer."""
        kernel = getattr(self.shell, "kernel", None)
        if kernel is not None:
            return _ask if kernel._allow_stdin else None  # noqa: SLF001 - the only place that says so
        return _ask if sys.stdin is not None and sys.stdin.isatty() else None


def _check_wait(words: Words) -> None:
    if words["timeout"] is not None and not words["wait"]:
        raise InputError(
            "`--timeout` is how long `--wait` waits.",
            hint="Add `--wait`, or leave `--timeout` away.",
        )


def _ask(question: str) -> bool:
    return input(f"{question} [y/N] ").strip().lower() in {"y", "yes"}
