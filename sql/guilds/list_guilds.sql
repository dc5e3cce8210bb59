-- The guilds of a lifter, newest first; by guilds_owner.
select id, name, icon_url, owner_id, created_at, updated_at
from guilds
where owner_id = $1
order by created_at desc, id
