-- The highest energy of each UTC day, oldest first; by energy_history_user_newest.
select
  (created_at at time zone 'UTC')::date as day,
  max(energy) as energy
from energy_history
where user_id = $1
  and energy > '-Infinity' and energy < 'Infinity'
group by 1
order by 1
