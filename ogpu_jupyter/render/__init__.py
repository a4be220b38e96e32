"""A task as people see it: records to HTML and to text, by pure functions.

`html`, `text` and `line` show one task; `answer_html` and `answer_text` an answer alone;
the `…_html` and `…_text` of tasks, sources, status and plan are tables.
"""

from __future__ import annotations

from .answers import answer_html, answer_kind, answer_text, kind_names
from .batches import batch_html, batch_text, said_html
from .folded import Seen, folded_html, folded_text
from .page import html
from .plugins import Shown, kind, register
from .reclaims import ReclaimInfo, ReclaimRow, reclaim_html, reclaim_text
from .registry import Given, Kind
from .safe import esc
from .stages import way_out
from .summary import answer_lines, line, text
from .tables import (
    PlanInfo,
    StatusInfo,
    plan_html,
    plan_text,
    sources_html,
    sources_text,
    status_html,
    status_text,
    tasks_html,
    tasks_text,
)

__all__ = [
    "Given",
    "Kind",
    "PlanInfo",
    "ReclaimInfo",
    "ReclaimRow",
    "Seen",
    "Shown",
    "StatusInfo",
    "answer_html",
    "answer_kind",
    "answer_lines",
    "answer_text",
    "batch_html",
    "batch_text",
    "esc",
    "folded_html",
    "folded_text",
    "html",
    "kind",
    "kind_names",
    "line",
    "plan_html",
    "plan_text",
    "reclaim_html",
    "reclaim_text",
    "register",
    "said_html",
    "sources_html",
    "sources_text",
    "status_html",
    "status_text",
    "tasks_html",
    "tasks_text",
    "text",
    "way_out",
]
