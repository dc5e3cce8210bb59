-- The highest energy of each of the newest UTC days before $3 that have one, oldest first. From day to day along
-- energy_history_user_newest, so that only those days are read;
-- infinite ones, which old rows can have, are no days.
with recursive days (day) as (
  (
    select (created_at at time zone 'UTC')::date
    from energy_history
    where user_id = $1
      and energy > '-Infinity' and energy < 'Infinity'
      and created_at > '-infinity' and created_at < coalesce($3::date::timestamp at time zone 'UTC', 'infinity')
    order by created_at desc
    limit 1
  )
  union all
  select (
    select (created_at at time zone 'UTC')::date
    from energy_history
    where user_id = $1
      and energy > '-Infinity' and energy < 'Infinity'
      and created_at > '-infinity' and created_at < days.day::timestamp at time zone 'UTC'
    order by created_at desc
    limit 1
  )
  from days
  where days.day is not null
)
select
  listed.day,
  (
    select max(energy)
    from energy_history
    where user_id = $1
      and energy > '-Infinity' and energy < 'Infinity'
      and created_at >= listed.day::timestamp at time zone 'UTC'
      and created_at < (listed.day + 1)::timestamp at time zone 'UTC'
  ) as energy
from (
  select day
  from days
  where day is not null
  limit $2
) as listed
order by listed.day
