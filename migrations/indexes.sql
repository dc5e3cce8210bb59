-- Indexes on tables that are large in the live database. The migrate step builds each one that is missing, concurrently and
-- outside a transaction, so that no write waits for it; one that was left invalid by a crash is built again.
-- One index a paragraph: `create [unique] index concurrently NAME on TABLE …;`

-- A lifter's scores on one exercise, best first: the best that is left after a deletion, the history, deleting an account.
create index concurrently scores_user_scenario_best on scores (user_id, scenario_id, score_value desc, created_at, id);

-- A lifter's scores on one exercise, newest first.
create index concurrently scores_user_scenario_newest on scores (user_id, scenario_id, created_at desc, id desc);

-- A lifter's personal-best events, newest first.
create index concurrently personal_best_events_user_newest on personal_best_events (user_id, created_at desc, id desc);

-- A lifter's energies in time.
create index concurrently energy_history_user_newest on energy_history (user_id, created_at desc, id);

-- The experience gained in the last seven days.
create index concurrently xp_events_user_newest on xp_events (user_id, created_at) include (amount);

-- Look-ups whatever the case: the second step of a login, and the check before a registration.
create index concurrently users_email_folded on users (lower(email));

create index concurrently users_username_folded on users (lower(username));

-- No two accounts of today's rule share an address or a name by case.
create unique index concurrently users_email_case_key on users (lower(email)) where case_unique;

create unique index concurrently users_username_case_key on users (lower(username)) where case_unique;

-- Foreign keys that deleting an account follows.
create index concurrently leaderboard_entries_user on leaderboard_entries (user_id);

create index concurrently routines_user on routines (user_id);

create index concurrently routine_submission_user on routine_submission (user_id, completion_timestamp desc, id);

create index concurrently routine_submission_routine on routine_submission (routine_id);

create index concurrently routine_scenario_submission_routine on routine_scenario_submission (routine_id);

create index concurrently hidden_routines_routine on hidden_routines (routine_id);

create index concurrently routine_share_snapshots_source on routine_share_snapshots (source_routine_id);

create index concurrently routine_share_snapshots_creator on routine_share_snapshots (created_by_user_id);

create index concurrently guilds_owner on guilds (owner_id);

create index concurrently social_edges_followee on social_edges (followee_id);

-- Whom a lifter is followed by, and whom they follow, newest first.
create index concurrently social_edges_followers_newest on social_edges (followee_id, created_at desc, follower_id)
  where status = 'active';

create index concurrently social_edges_following_newest on social_edges (follower_id, created_at desc, followee_id)
  where status = 'active';

-- A workout that is sent twice is stored once.
create unique index concurrently routine_submission_fingerprint on routine_submission (user_id, fingerprint);

-- Where a stored picture is shown, by the random part of its name.
create index concurrently users_avatar_picture on users (substring(avatar_url from '[0-9a-f]{32}'))
  where avatar_url is not null;

create index concurrently routines_picture on routines (substring(image_url from '[0-9a-f]{32}'))
  where image_url is not null;

create index concurrently routine_share_snapshots_picture on routine_share_snapshots
  (substring(image_url from '[0-9a-f]{32}')) where image_url is not null;

create index concurrently guilds_icon_picture on guilds (substring(icon_url from '[0-9a-f]{32}'))
  where icon_url is not null;

-- Events of Stripe and RevenueCat that came long ago.
create index concurrently webhook_events_received on webhook_events (received_at);
