-- The first active lifters by name, which is unique, whose name or shown name fits the pattern, but for oneself; by
-- lifter_names_trigrams. Materialized: with a limit in sight the planner would rather walk all names in their order. A pattern
-- without a trigram would read the index whole: those go to list_short_matches. The pattern is lowered in a select of its own,
-- so that it is done once and not for each row.
with matches as materialized (
  select user_id, username
  from lifter_names
  where (username_folded like (select lower($2)) or display_name_folded like (select lower($2)))
    and lifter_active
    and user_id <> $1
)
select user_id as id
from matches
order by username
limit $3
