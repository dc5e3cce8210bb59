-- A lifter's quests that a deed at $2 counts for and that are not completed, each with what was done within its cycle; by
-- uq_user_quests_cycle, routine_submission_user and pk_daily_workout_aggregates. Old rows can hold durations that are no minutes
-- of a workout, which has a year's at most: they would spoil the sum, and count nothing.
select
  quest.id,
  quest.status,
  quest.progress_value,
  quest.required_value,
  template.code,
  template.metric,
  template.reward_xp,
  template.auto_claim,
  (
    select count(*)
    from routine_submission as workout
    where workout.user_id = $1
      and workout.counts_for_quests is not false
      and workout.completion_timestamp >= quest.cycle_start
      and workout.completion_timestamp < coalesce(quest.cycle_end, 'infinity')
  ) as workouts,
  (
    select coalesce(sum(workout.duration), 0)
    from routine_submission as workout
    where workout.user_id = $1
      and workout.duration between 0 and 525600
      and workout.counts_for_quests is not false
      and workout.completion_timestamp >= quest.cycle_start
      and workout.completion_timestamp < coalesce(quest.cycle_end, 'infinity')
  ) as minutes,
  (
    select coalesce(max(day.longest_session_minutes), 0)
    from daily_workout_aggregates as day
    where day.user_id = $1
      and day.day >= quest.cycle_start
      and day.day < coalesce(quest.cycle_end, 'infinity')
  ) as longest_session,
  (
    select count(*)
    from daily_workout_aggregates as day
    where day.user_id = $1
      and day.day >= quest.cycle_start
      and day.day < coalesce(quest.cycle_end, 'infinity')
      and day.qualified_30
  ) as long_session_days
from user_quests as quest
join quest_templates as template on template.id = quest.template_id
where quest.user_id = $1
  and quest.status in ('active', 'expired')
  and quest.cycle_start <= $2
  and coalesce(quest.cycle_end, 'infinity') > $2
order by quest.id
