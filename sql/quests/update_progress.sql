-- Stores how far a quest has come; by user_quests_pkey.
update user_quests
set
  status = $2,
  progress_value = $3,
  completed_at = $4,
  reward_claimed_at = $5,
  last_progress_at = $6,
  updated_at = $6
where id = $1
