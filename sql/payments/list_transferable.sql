-- The store purchases that these users have, or that were said of them, or of those to whom they passed theirs on; by
-- entitlement_transfers_from, entitlement_events_user and entitlements_user.
with recursive reached (user_id) as (
  select unnest($1::uuid[])
  union
  select moved.to_user
  from reached
  join entitlement_transfers as moved on moved.from_user = reached.user_id
  where moved.to_user is not null
)
select reference
from (
  select said.reference
  from reached
  join entitlement_events as said on said.user_id = reached.user_id
  where said.source = 'revenuecat'
  union
  select held.reference
  from reached
  join entitlements as held on held.user_id = reached.user_id
  where held.source = 'revenuecat'
) as found
order by reference
