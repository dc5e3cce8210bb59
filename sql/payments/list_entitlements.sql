-- What these users have; by entitlements_user.
select user_id, source, reference, tier, active, changed_at
from entitlements
where user_id = any($1)
order by source, reference
