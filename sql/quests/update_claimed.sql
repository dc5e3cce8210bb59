-- Notes that a quest's reward was paid; by user_quests_pkey.
update user_quests
set
  status = 'claimed',
  reward_claimed_at = $2,
  updated_at = $2
where id = $1
