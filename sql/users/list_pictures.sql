-- The pictures that go with an account: its own, and those of its routines and guilds; by users_pkey, routines_user and
-- guilds_owner.
select avatar_url as picture
from users
where id = $1
union all
select image_url
from routines
where user_id = $1
union all
select icon_url
from guilds
where owner_id = $1
