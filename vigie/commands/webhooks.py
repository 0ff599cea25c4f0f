"""`vigie webhooks`: how receivers do, and sending them again what they missed."""

from __future__ import annotations

from typing import Annotated

import typer

from core.audit import Act, What
from core.clock import Window, format_instant, now, parse_instant
from core.errors import SettingInvalid, VigieError
from core.settings import Settings
from core.store.audit import record
from core.store.deliveries import replay_window
from core.store.pool import connected
from core.store.webhooks import Webhook, read_webhook, read_webhooks
from vigie.commands.tables import table_lines

app = typer.Typer(no_args_is_help=True, help="Who hears of events over HTTPS: list, replay. The API makes them.")

_HEADS = ("id", "name", "host", "events", "communes", "state", "waiting", "failures", "succeeded", "failure")


class UnknownWebhook(VigieError):
    """There is no such webhook."""


@app.command("list")
def list_webhooks() -> None:
    """Print the webhooks and how their receivers do."""
    with connected(Settings.from_environment().dsn) as connection:
        found = read_webhooks(connection)
    print("\n".join(table_lines([_HEADS, *map(_row, found)])) if found else "there is no webhook")


@app.command()
def replay(
    webhook_id: Annotated[int, typer.Argument(min=1, help="Of `vigie webhooks list`.")],
    *,
    start: Annotated[str, typer.Option("--from", help="An instant with its offset; events are kept for 30 days.")],
    until: Annotated[str | None, typer.Option(help="The same, excluded; else up to now.")] = None,
) -> None:
    """Send again all that happened in a window and the webhook wants now, the oldest first."""
    try:
        window = Window(parse_instant(start), parse_instant(until) if until else now())
    except ValueError as error:
        raise SettingInvalid(f"--from, --until: {error}") from None
    with connected(Settings.from_environment().dsn) as connection:
        webhook = read_webhook(connection, webhook_id)
        if webhook is None:
            raise UnknownWebhook(f"there is no webhook {webhook_id}")
        replayed = replay_window(connection, webhook_id, window)
        sent = {"from": start, "until": format_instant(window.end), "events": replayed.count}
        record(connection, Act(What.WEBHOOK_RESENT, f"webhook:{webhook_id}", after=sent))
    print(f"{webhook.name}: {replayed.count} events are sent again")
    if replayed.next_from is not None:
        print(f"there are more: go on with --from {format_instant(replayed.next_from)}")


def _row(webhook: Webhook) -> tuple[str, ...]:
    return (
        str(webhook.webhook_id),
        webhook.name,
        # The rest of the URL may be a secret of the receiver's.
        webhook.url.split("/")[2],
        ",".join(webhook.wanted),
        ",".join(webhook.communes) if webhook.communes is not None else "all",
        webhook.state,
        str(webhook.waiting),
        str(webhook.failures),
        format_instant(webhook.succeeded_at.replace(microsecond=0)) if webhook.succeeded_at else "never",
        webhook.failure,
    )
