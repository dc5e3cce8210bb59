-- A page of a lifter's energies, newest first: those behind the line $3, if one is named; by energy_history_user_newest and
-- energy_history_pkey.
with behind as materialized (
  select coalesce(
    (select created_at from energy_history where id = $3 and user_id = $1),
    case when $3::uuid is null then timestamptz 'infinity' else '-infinity' end
  ) as created_at
)
select id, user_id, energy, created_at
from energy_history
where user_id = $1
  and energy > '-Infinity' and energy < 'Infinity'
  and created_at <= (select created_at from behind)
  and (created_at < (select created_at from behind) or $3 is null or id > $3)
order by created_at desc, id
limit $2
