"""What the journal holds of providers: one statement over its newest tasks.

A task counts where the provider has answered it, or had until its expiry to do so: one that
was over earlier, because another answer was confirmed, says nothing about it.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Final

from ogpu_jupyter.tasks import NetworkId, Reputation, ResponseStatus

from .rows import marks, network_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .file import File

_TASKS: Final = 2_000  # the newest, of one network
_PROVIDERS: Final = 64

_SQL: Final = """
    SELECT lower(json_extract(attempt.value, '$.provider')) AS provider,
        json_extract(attempt.value, '$.at'), json_extract(response.value, '$.at'),
        json_extract(response.value, '$.status')
    FROM (
        SELECT record, stage FROM tasks WHERE network = ? AND key <> ?
            AND address <> '' AND account <> ''
        ORDER BY key DESC LIMIT ?
    ) AS task, json_each(task.record, '$.attempts') AS attempt
    LEFT JOIN json_each(task.record, '$.responses') AS response
        ON lower(json_extract(response.value, '$.provider'))
            = lower(json_extract(attempt.value, '$.provider'))
    WHERE provider IN ({marks})
        AND (response.value IS NOT NULL OR task.stage IN ('expired', 'late'))
"""


def reputations(
    file: File, network_id: NetworkId, providers: Sequence[str], besides: int
) -> dict[str, Reputation]:
    """Each provider's, by its address, from the tasks other than `besides`."""
    asked = list(dict.fromkeys(providers))[:_PROVIDERS]
    if not asked:
        return {}
    low = [address.lower() for address in asked]
    rows = file.rows(_SQL.format(marks=marks(low)), network_text(network_id), besides, _TASKS, *low)
    return {
        address: _reputation([row[1:] for row in rows if row[0] == address.lower()])
        for address in asked
    }


def _reputation(rows: list[tuple[float | None, float | None, int | None]]) -> Reputation:
    times = [end - begin for begin, end, _ in rows if begin is not None and end is not None]
    return Reputation(
        tasks=len(rows),
        answered=sum(status is not None for *_, status in rows),
        paid=sum(status == ResponseStatus.CONFIRMED for *_, status in rows),
        seconds=statistics.median(max(0.0, seconds) for seconds in times) if times else None,
    )
