-- Writes into the ledger that purchases of these users became another's; by entitlement_transfers_pkey.
insert into entitlement_transfers (event_id, from_user, to_user, happened_at, recorded_at)
select $1, given.from_user, $3, $4, $5
from unnest($2::uuid[]) as given (from_user)
on conflict (event_id, from_user) do nothing
