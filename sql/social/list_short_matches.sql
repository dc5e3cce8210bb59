-- The first active lifters by name, which is unique, whose name or shown name contains a text that has no trigram, but for
-- oneself; a walk along lifter_names_in_order, which holds all that is asked for. A letter that many have is found $3 times soon;
-- one that hardly anybody has is looked for in every account, within the time that a statement may take. The text is lowered in
-- a select of its own, so that it is done once and not for each row.
select user_id as id
from lifter_names
where (strpos(username_folded, (select lower($2))) > 0 or strpos(display_name_folded, (select lower($2))) > 0)
  and lifter_active
  and user_id <> $1
order by username
limit $3
