-- Deletes a user's rows of the earlier server's board; by leaderboard_entries_user.
delete from leaderboard_entries
where user_id = $1
