-- The first active lifters by name, which is unique, whose name or shown name fits the pattern, but for oneself; by
-- users_username_trigrams and users_display_name_trigrams. Materialized: with a limit in sight the planner would rather walk
-- all names in their order. A pattern without a trigram would read both indexes whole: those go to list_short_matches.
with matches as materialized (
  select id, username
  from users
  where (lower(username) like lower($2) or lower(display_name) like lower($2))
    and is_active is not false
    and id <> $1
)
select id
from matches
order by username
limit $3
