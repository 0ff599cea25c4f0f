-- Rows in the tables that 0005 brought.
INSERT INTO decision_subject (kind, code, commune_insee, name, policy)
VALUES ('ventilation', 'mairie', '93051', 'Mairie', '{"co2_ppm_max": 1000}');
INSERT INTO decision (kind, subject, commune_insee, made_at, state, body, policy)
VALUES ('ventilation', 'mairie', '93051', '2026-03-01+00', 'edited', '{"actions": []}', '{"co2_ppm_max": 1000}');
INSERT INTO decision_answer (decision_id, at, state, by, note, actions)
VALUES (1, '2026-03-01 00:10+00', 'edited', 'Nadia', 'later', '[]');
INSERT INTO outbox (created_at, topic, payload) VALUES ('2026-03-01+00', 'vigie/v1/93051/decision', '{"state": "edited"}');
