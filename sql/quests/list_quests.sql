-- A lifter's quests with their templates, newest cycle first: those that are still good for something, and the others of late;
-- by uq_user_quests_cycle and quest_templates_pkey.
select
  quest.id,
  quest.template_id,
  quest.status,
  quest.progress_value,
  quest.required_value,
  quest.cycle_start,
  quest.cycle_end,
  quest.available_from,
  quest.expires_at,
  quest.completed_at,
  quest.reward_claimed_at,
  quest.last_progress_at,
  template.code,
  template.title,
  template.description,
  template.cadence,
  template.metric,
  template.target_value,
  template.reward_xp,
  template.auto_claim,
  template.available_from as template_available_from,
  template.expires_at as template_expires_at
from user_quests as quest
join quest_templates as template on template.id = quest.template_id
where quest.user_id = $1
  and (quest.status in ('active', 'completed') or quest.cycle_start >= $2)
order by quest.cycle_start desc, template.code
limit 1000
