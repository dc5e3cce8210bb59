-- Sets a flag; without a description it keeps the one it has. By feature_flags_pkey.
insert into feature_flags as flag (name, enabled, description, updated_at)
values ($1, $2, $3, $4)
on conflict (name) do update
set
  enabled = excluded.enabled,
  description = coalesce(excluded.description, flag.description),
  updated_at = excluded.updated_at
returning name, enabled, description, updated_at
