"""What each operation needs: one line an operation, which the application holds to before anything else is done.

Acts on an object check the right at the object, too; the database lets nobody see or change more than they may.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TypeAlias

from core.roles import Right, Visitor


class Let(Enum):
    """What an operation needs that needs no right."""

    IN = "let in"
    """Any pass: it shows somebody what is theirs."""


Need: TypeAlias = Right | tuple[Right, ...] | Let | None
"""A right, one of several, any pass, or nothing: then it is open to everybody."""

_DECIDING = (Right.DECIDE_ROUND, Right.DECIDE_LOAD_SHIFTING, Right.DECIDE_VENTILATION, Right.DECIDE_BAY)

NEEDS: Mapping[str, Need] = {
    # The process.
    "read_health": None,
    "read_readiness": None,
    "read_lanes": Right.OPERATE,
    "read_storage": Right.OPERATE,
    "read_health_explained": Right.OPERATE,
    # Places, and what can be measured.
    "read_quantities": Let.IN,
    "read_communes": Let.IN,
    "read_commune": Let.IN,
    "read_contours": Let.IN,
    "read_weather": Let.IN,
    "read_device_models": Let.IN,
    "read_metropole": Right.SEE,
    "read_sites": Right.SEE,
    # Sensors.
    "read_sensors": Right.SEE,
    "read_sensor": Right.SEE,
    "read_sensor_changes": Right.SEE,
    "read_unknown_sensors": Right.SEE,
    "adopt_sensor": Right.TEND,
    "write_sensor": Right.TEND,
    "write_sensor_move": Right.TEND,
    "write_sensor_retirement": Right.TEND,
    "write_sensor_replacement": Right.TEND,
    "write_sensors": Right.TEND,
    "read_uplink": Right.SEE,
    "read_neighbours": Right.SEE,
    "read_code": Right.SEE,
    "read_journal": Right.SEE,
    "read_interventions": Right.SEE,
    "add_intervention": Right.TEND,
    "delete_intervention": Right.TEND,
    "add_photo": Right.TEND,
    "read_photo": Right.SEE,
    "delete_photo": Right.TEND,
    # Readings.
    "read_series_page": Right.SEE,
    "read_series": Right.SEE,
    "read_latest": Right.SEE,
    "read_trends": Right.SEE,
    "read_readings": Right.SEE,
    "read_chart": Right.SEE,
    "read_rollups": Right.SEE,
    "read_completeness": Right.SEE,
    "read_series_completeness": Right.SEE,
    "read_increments": Right.SEE,
    "read_quality": Right.SEE,
    "read_calibrations": Right.SEE,
    "write_calibration": Right.TEND,
    "follow_live": Right.SEE,
    # Exports.
    "read_export": Right.EXPORT,
    "read_export_schedules": Right.OPERATE,
    "read_export_runs": Right.OPERATE,
    # Forecasts.
    "read_forecast": Right.SEE,
    "read_past_forecast": Right.SEE,
    "read_explanation": Right.SEE,
    "read_what_if": Right.SEE,
    "read_scores": Right.SEE,
    "read_fairness": Right.SEE,
    "read_models": Right.SEE,
    "read_model": Right.SEE,
    "read_model_card": Right.SEE,
    "write_model_promotion": Right.OPERATE,
    "read_model_concerns": Right.SEE,
    "add_model_concern": Right.SEE,
    # Decisions.
    "read_decisions": Right.SEE,
    "read_decision": (Right.SEE, Right.DRIVE),
    "read_decision_export": Right.EXPORT,
    "read_decision_subjects": Right.SEE,
    "read_decision_subject": Right.SEE,
    "decide_on_subject": _DECIDING,
    "write_answer": _DECIDING,
    "write_policy": _DECIDING,
    "make_link": Right.DECIDE_ROUND,
    "read_links": Right.DECIDE_ROUND,
    "revoke_link": Right.DECIDE_ROUND,
    # What came in, and what was refused.
    "read_reception": Right.SEE,
    "read_rejections": Right.SEE,
    "read_rejection_groups": Right.SEE,
    "count_rejections": Right.SEE,
    "read_rejection": Right.SEE,
    "read_rejection_decoding": Right.SEE,
    "read_frames": Right.SEE,
    "read_frame": Right.SEE,
    "read_pruned": Right.SEE,
    "read_ledgers": Right.SEE,
    "read_gaps": Right.SEE,
    # What is taken in otherwise than live.
    "read_intakes": Right.SEE,
    "read_intake": Right.SEE,
    "ask_intake": Right.TEND,
    "cancel_intake": Right.TEND,
    # Who may do what.
    "read_me": Let.IN,
    "read_sessions": Let.IN,
    "revoke_session": Let.IN,
    "write_password": Let.IN,
    "read_tokens": Right.GRANT,
    "make_token": Right.GRANT,
    "revoke_token": Right.GRANT,
    "read_people": Right.GRANT,
    "read_person": Right.GRANT,
    "add_person": Right.GRANT,
    "write_person_grants": Right.GRANT,
    "disable_person": Right.GRANT,
    "enable_person": Right.GRANT,
    "make_person_link": Right.GRANT,
    "read_group_grants": Right.GRANT,
    "write_group_grants": Right.GRANT,
    "delete_group_grants": Right.GRANT,
    # Webhooks.
    "read_webhooks": Right.GRANT,
    "make_webhook": Right.GRANT,
    "read_webhook": Right.GRANT,
    "write_webhook": Right.GRANT,
    "delete_webhook": Right.GRANT,
    "make_webhook_secret": Right.GRANT,
    "test_webhook": Right.GRANT,
    "read_deliveries": Right.GRANT,
    "replay_delivery": Right.GRANT,
    "replay_webhook": Right.GRANT,
    # Alarms.
    "read_alarms": Right.SEE,
    "count_alarms": Right.SEE,
    "read_alarm": Right.SEE,
    "write_alarm_act": Right.TEND,
    "export_alarms": Right.EXPORT,
    "read_alarm_rules": Right.SEE,
    "add_alarm_rule": (Right.TEND, Right.OPERATE),
    "write_alarm_rule": (Right.TEND, Right.OPERATE),
    "delete_alarm_rule": (Right.TEND, Right.OPERATE),
    "test_alarm_rule": Right.SEE,
    "read_maintenance": Right.SEE,
    "add_maintenance": Right.TEND,
    "cancel_maintenance": Right.TEND,
    "read_subscriptions": Right.SEE,
    "add_subscription": Right.SEE,
    "write_subscription": Let.IN,
    "delete_subscription": Let.IN,
    "test_subscription": Right.SEE,
    # The record of acts.
    "read_audit": Right.AUDIT,
    "export_audit": Right.AUDIT,
    # NGSI-LD and SensorThings: the same facts in the words of two standards.
    "query_entities": Right.SEE,
    "retrieve_entity": Right.SEE,
    "query_temporal": Right.SEE,
    "retrieve_temporal": Right.SEE,
    "retrieve_types": Right.SEE,
    "retrieve_type": Right.SEE,
    "retrieve_attributes": Right.SEE,
    "retrieve_attribute": Right.SEE,
    "list_contexts": None,
    "serve_context": None,
    "read_service_root": Right.SEE,
    "read_resource": Right.SEE,
    "refuse_writing": Right.SEE,
    # Pages hold no figures of their own, and lead who is not let in to the sign-in.
    "first_page": None,
    "open_sensor": None,
    "words": None,
    "supervision": None,
    "capteur": None,
    "alarmes": None,
    "tournees": None,
    "energie": None,
    "air": None,
    "livraisons": None,
    "donnees": None,
    "modeles": None,
    "acces": None,
    "audit": None,
    "round": None,
    "signin": None,
    "sign_in": None,
    "begin_oidc": None,
    "end_oidc": None,
    "end_by_provider": None,
    "leave": None,
    "sign_out": None,
    "enter": None,
    "enter_by_link": None,
    "open_round": None,
    "unsubscribe": None,
    "unsubscribe_by_link": None,
}
"""What each operation needs, by its id in the OpenAPI document, or by its route's name where it is none of it."""


def suffices(visitor: Visitor, need: Need) -> bool:
    """Whether a visitor has what an operation needs, at least somewhere."""
    if need is None or need is Let.IN:
        return True
    return any(visitor.may_somewhere(right) for right in rights_of(need))


def rights_of(need: Need) -> tuple[Right, ...]:
    """Return the rights of which one is needed, none where it takes no right."""
    if isinstance(need, Right):
        return (need,)
    return need if isinstance(need, tuple) else ()
