"""Choosing among the responses to a task: by a rule, now or as they come.

`rules` says what a person may ask for, and what is thought of one answer; `deciding` is the
decision, without any clock or network of its own; `auto` decides on a thread of its own for
as long as the kernel lives; `course` is both for one task, and `once` lets one pay at a time.
"""

from .auto import Chooser
from .course import Course
from .deciding import Sight, Verdict, decide, look
from .once import once
from .rules import STRATEGIES, Judge, Opinion, Rule

__all__ = [
    "STRATEGIES",
    "Chooser",
    "Course",
    "Judge",
    "Opinion",
    "Rule",
    "Sight",
    "Verdict",
    "decide",
    "look",
    "once",
]
