-- The quests that can be had, by their code; the table holds a few.
select id, code, cadence, target_value, available_from, expires_at, created_at
from quest_templates
where is_active
order by code
