-- Writes into the ledger what was said of a subscription; answers its number.
insert into entitlement_events (
  source, reference, user_id, event_id, kind, status, tier, happened_at, ends_at, recorded_at
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
returning number
