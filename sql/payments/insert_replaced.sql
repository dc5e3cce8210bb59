-- Writes into the ledger that the source of a lifter's level, if they have one that nobody accounted for, has turned up; by
-- entitlements_pkey.
insert into entitlement_events (source, reference, user_id, event_id, kind, happened_at, recorded_at)
select source, reference, $1::uuid, $2, $3, $5, $5
from entitlements
where source = 'legacy'
  and reference = 'user:' || $1::uuid
  and active
  and tier = any($4)
