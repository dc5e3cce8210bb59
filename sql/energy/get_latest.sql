-- A lifter's present energy; by energy_standings_pkey.
select energy
from energy_standings
where user_id = $1
