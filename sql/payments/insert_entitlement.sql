-- Makes the row of a subscription of which nothing was said before; by entitlements_pkey.
insert into entitlements (source, reference, user_id, tier, active, changed_at)
values ($1, $2, $3, 'gold', false, $4)
on conflict (source, reference) do nothing
