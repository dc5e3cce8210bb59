-- Every energy of a lifter, newest first; by energy_history_user_newest.
select id, user_id, energy, created_at
from energy_history
where user_id = $1
  and energy > '-Infinity' and energy < 'Infinity'
order by created_at desc, id
