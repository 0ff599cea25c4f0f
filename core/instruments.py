"""Operators' counters (Prometheus).

What always holds, per process and over time:

``messages received = stored + duplicate + rejected + quarantined + aside + returned + in flight``

for each lane; a heartbeat counts as stored. Labels are bounded: a lane, an outcome, a reason, a commune, a family, a
metric; never a sensor.
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram, start_http_server

MESSAGES_RECEIVED = Counter("vigie_ingest_messages_received", "Messages the broker handed over.", ["lane"])
MESSAGES = Counter(
    "vigie_ingest_messages",
    "Messages settled, by outcome: stored (at least one new reading, or a service frame that was not heard before), "
    "duplicate (nothing new, nothing refused), "
    "rejected (nothing stored, something refused), quarantined (held back by the flood gate), aside (sensor not "
    "adopted yet); returned (not acknowledged, left to the broker, which sends them again).",
    ["lane", "outcome"],
)
MESSAGES_IN_FLIGHT = Gauge("vigie_ingest_messages_in_flight", "Messages received and not settled yet.", ["lane"])
READINGS = Counter(
    "vigie_ingest_readings",
    "Readings decoded, by outcome (stored, duplicate, rejected: another value is there), by commune and family of "
    "metrics.",
    ["outcome", "commune", "family"],
)
REJECTIONS = Counter("vigie_ingest_rejections", "Messages refused, whole or in part, by reason.", ["lane", "reason"])
INTAKE_MESSAGES = Counter(
    "vigie_intake_messages",
    "Messages taken in otherwise than live, by kind (replay, backfill, import) and by outcome as above.",
    ["kind", "outcome"],
)
COMMIT_SECONDS = Histogram("vigie_ingest_commit_duration_seconds", "Time to write and commit one batch.")
EVENT_LAG_SECONDS = Histogram(
    "vigie_ingest_event_lag_seconds",
    "Received minus observed, of the newest reading of each batch.",
    buckets=(0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 86400),
)
LAST_COMMIT = Gauge("vigie_ingest_last_commit_timestamp_seconds", "When the last batch was committed.", ["lane"])
LANE_HELD = Gauge("vigie_ingest_lane_held", "1 while this process holds the lane, 0 while it stands by.", ["lane"])
HEARTBEAT = Gauge(
    "vigie_ingest_heartbeat_timestamp_seconds", "When the last heartbeat was sent that went through.", ["lane"]
)
HEARTBEAT_SECONDS = Histogram(
    "vigie_ingest_heartbeat_duration_seconds",
    "Time of a heartbeat from its sending through the broker to its commit.",
    ["lane"],
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 3600),
)
BROKER_CONNECTED = Gauge("vigie_mqtt_connected", "1 while connected to the broker.")
FORECASTS = Counter(
    "vigie_forecasts_issued",
    "Forecasts issued, by metric and by who spoke: model or naive.",
    ["metric", "by"],
)
MODEL_LAST_SUCCESS = Gauge(
    "vigie_model_last_success_timestamp_seconds", "When the metric's model was last trained.", ["metric"]
)
MODEL_TRAIN_SECONDS = Gauge("vigie_model_train_duration_seconds", "How long the last training took.", ["metric"])
SCORES = Counter("vigie_scores_written", "Forecasts scored, by metric.", ["metric"])
WEATHER_NEWEST = Gauge(
    "vigie_weather_received_timestamp_seconds",
    "When the newest forecast of the weather became known, by provider; 0 when there is none.",
    ["provider"],
)
DECISIONS = Counter("vigie_decisions_made", "Decisions proposed, by kind and soundness.", ["kind", "soundness"])
REQUEST_SECONDS = Histogram(
    "vigie_api_request_duration_seconds", "Time until an answer begins, by route and status.", ["route", "status"]
)
API_EXPORTS = Gauge("vigie_api_exports", "Exports that flow now.")
EXPORT_FILES = Counter(
    "vigie_export_files",
    "Files of scheduled exports, by outcome: written, corrected, unchanged (written again, the same), failed.",
    ["outcome"],
)
EXPORT_LAST_SUCCESS = Gauge(
    "vigie_export_last_success_timestamp_seconds",
    "When all that was due of a scheduled export was last written; 0 when it never was.",
    ["schedule"],
)
WEBHOOK_CALLS = Counter(
    "vigie_webhook_calls",
    "Events sent to webhooks, by outcome: taken, refused (an answer that does not take it), absent (nobody answered).",
    ["outcome"],
)
WEBHOOK_GIVEN_UP = Counter("vigie_webhook_events_given_up", "Events that a webhook did not take in three days.")
WEBHOOK_WAITING = Gauge("vigie_webhook_events_waiting", "Events that wait to be sent to webhooks.")
WEBHOOK_OLDEST = Gauge(
    "vigie_webhook_oldest_timestamp_seconds", "When the oldest event that waits was put there; 0 when none waits."
)
MAILS = Counter(
    "vigie_alarm_mails",
    "Mails about alarms, by outcome: taken by the mail server, untaken (tried again later), given_up.",
    ["outcome"],
)
MAILS_GIVEN_UP = Counter("vigie_alarm_mail_notices_given_up", "Alarms that a subscriber could not be told of by mail.")
LIVE_CLIENTS = Gauge("vigie_api_live_clients", "Open live feeds.")
API_TURNS_WAITING = Gauge("vigie_api_store_waiting", "Requests that wait for a connection to the store.")
API_TURNS_REFUSED = Counter(
    "vigie_api_store_busy",
    "Requests refused (503) because all connections were at work: too many waited, or one waited too long.",
    ["bound"],
)
API_RATES_REFUSED = Counter(
    "vigie_api_rates_refused", "Requests refused (429) because a pass or an address asked too much.", ["whose"]
)
HISTORY_READS = Counter(
    "vigie_history_reads",
    "Reads of history, by who answered: replica, primary (there is no replica), or primary_instead (the replica was "
    "absent or too far behind).",
    ["by"],
)
REPLICA_LAG_SECONDS = Gauge(
    "vigie_replica_lag_seconds", "How far the replica is behind, seen by this process; NaN where it cannot be known."
)


def serve_instruments(host: str, port: int) -> None:
    """Serve ``/metrics`` of this process on ``host:port`` from a thread of its own; port 0 serves nothing."""
    if port:
        start_http_server(port, addr=host)
