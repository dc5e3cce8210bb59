-- How many routines of their own a lifter has; by routines_user.
select count(*) as routines
from routines
where user_id = $1
  and not is_share_template
