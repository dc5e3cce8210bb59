-- Stores what the ledger says of a subscription, if that is something else; by entitlements_pkey.
update entitlements
set
  user_id = $3,
  tier = $4,
  active = $5,
  ends_at = $6,
  changed_at = $7
where source = $1
  and reference = $2
  and (user_id, tier, active, ends_at) is distinct from ($3, $4, $5, $6)
