"""Accounts by their names: where the key comes from, and that nothing else sees it."""

from __future__ import annotations

import getpass
import json
import stat
import subprocess
import sys
import traceback
from types import ModuleType

import pexpect
import pytest

import ogpu_jupyter
from ogpu_jupyter import accounts
from ogpu_jupyter.chain._web3 import eth_account
from ogpu_jupyter.chain.transactions import resolve_account
from ogpu_jupyter.errors import AccountError, Interrupted, MissingExtra
from tests.helpers import lacking

KEY = "0x" + "ca11ab1e" * 8
ADDRESS = eth_account.Account.from_key(KEY).address
PASSWORD = "c4n4ry horse"


@pytest.fixture
def typed(monkeypatch):
    """What the person types, in order; `typed.asked` are the prompts. As a kernel does it."""

    class Typed(list):
        def __call__(self, prompt="", stream=None):
            self.asked.append(prompt)
            word = self.pop(0)
            if isinstance(word, BaseException):
                raise word
            return word() if callable(word) else word

    answers = Typed()
    answers.asked = []
    monkeypatch.setattr(getpass, "getpass", answers)
    return answers


@pytest.fixture
def keystore(ogpu_home):
    """A quickly sealed one, in our own folder: `keystore:canary`."""
    return sealed(ogpu_home / "keystores" / "canary.json")


def sealed(path, *, kdf="scrypt", **changes):
    path.parent.mkdir(parents=True, exist_ok=True)
    content = eth_account.Account.encrypt(KEY, PASSWORD, kdf, 2)
    path.write_text(json.dumps(content | changes))
    return path


def refusal(call, kind=AccountError):
    """The error, once nothing that hangs on it has the key or the password."""
    try:
        call()
    except kind as error:
        caught = error
    else:
        pytest.fail("nothing was raised")
    shown = traceback.TracebackException.from_exception(caught, capture_locals=True)
    ours = [str(frame.locals) for frame in shown.stack if frame.filename != __file__]
    everything = f"{caught!s} {caught!r} {vars(caught)} {ours}"
    assert ours
    assert caught.__context__ is None or caught.__suppress_context__
    assert caught.__cause__ is None
    assert "ca11ab1e" not in everything.lower()
    assert PASSWORD not in everything
    return str(caught)


# --- the environment ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variable", "name"),
    [
        ("CLIENT_PRIVATE_KEY", None),
        ("CLIENT_PRIVATE_KEY", "env:CLIENT_PRIVATE_KEY"),
        ("OTHER", "env:OTHER"),
    ],
)
@pytest.mark.parametrize("text", [KEY, KEY[2:].upper(), f" {KEY}\n"])
def test_a_key_of_the_environment(monkeypatch, variable, name, text):
    monkeypatch.setenv(variable, text)

    assert accounts.signer_of(name).address == ADDRESS


def test_a_variable_that_is_not_set_is_named(monkeypatch):
    monkeypatch.delenv("OTHER", raising=False)

    assert refusal(lambda: accounts.signer_of("env:OTHER")) == (
        "There is no key: OTHER is not set.\n"
        "Nothing was spent.\n"
        "Set the environment variable OTHER before the kernel starts, or give an `eth_account` "
        "account: `ogpu_jupyter.connect(network, account=…)`."
    )


@pytest.mark.parametrize("text", [KEY[:-1], KEY + "0", "0x" + "ff" * 32, "0x" + "00" * 32, "x"])
def test_a_variable_without_a_key_is_not_shown(monkeypatch, text):
    monkeypatch.setenv("OTHER", text)

    assert refusal(lambda: accounts.signer_of("env:OTHER")).startswith(
        "OTHER doesn't hold a private key.\n"
    )


@pytest.mark.parametrize("text", [KEY, KEY[2:], f"env:{KEY}", f"keystore:{KEY[2:]}", f"{KEY}:x"])
def test_a_key_as_a_name_is_refused_and_not_shown(text):
    with pytest.raises(AccountError) as caught:
        accounts.signer_of(text)

    assert caught.value.what == "A key or an address can't be given as text."
    assert "ca11ab1e" not in str(caught.value)


@pytest.mark.parametrize("text", ["env:", "file:x", ":", "Env:A"])
def test_what_names_no_account_is_told_the_names(text):
    assert refusal(lambda: accounts.signer_of(text)) == (
        "That names no account.\n"
        "Nothing was spent.\n"
        "A name is `env:NAME`, `keystore:NAME` or `keystore:PATH`, `keyring:NAME`, `colab:NAME`."
    )


# --- objects that sign -------------------------------------------------------------------


class Sealed:
    """Signs, and lets nobody see its key."""

    def __init__(self, account):
        self._inner = account
        self.address = account.address

    def sign_transaction(self, transaction):
        return self._inner.sign_transaction(transaction)

    def __getattr__(self, name):
        raise AssertionError(f"{name} was asked for")


@pytest.mark.parametrize("node", ["anvil"], indirect=True, scope="session")
def test_whatever_signs_is_enough_for_a_task(localnet, account, tmp_path):
    """From the deposit to the answer nothing but `sign_transaction` and `address` is used."""
    signer = Sealed(account)
    with_key = [name for name in ("key", "_private_key") if hasattr(type(signer), name)]

    session = ogpu_jupyter.connect(localnet.network, signer, tmp_path / "journal.sqlite3")
    session.deposit(1)
    task = session.publish("text2text", "text2text", {"messages": [chat("What is 2 + 2?")]})

    assert "4" in task.result(timeout=30)["content"]
    assert with_key == []
    session.close()


def chat(text):
    return {"role": "user", "content": text}


# --- keystores ---------------------------------------------------------------------------


def test_a_new_keystore_is_made_listed_and_used(typed, ogpu_home):
    """With the standard's own cost, for its owner alone; no other client is needed to read it."""
    typed += [PASSWORD, PASSWORD, PASSWORD]

    made = accounts.new("main")

    content = json.loads(made.path.read_text())
    assert made.path == ogpu_home / "keystores" / "main.json"
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(made.path.parent.stat().st_mode) == 0o700
    assert content["version"] == 3
    assert content["crypto"]["kdfparams"]["n"] == 1 << 18
    assert accounts.kept() == [made]
    assert accounts.signer_of("keystore:main").address == made.address
    assert typed.asked == [
        "A new password for main: ",
        "The same password again: ",
        "Password of the keystore main: ",
    ]


def test_a_key_is_taken_in_unseen(typed):
    typed += [KEY, PASSWORD, PASSWORD]

    kept = accounts.import_key("mine")

    assert kept.address == ADDRESS
    assert "ca11ab1e" not in kept.path.read_text().lower()
    assert typed.asked[0] == "Private key: "


def test_a_keystore_is_never_written_over(typed, keystore):
    """Said before a password is asked for, and held also when another kernel was quicker."""
    before = keystore.read_bytes()

    text = refusal(lambda: accounts.new("canary"))
    late = keystore.with_name("late.json")
    typed += [KEY, PASSWORD, lambda: late.write_text("theirs") and PASSWORD]
    raced = refusal(lambda: accounts.import_key("late"))

    assert text == (
        "There is a keystore canary already, and it is never written over.\n"
        "Nothing was spent.\n"
        f"Type another name: `%ogpu account new NAME`. Its file is {keystore}."
    )
    assert raced.startswith("There is a keystore late already")
    assert keystore.read_bytes() == before
    assert late.read_text() == "theirs"


@pytest.mark.parametrize("name", ["", "../x", "a b", "x" * 41, ".hidden", "a/b", "ä"])
def test_a_name_is_no_path(typed, name):
    assert refusal(lambda: accounts.new(name)).startswith("That can't be an account's name.")
    assert typed.asked == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([KEY, PASSWORD, PASSWORD + "x"], "The two passwords differ. No key was kept."),
        ([KEY, ""], "An empty password seals nothing."),
        ([KEY[:-1]], "What was typed doesn't hold a private key."),
        ([KEY + PASSWORD], "What was typed doesn't hold a private key."),
        ([""], "What was typed doesn't hold a private key."),
    ],
)
def test_what_is_typed_wrong_keeps_nothing_and_shows_nothing(typed, words, said):
    typed += words

    assert refusal(lambda: accounts.import_key("mine")).startswith(said)
    assert accounts.kept() == []


@pytest.mark.parametrize("kdf", ["scrypt", "pbkdf2"])
def test_a_keystore_of_another_client_is_opened_by_its_path(typed, tmp_path, kdf):
    path = sealed(tmp_path / "UTC--2024--x", kdf=kdf)
    typed.append(PASSWORD)

    assert accounts.signer_of(f"keystore:{path}").address == ADDRESS


def test_a_wrong_password_is_said_to_be(typed, keystore):
    typed.append(PASSWORD + "?")

    assert refusal(lambda: accounts.signer_of("keystore:canary")) == (
        "The password is not that of the keystore canary.\n"
        "Nothing was spent.\n"
        "Run the cell again to be asked again."
    )


def test_a_keystore_that_is_not_there_is_said_to_be(typed):
    assert refusal(lambda: accounts.signer_of("keystore:nowhere")) == (
        "There is no keystore nowhere.\n"
        "Nothing was spent.\n"
        "Type `%ogpu account list` to see the names, or give the path of a file."
    )
    assert typed.asked == []


def params(**changes):
    content = eth_account.Account.encrypt(KEY, PASSWORD, "scrypt", 2)
    content["crypto"]["kdfparams"] |= changes
    return json.dumps(content).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{}", b"[]", b"null", b"\xff", b"[" * 60_000, b"x" * 100_000, b'{"version": 4}',
        b'{"version": 3, "crypto": 7}', params(n=1 << 40), params(n=1 << 22, r=8),
        params(p=1 << 30), params(dklen=1 << 30), params(n="2"), params(n=0),
    ],
    ids=range(15),
)  # fmt: skip
def test_a_hostile_file_is_no_keystore(typed, ogpu_home, content):
    """It would take all memory or hours; nobody is asked for a password for it."""
    path = ogpu_home / "keystores" / "canary.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)

    assert refusal(lambda: accounts.signer_of("keystore:canary")) == (
        f"The keystore {path} is of no use: it is not a V3 keystore.\nNothing was spent."
    )
    assert typed.asked == []
    assert [found.address for found in accounts.kept()] == [""]


def test_a_file_that_states_another_address_is_not_used(typed, ogpu_home):
    other = "0x" + "11" * 20
    path = sealed(ogpu_home / "keystores" / "canary.json", address=other)
    typed.append(PASSWORD)

    assert refusal(lambda: accounts.signer_of("keystore:canary")).startswith(
        f"The keystore {path} is of no use: it states {other}, and holds another account."
    )


def test_an_interrupt_while_a_password_is_asked_for_shows_nothing(typed):
    """Also when the person stops at the second question, with the first word in a frame."""
    typed += [KEY, PASSWORD, KeyboardInterrupt()]

    text = refusal(lambda: accounts.import_key("mine"), Interrupted)

    assert text == "Interrupted before the account could be used.\nNothing was spent."
    assert accounts.kept() == []


def test_an_interrupt_while_the_key_is_unsealed_shows_nothing(typed, keystore, monkeypatch):
    def stopped(content, password):
        raise KeyboardInterrupt

    monkeypatch.setattr(eth_account.Account, "decrypt", stopped)
    typed.append(PASSWORD)

    refusal(lambda: accounts.signer_of("keystore:canary"), Interrupted)


def test_where_nobody_can_be_asked_it_is_said(keystore):
    """Without a terminal getpass would read in the open, with a warning."""
    code = "from ogpu_jupyter import accounts; accounts.signer_of('keystore:canary')"
    run = subprocess.run(
        [sys.executable, "-c", code],
        input=f"{PASSWORD}\n",
        capture_output=True,
        text=True,
        start_new_session=True,
        check=False,
    )

    assert run.returncode == 1
    assert run.stderr.rstrip().endswith(
        "AccountError: Nobody can be asked here for: Password of the keystore canary.\n"
        "Nothing was spent.\n"
        "Run this where it can ask you, or name an account that needs no password: `env:NAME` "
        "or `keyring:NAME`."
    )


def test_in_a_terminal_nothing_of_it_is_echoed(kernel_env, ogpu_home):
    """IPython's own terminal, with a key typed in."""
    command = f"{sys.executable} -m IPython --colors=NoColor --simple-prompt --no-banner"
    child = pexpect.spawn(
        command, env=kernel_env(OGPU_JUPYTER_HOME=ogpu_home, TERM="dumb"), timeout=60
    )
    for said, word in (
        ("In .1.: ", "%load_ext ogpu_jupyter"),
        ("In .2.: ", "%ogpu account import mine"),
        ("Private key: ", KEY),
        ("A new password for mine: ", PASSWORD),
        ("The same password again: ", PASSWORD),
    ):
        child.expect(said)
        child.sendline(word)
    child.expect("Kept the account " + ADDRESS)
    shown = child.before
    child.sendline("%ogpu account list")
    child.expect(f"keystore:mine  {ADDRESS}")
    shown += child.before
    child.sendline("exit")
    child.expect(pexpect.EOF)
    child.close()

    assert b"ca11ab1e" not in (shown + child.before).lower()
    assert PASSWORD.encode() not in shown


# --- the keyring, and Colab --------------------------------------------------------------


@pytest.fixture
def ring():
    """A real backend that keeps its words in memory."""
    try:
        import keyring
        from keyring.backend import KeyringBackend
    except ImportError:
        lacking("keyring (`make test` installs it)")

    class InMemory(KeyringBackend):
        priority = 1

        def __init__(self):
            self.words = {}

        def get_password(self, service, username):
            if username == "locked":
                raise RuntimeError(f"can't show {KEY}")
            return self.words.get((service, username))

        def set_password(self, service, username, password):
            self.words[service, username] = password

        def delete_password(self, service, username):
            del self.words[service, username]

    before = keyring.get_keyring()
    keyring.set_keyring(InMemory())
    yield keyring
    keyring.set_keyring(before)


def test_a_key_of_the_keyring(ring):
    ring.set_password("ogpu-jupyter", "main", KEY)

    assert accounts.signer_of("keyring:main").address == ADDRESS


def test_a_keyring_without_the_key_says_how_to_put_it_there(ring):
    assert refusal(lambda: accounts.signer_of("keyring:none")) == (
        "The keyring holds no key by the name none.\n"
        "Nothing was spent.\n"
        "Type `keyring set ogpu-jupyter none` in a terminal; it asks for the key."
    )


def test_a_keyring_that_fails_tells_no_more_than_its_kind(ring):
    assert refusal(lambda: accounts.signer_of("keyring:locked")) == (
        "The keyring can't be read (RuntimeError).\nNothing was spent."
    )


def test_a_keyring_with_something_else_is_not_shown(ring):
    ring.set_password("ogpu-jupyter", "bad", KEY[:-1])

    assert refusal(lambda: accounts.signer_of("keyring:bad")).startswith(
        "keyring:bad doesn't hold a private key."
    )


def test_without_the_extra_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "keyring", None)

    assert refusal(lambda: accounts.signer_of("keyring:main"), MissingExtra) == (
        "The account keyring:main needs the extra `keyring`, which is not installed.\n"
        "Nothing was spent.\n"
        'Type `%pip install "ogpu-jupyter[keyring]"`, then restart the kernel.'
    )


class SecretNotFoundError(Exception):
    pass


class NotebookAccessError(Exception):
    pass


@pytest.fixture
def colab(monkeypatch):
    """Colab's module of secrets, as its documentation has it."""

    def get(name):
        if name == "main":
            return KEY
        raise {"hidden": NotebookAccessError}.get(name, SecretNotFoundError)(KEY)

    userdata = ModuleType("google.colab.userdata")
    userdata.get = get
    userdata.SecretNotFoundError = SecretNotFoundError
    userdata.NotebookAccessError = NotebookAccessError
    module = ModuleType("google.colab")
    module.userdata = userdata
    monkeypatch.setitem(sys.modules, "google", ModuleType("google"))
    monkeypatch.setitem(sys.modules, "google.colab", module)
    monkeypatch.setitem(sys.modules, "google.colab.userdata", userdata)


def test_a_secret_of_colab(colab):
    assert accounts.signer_of("colab:main").address == ADDRESS


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("none", "Colab has no secret none."),
        ("hidden", "This notebook may not read Colab's secret hidden."),
    ],
)
def test_a_secret_that_colab_does_not_give_is_told(colab, name, said):
    assert refusal(lambda: accounts.signer_of(f"colab:{name}")).startswith(said)


def test_outside_of_colab_there_are_no_secrets_of_it():
    assert refusal(lambda: accounts.signer_of("colab:main")).startswith(
        "colab:main is for Google Colab, and this is somewhere else.\n"
    )


def test_an_account_object_is_taken_as_it_is():
    account = eth_account.Account.create()

    assert accounts.signer_of(account) is account
    assert resolve_account(account) is account


PHRASE = "test test test test test test test test test test test junk"
MISTAKEN = {
    "a key": KEY,
    "a key without 0x": KEY[2:],
    "a digit less": KEY[:-1],
    "a digit more": KEY + "1",
    "a letter that is no digit": KEY.replace("e", "o"),
    "with a space": f"{KEY[:20]} {KEY[20:]}",
    "in groups": "-".join(KEY[at : at + 8] for at in range(2, 66, 8)),
    "a phrase": PHRASE,
    "a phrase with words missing": PHRASE[20:],
}


@pytest.mark.parametrize("kind", ["", "keystore:", "keyring:", "env:", "colab:", "wallet:"])
@pytest.mark.parametrize("case", MISTAKEN)
def test_a_secret_in_the_place_of_a_name_is_not_repeated(case: str, kind: str) -> None:
    """Mistyped or not, and whichever kind of name it stands in."""
    account = kind + MISTAKEN[case]

    with pytest.raises(AccountError) as caught:
        accounts.signer_of(account)

    assert caught.value.what == "A key or an address can't be given as text."
    assert accounts.stated_address(account) == ""


@pytest.mark.parametrize(
    "name",
    [
        "/keys/UTC--2016-03-22T12-14-53.391Z--008aeeda4d805471df9b2a5b0f38a0c3bcba786b",
        "/keys/3198bc9c-6672-5ab3-d995-4942343ae5b6.json",
        "/home/me/all the old wallets that were mine/work.json",
    ],
)
def test_a_path_is_no_secret(name: str) -> None:
    """As clients name their files."""
    with pytest.raises(AccountError, match="There is no keystore") as caught:
        accounts.signer_of(f"keystore:{name}")

    assert name in caught.value.what
