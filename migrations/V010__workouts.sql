-- expand: a workout is known again when it is sent twice, says whether quests count it, and its exercises have an order.
-- Rows of the earlier server have none of these; they count, as it counted them.
alter table routine_submission add column fingerprint bytea, add column counts_for_quests boolean;
comment on column routine_submission.fingerprint is 'SHA-256 of what was sent: the same workout of the same lifter is stored once.';
comment on column routine_submission.counts_for_quests is 'Whether it was completed near enough to its arrival; null: it counts.';
alter table routine_scenario_submission add column position integer;
comment on column routine_scenario_submission.position is 'Place of the exercise in its workout, from 1.';
