-- The first active lifters by name, which is unique, whose name or shown name fits the pattern, but for oneself; by
-- users_username_trigrams and users_display_name_trigrams. Materialized: with a limit in sight the planner would rather walk
-- all names in their order. A pattern without a trigram would read both indexes whole: those go to list_short_matches. The
-- pattern is lowered in a select of its own, so that it is done once and not for each row.
with matches as materialized (
  select id, username
  from users
  where (lower(username) like (select lower($2)) or lower(display_name) like (select lower($2)))
    and is_active is not false
    and id <> $1
)
select id
from matches
order by username
limit $3
