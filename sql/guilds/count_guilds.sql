-- How many guilds a lifter owns; by guilds_owner.
select count(*) as total
from guilds
where owner_id = $1
