"""Logs as data: past-tense facts with fields that carry their units, one JSON line or one coloured line each."""

from __future__ import annotations

import logging
import sys
from typing import cast

import structlog

from core.redaction import cut_secrets


def start_log(process: str, *, as_json: bool) -> None:
    """Set up structlog for this process, and send the libraries' own warnings the same way."""
    # A trace is told plainly: pretty ones show what variables held, and break long words in two.
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    # What it is given is no longer an event, but the line that was made of it.
    cut = cast("structlog.typing.Processor", cut_secrets)
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    stream = logging.StreamHandler(sys.stderr)
    stream.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                renderer,
                cut,
            ]
            if as_json
            else [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer, cut],
        ),
    )
    root = logging.getLogger()
    root.handlers = [stream]
    root.setLevel(logging.WARNING)
    for ours in ("core", "ingestors", "models", "services", "vigie"):
        logging.getLogger(ours).setLevel(logging.INFO)
    structlog.contextvars.bind_contextvars(process=process)
