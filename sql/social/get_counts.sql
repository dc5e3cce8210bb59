-- How many active lifters follow one, are followed by one, and both; by social_counts_pkey. No row is none.
select followers, following, friends
from social_counts
where user_id = $1
