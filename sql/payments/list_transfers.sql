-- The transfers that can have moved a purchase in a store: from those of whom something was said of it, and on from there; by
-- entitlement_events_entitlement and entitlement_transfers_from.
with recursive reached (user_id) as (
  select user_id from entitlement_events where source = $1 and reference = $2
  union
  select moved.to_user
  from reached
  join entitlement_transfers as moved on moved.from_user = reached.user_id
  where moved.to_user is not null
)
select moved.from_user, moved.to_user, moved.happened_at, moved.event_id
from reached
join entitlement_transfers as moved on moved.from_user = reached.user_id
where $1 = 'revenuecat'
order by moved.happened_at, moved.event_id, moved.from_user
