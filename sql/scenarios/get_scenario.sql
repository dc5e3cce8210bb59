-- What scoring needs to know of an exercise; by scenarios_pkey.
select is_bodyweight, multiplier, volume_multiplier
from scenarios
where id = $1
