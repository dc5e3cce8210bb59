-- Adds an exercise unless its id or name is taken; by scenarios_pkey and ix_scenarios_name.
insert into scenarios (id, name, description, is_bodyweight, multiplier, volume_multiplier)
values ($1, $2, $3, $4, $5, $6)
on conflict do nothing
returning id, name, description
