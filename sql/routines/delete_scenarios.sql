-- Takes all exercises out of a routine; by routine_scenario_association_pkey.
delete from routine_scenario_association
where routine_id = $1
