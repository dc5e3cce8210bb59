-- The first active lifters by name, which is unique, whose name or shown name contains a text that has no trigram, but for
-- oneself; a walk along users_username_key. A letter that many have is found $3 times soon; one that hardly anybody has is
-- looked for in every account, within the time that a statement may take. The text is lowered in a select of its own, so that
-- it is done once and not for each row.
select id
from users
where (strpos(lower(username), (select lower($2))) > 0 or strpos(lower(display_name), (select lower($2))) > 0)
  and is_active is not false
  and id <> $1
order by username
limit $3
