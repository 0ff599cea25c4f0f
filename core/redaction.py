"""What no log line may hold is cut out of it: tokens, passwords, cookies, wherever in the line they stand.

Nothing of ours writes them; this is for what we quote of others: an error's words, a library's warning, an address.
"""

from __future__ import annotations

import re

import structlog

CUT = "***"
"""Stands where a secret stood."""

# A quote may be escaped once, where JSON is quoted in JSON.
_QUOTE = r"""(?:\\?["'])?"""
_NAMES = r"(?:password|passwd|passphrase|secret|token|api[_-]?key|code_verifier)"
# One row a form: what is found, and what is left of it. None looks ahead without bound from many places of a line: who
# writes what we quote must not make us look at it for seconds.
_FORMS: tuple[tuple[re.Pattern[str], str], ...] = (
    # Our own tokens: 32 random bytes, which never lack a capital and a digit; the names of instruments lack both.
    (re.compile(r"\bvigie_(?=[\w-]{0,42}[A-Z0-9])[\w-]{32,}", re.ASCII), f"vigie_{CUT}"),
    (re.compile(r"(/enter/)[\w-]{16,}", re.ASCII), rf"\1{CUT}"),
    (re.compile(r"(\bvigie\.key\W{1,12})[0-9a-f]{64}\b"), rf"\1{CUT}"),
    (re.compile(r"\beyJ[\w-]{8,1024}\.[\w-]+(?:\.[\w-]+)*", re.ASCII), CUT),
    (re.compile(r"\b(bearer)\s+[\w.~+/=-]{8,}", re.ASCII | re.IGNORECASE), rf"\1 {CUT}"),
    (
        re.compile(rf"({_QUOTE}\bauthorization{_QUOTE}\s*[:=]\s*{_QUOTE}[a-z]+\s+)[^\"'\\\s]+", re.IGNORECASE),
        rf"\1{CUT}",
    ),
    # postgresql://user:password@host, mqtts://user:password@host
    (re.compile(r"""(://[^\s/:@"']*:)[^\s"'@]{1,256}(?=@)"""), rf"\1{CUT}"),
    (re.compile(rf"({_QUOTE}\b(?:set-)?cookie{_QUOTE}\s*[:=]\s*{_QUOTE})[^\"'\\\n]+", re.IGNORECASE), rf"\1{CUT}"),
    # Our own line may say null or a number of them; a value is a word.
    (
        re.compile(
            rf"({_NAMES}{_QUOTE}\s*[:=]\s*)(?!null\b|true\b|false\b)"
            rf"""({_QUOTE})[^\s"'&,;\\}}\])]+""",
            re.IGNORECASE,
        ),
        rf"\1\2{CUT}",
    ),
)


def redacted(text: str) -> str:
    """Return a text without its secrets."""
    for form, left in _FORMS:
        text = form.sub(left, text)
    return text


def cut_secrets(_logger: structlog.typing.WrappedLogger, _method: str, line: str) -> str:
    """Return a whole log line, as it is rendered, without its secrets: the last step before it is written."""
    return redacted(line)
