-- How repetitions of a bodyweight exercise become a rank; by bodyweight_calibrations_pkey.
select beginner_50, elite_50, beginner_140, elite_140, intermediate_95
from bodyweight_calibrations
where scenario_id = $1
