-- Ends a lifter's quests whose time is over; by uq_user_quests_cycle.
update user_quests
set
  status = 'expired',
  updated_at = $2
where user_id = $1
  and status = 'active'
  and expires_at <= $2
