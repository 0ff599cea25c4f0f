"""Looking after the record of acts, every night: what is older than it is kept goes, and the rest is computed anew."""

from __future__ import annotations

import structlog

from core.audit_check import Verdict, check
from core.store.audit import chain_read, prune_acts, write_found_whole
from core.store.pool import Pool

log = structlog.get_logger(__name__)

TURNS_MAX = 1_000
"""Ten million acts a night at most, each turn a transaction of its own."""


def look_after_acts(pool: Pool) -> Verdict:
    """Prune by policy, compute the chain anew, and tell its head: who collects the logs keeps it out of reach of us."""
    pruned = 0
    for _ in range(TURNS_MAX):
        with pool.connection() as connection:
            gone = prune_acts(connection)
        pruned += gone
        if not gone:
            break
    with pool.connection() as connection, chain_read(connection) as (chain, entries):
        verdict = check(entries, chain.start, chain.head)
    fault = verdict.fault
    if fault is None:
        with pool.connection() as connection:
            write_found_whole(connection, verdict.end.number)
        log.info("audit_kept", head=str(verdict.end), acts=verdict.entries, pruned=pruned)
    else:
        log.error("audit_broken", trace=fault.trace.value, number=fault.number, last_whole=str(verdict.end))
    return verdict
