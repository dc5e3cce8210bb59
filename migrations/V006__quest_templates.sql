-- expand: the two quests every database starts with; a template that is already there stays as it is.
insert into quest_templates (
  id, code, title, description, cadence, metric, target_value, reward_xp, auto_claim, is_active, created_at, updated_at
)
values
  (gen_random_uuid(), 'daily_30_min_workout', 'Half an hour today',
   'Finish one session of at least 30 minutes today.', 'daily', 'active_minutes', 30, 100, false, true, now(), now()),
  (gen_random_uuid(), 'weekly_30_min_workout_three_days', 'Three days this week',
   'Train for at least 30 minutes in one session, on three days of this week.', 'weekly', 'workouts_completed', 3, 300,
   false, true, now(), now())
on conflict (code) do nothing;
