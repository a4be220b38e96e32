"""`task.save(path)`: an answer becomes files, each whole or not there at all.

The suffix says the format; without one, the kind of the answer does. Names come from the
person and from us, never from the answer. Nothing is written over unless that is asked for.
"""

from __future__ import annotations

import io
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .errors import InputError
from .frames import built, columns_of, library_of
from .render.files import Contents, File, csv_file, json_file, text_file
from .render.records import Records
from .render.thumbnails import converted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .tasks import Json

_MEDIA: Final = {
    ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif",
    ".webp": "image/webp", ".wav": "audio/wav", ".mp3": "audio/mpeg", ".ogg": "audio/ogg",
    ".flac": "audio/flac", ".m4a": "audio/mp4", ".mp4": "video/mp4", ".webm": "video/webm",
    ".ogv": "video/ogg",
}  # fmt: skip
_FRAMES: Final = {".parquet": "to_parquet", ".feather": "to_feather"}
_TRIES: Final = 1000


def save(
    value: Json,
    path: str | os.PathLike[str],
    *,
    name: str = "answer",
    data: Json = None,
    linked: Mapping[str, str] | None = None,
    overwrite: bool = False,
) -> Path | list[Path]:
    """Write the answer to `path`; in a folder, under `name`. Several pictures are numbered."""
    target = Path(path).expanduser()
    if target.is_dir() or str(path).endswith(("/", os.sep)):
        target = target / name
    contents = Contents(value, data, linked)
    files = _as(target.suffix.lower(), contents) if target.suffix else contents.files
    if not target.suffix:
        target = target.with_name(target.name + files[0].suffix)
    places = _places(target, files)
    _check(places, overwrite=overwrite)
    for place, file in zip(places, files, strict=True):
        write(place, file.data, overwrite=overwrite)
    return places if len(places) > 1 else places[0]


def save_beside(
    value: Json,
    folder: Path,
    *,
    name: str,
    data: Json = None,
    linked: Mapping[str, str] | None = None,
) -> list[Path]:
    """Write it under a name that is free; where it stands there already, that is the file."""
    files = Contents(value, data, linked).files
    for n in range(1, _TRIES):
        stem = name if n == 1 else f"{name}-{n}"
        places = _places(folder / f"{stem}{files[0].suffix}", files)
        pairs = list(zip(places, files, strict=True))
        if all(_is_there(place, file) for place, file in pairs):
            return places
        if not any(place.exists() for place in places):
            for place, file in pairs:
                write(place, file.data, overwrite=False)
            return places
    raise InputError(f"There are {_TRIES:,} files named {name} in {folder}.", spent="")


def _is_there(place: Path, file: File) -> bool:
    return place.is_file() and place.stat().st_size == len(file.data) and (
        place.read_bytes() == file.data
    )  # fmt: skip


def _places(target: Path, files: Sequence[File]) -> list[Path]:
    if len(files) == 1:
        return [target]
    width = len(str(len(files)))
    return [
        target.with_name(f"{target.stem}-{n:0{width}}{_own(target, file)}")
        for n, file in enumerate(files, 1)
    ]


def _own(target: Path, file: File) -> str:
    """The suffix as it was written, where it means the file's type."""
    return target.suffix if _MEDIA.get(target.suffix.lower()) == file.media else file.suffix


def _check(places: Sequence[Path], *, overwrite: bool) -> None:
    """All that can be wrong, before the first byte is written."""
    folder = places[0].parent
    if not folder.is_dir():
        raise InputError(
            f"There is no folder {str(folder)!r}.",
            spent="Nothing was written.",
            hint="Make it first, or give another path.",
        )
    for place in places:
        if place.is_dir():
            raise InputError(f"{str(place)!r} is a folder.", spent="Nothing was written.")
        if place.exists() and not overwrite:
            raise _taken(place)


def _taken(place: Path) -> InputError:
    return InputError(
        f"There is a file {str(place)!r} already.",
        spent="Nothing was written over.",
        hint="Give another path, or `overwrite=True`.",
    )


def write(place: Path, data: bytes, *, overwrite: bool) -> None:
    """The whole file at once: a reader sees the old one or the new one."""
    handle, temporary = tempfile.mkstemp(dir=place.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())  # noqa: PTH101 - by descriptor-safe name
        _put(temporary, place, overwrite=overwrite)
    finally:
        with suppress(FileNotFoundError):
            Path(temporary).unlink()


def _umask() -> int:
    """What new files of this process are not allowed; it can only be read by setting it."""
    current = os.umask(0o077)
    os.umask(current)
    return current


def _put(temporary: str, place: Path, *, overwrite: bool) -> None:
    """Into its place; without `overwrite`, the name is taken first, so that no other can."""
    if not overwrite:
        try:
            place.open("xb").close()
        except FileExistsError:
            raise _taken(place) from None
    os.replace(temporary, place)  # noqa: PTH105 - the pair of names says more here


# Formats


def _as(suffix: str, contents: Contents) -> list[File]:
    """The answer in the format that the suffix names."""
    if suffix in _FRAMES:
        return [_frame(suffix, contents.value)]
    if suffix in _MAKERS:
        return [_MAKERS[suffix](contents)]
    if suffix in _MEDIA:
        return [_medium(suffix, file) for file in contents.media] or [_none(suffix, contents)]
    raise _unfit(f"An answer is not kept as {suffix[:20]!r}.", contents)


def _unfit(what: str, contents: Contents) -> InputError:
    natural = contents.files[0].suffix
    other = "" if natural == ".json" else f"This one fits {natural!r}; "
    return InputError(what, spent="Nothing was written.", hint=f"{other}`.json` takes any.")


def _none(suffix: str, contents: Contents) -> File:
    kind = _MEDIA[suffix].partition("/")[0]
    raise _unfit(f"The answer is not {_ARTICLES[kind]}.", contents)


_ARTICLES: Final = {"image": "a picture", "audio": "sound", "video": "film"}


def _json(contents: Contents) -> File:
    return json_file(contents.value)


def _text(suffix: str) -> Callable[[Contents], File]:
    def make(contents: Contents) -> File:
        if contents.text is None:
            raise _unfit("The answer is not a text.", contents)
        return text_file(contents.text, suffix)

    return make


def _table(separator: str) -> Callable[[Contents], File]:
    def make(contents: Contents) -> File:
        columns = columns_of(contents.value)
        rows = [list(row) for row in zip(*columns.cells, strict=True)]
        return csv_file(Records(columns.names, rows), separator)

    return make


_MAKERS: Final[dict[str, Callable[[Contents], File]]] = {
    ".json": _json,
    ".txt": _text(".txt"),
    ".md": _text(".md"),
    ".csv": _table(","),
    ".tsv": _table("\t"),
}


def _frame(suffix: str, value: Json) -> File:
    pandas = library_of("pandas")
    frame = built(columns_of(value), "pandas", pandas)
    out = io.BytesIO()
    try:
        getattr(frame, _FRAMES[suffix])(out)
    except ImportError:
        raise InputError(
            f"pandas needs PyArrow to write {suffix!r}.",
            spent="Nothing was written.",
            hint="Type `%pip install pyarrow`.",
        ) from None
    return File(suffix, "application/octet-stream", out.getvalue())


def _medium(suffix: str, file: File) -> File:
    """A file's bytes are what its name says: a picture may be converted, sound and film not."""
    wanted = _MEDIA[suffix]
    if file.media == wanted:
        return File(suffix, wanted, file.data)
    is_image = file.media.startswith("image/") and wanted.startswith("image/")
    made = converted(file.data, wanted.partition("/")[2]) if is_image else None
    if made is None:
        how = f", or type `%pip install pillow` to have it as {suffix!r}" if is_image else ""
        raise InputError(
            f"The answer is of the type {file.media}, and is not made into {wanted}.",
            spent="Nothing was written.",
            hint=f"Save it as {file.suffix!r}{how}.",
        )
    return File(suffix, wanted, made)


def said(places: Path | Sequence[Path]) -> str:
    """Where it is, in a line."""
    found: list[Any] = [places] if isinstance(places, Path) else list(places)
    if len(found) == 1:
        return f"Saved as {found[0].name}."
    return f"Saved as {found[0].name} to {found[-1].name}."
