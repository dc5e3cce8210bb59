-- expand: the exercises of a routine have an order. Rows of the earlier server have none: they come last, by their id.
alter table routine_scenario_association add column position integer;
comment on column routine_scenario_association.position is 'Place of the exercise in its routine, from 1.';
