-- What was said of a subscription, in the order of arrival; by entitlement_events_entitlement.
select number, user_id, kind, status, tier, happened_at, ends_at, event_id
from entitlement_events
where source = $1
  and reference = $2
order by number
