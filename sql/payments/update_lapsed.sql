-- Ends what these users have whose time has come; by entitlements_user.
update entitlements
set
  active = false,
  changed_at = $2
where user_id = any($1)
  and active
  and ends_at <= $2
