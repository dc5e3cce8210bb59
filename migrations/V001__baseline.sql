-- expand: the tables of the live database, as the earlier server made them.
-- On the live database this changes nothing and locks nothing; on an empty one it makes every table, constraint and index
-- under the name it has there. What the house itself added since stands in the migrations that follow.
do $baseline$
begin
  if to_regclass('users') is not null then
    return;
  end if;

  create table alembic_version (
    version_num varchar(32) not null,
    constraint alembic_version_pkc primary key (version_num)
  );

  create table equipment (
    id varchar not null,
    name varchar not null,
    constraint equipment_pkey primary key (id)
  );
  create unique index ix_equipment_id on equipment (id);
  create index ix_equipment_name on equipment (name);

  create table muscles (
    id varchar not null,
    name varchar not null,
    constraint muscles_pkey primary key (id)
  );
  create unique index ix_muscles_id on muscles (id);
  create index ix_muscles_name on muscles (name);

  create table quest_templates (
    id uuid not null,
    code varchar(64) not null,
    title varchar(120) not null,
    description varchar(255),
    cadence varchar(16) not null,
    metric varchar(32) not null,
    target_value integer not null,
    reward_xp integer not null,
    auto_claim boolean not null,
    is_active boolean not null,
    available_from timestamptz,
    expires_at timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint quest_templates_pkey primary key (id),
    constraint ck_quest_templates_cadence check (cadence in ('daily', 'weekly', 'limited')),
    constraint ck_quest_templates_metric check (metric in ('workouts_completed', 'active_minutes')),
    constraint ck_quest_templates_reward_positive check (reward_xp > 0),
    constraint ck_quest_templates_target_positive check (target_value > 0)
  );
  create unique index ix_quest_templates_code on quest_templates (code);

  create table rate_limit_events (
    id serial not null,
    user_id uuid not null,
    action varchar(64) not null,
    occurred_at timestamptz not null,
    constraint rate_limit_events_pkey primary key (id)
  );
  create index ix_rate_limit_events_user_action_time on rate_limit_events (user_id, action, occurred_at);
  create index ix_rate_limit_events_user_id on rate_limit_events (user_id);

  create table scenarios (
    id varchar not null,
    name varchar not null,
    description varchar,
    is_bodyweight boolean not null default false,
    multiplier float8 not null default 1,
    volume_multiplier float8 not null default 1,
    constraint scenarios_pkey primary key (id)
  );
  create unique index ix_scenarios_id on scenarios (id);
  create unique index ix_scenarios_name on scenarios (name);

  create table users (
    id uuid not null,
    avatar_url varchar,
    display_name varchar(255),
    email varchar(255) not null,
    energy float8,
    gender varchar,
    hashed_password varchar(128) not null,
    is_active boolean,
    rank varchar(50) default 'Unranked',
    subscription_level varchar(32) not null default 'free',
    username varchar(32) not null,
    weight float8,
    weight_multiplier float8,
    preferred_unit varchar(3) not null default 'kg',
    created_at timestamptz,
    updated_at timestamptz,
    original_transaction_id varchar,
    stripe_customer_id varchar,
    stripe_subscription_id varchar,
    constraint users_pkey primary key (id),
    constraint users_stripe_subscription_id_key unique (stripe_subscription_id),
    constraint users_username_key unique (username),
    constraint ck_users_preferred_unit check (preferred_unit in ('kg', 'lbs'))
  );
  create index ix_users_active_energy_updated on users (energy, updated_at) where is_active = true;
  create unique index ix_users_email on users (email);
  create unique index ix_users_original_transaction_id on users (original_transaction_id);
  create index ix_users_preferred_unit on users (preferred_unit);
  create unique index ix_users_stripe_customer_id on users (stripe_customer_id);

  create table xp_events (
    id uuid not null,
    user_id uuid not null,
    amount integer not null,
    reason varchar(255),
    idempotency_key varchar(255),
    source_type varchar(64),
    source_id varchar(255),
    created_at timestamptz not null,
    constraint xp_events_pkey primary key (id),
    constraint uq_xp_events_user_idempotency unique (user_id, idempotency_key),
    constraint uq_xp_events_user_source unique (user_id, source_type, source_id),
    constraint xp_events_user_id_fkey foreign key (user_id) references users (id) on delete cascade
  );
  create index ix_xp_events_id on xp_events (id);
  create index ix_xp_events_user_id on xp_events (user_id);

  create table bodyweight_calibrations (
    scenario_id varchar not null,
    beginner_50 integer not null,
    elite_50 integer not null,
    beginner_140 integer not null,
    elite_140 integer not null,
    intermediate_95 integer not null,
    constraint bodyweight_calibrations_pkey primary key (scenario_id),
    constraint bodyweight_calibrations_scenario_id_fkey foreign key (scenario_id) references scenarios (id) on delete cascade
  );
  create index ix_bodyweight_calibrations_scenario_id on bodyweight_calibrations (scenario_id);

  create table daily_workout_aggregates (
    user_id uuid not null,
    day timestamptz not null,
    longest_session_minutes integer not null,
    qualified_30 boolean not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint pk_daily_workout_aggregates primary key (user_id, day),
    constraint daily_workout_aggregates_user_id_fkey foreign key (user_id) references users (id) on delete cascade
  );

  create table energy_history (
    id uuid not null,
    user_id uuid not null,
    energy float8 not null,
    created_at timestamptz not null,
    constraint energy_history_pkey primary key (id),
    constraint energy_history_user_id_fkey foreign key (user_id) references users (id) on delete cascade
  );
  create index ix_energy_history_id on energy_history (id);
  create index ix_energy_history_user_id on energy_history (user_id);

  create table guilds (
    id uuid not null,
    name varchar not null,
    icon_url varchar,
    owner_id uuid not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint guilds_pkey primary key (id),
    constraint guilds_owner_id_fkey foreign key (owner_id) references users (id) on delete cascade
  );

  create table leaderboard_entries (
    id uuid not null default gen_random_uuid(),
    user_id uuid not null,
    scenario_id varchar not null,
    weight_lifted float8 not null,
    constraint leaderboard_entries_pkey primary key (id),
    constraint leaderboard_entries_scenario_id_fkey foreign key (scenario_id) references scenarios (id),
    constraint leaderboard_entries_user_id_fkey foreign key (user_id) references users (id)
  );
  create index ix_leaderboard_entries_id on leaderboard_entries (id);

  create table personal_best_events (
    id serial not null,
    user_id uuid not null,
    scenario_id varchar not null,
    score_value float8 not null,
    weight_lifted float8 not null,
    reps integer,
    is_bodyweight boolean not null,
    created_at timestamptz not null,
    constraint personal_best_events_pkey primary key (id),
    constraint personal_best_events_scenario_id_fkey foreign key (scenario_id) references scenarios (id) on delete cascade,
    constraint personal_best_events_user_id_fkey foreign key (user_id) references users (id) on delete cascade
  );
  create index ix_personal_best_events_id on personal_best_events (id);

  create table routines (
    id uuid not null default gen_random_uuid(),
    name varchar not null,
    image_url varchar,
    user_id uuid,
    is_share_template boolean not null default false,
    created_at timestamptz not null default now(),
    constraint routines_pkey primary key (id),
    constraint routines_user_id_fkey foreign key (user_id) references users (id) on delete cascade
  );
  create index ix_routines_id on routines (id);

  create table scenario_equipment_association (
    scenario_id varchar not null,
    equipment_id varchar not null,
    constraint scenario_equipment_association_pkey primary key (scenario_id, equipment_id),
    constraint scenario_equipment_association_equipment_id_fkey foreign key (equipment_id) references equipment (id),
    constraint scenario_equipment_association_scenario_id_fkey foreign key (scenario_id) references scenarios (id)
  );

  create table scenario_primary_muscle_association (
    scenario_id varchar not null,
    muscle_id varchar not null,
    constraint scenario_primary_muscle_association_pkey primary key (scenario_id, muscle_id),
    constraint scenario_primary_muscle_association_muscle_id_fkey foreign key (muscle_id) references muscles (id),
    constraint scenario_primary_muscle_association_scenario_id_fkey foreign key (scenario_id) references scenarios (id)
  );

  create table scenario_secondary_muscle_association (
    scenario_id varchar not null,
    muscle_id varchar not null,
    constraint scenario_secondary_muscle_association_pkey primary key (scenario_id, muscle_id),
    constraint scenario_secondary_muscle_association_muscle_id_fkey foreign key (muscle_id) references muscles (id),
    constraint scenario_secondary_muscle_association_scenario_id_fkey foreign key (scenario_id) references scenarios (id)
  );

  create table scores (
    id serial not null,
    user_id uuid not null,
    scenario_id varchar not null,
    score_value float8 not null,
    weight_lifted float8 not null,
    reps integer,
    sets integer,
    created_at timestamptz not null,
    is_bodyweight boolean,
    constraint scores_pkey primary key (id),
    constraint scores_scenario_id_fkey foreign key (scenario_id) references scenarios (id),
    constraint scores_user_id_fkey foreign key (user_id) references users (id) on delete cascade
  );
  create index ix_scores_id on scores (id);
  create index ix_scores_scenario_score_created on scores (scenario_id, score_value desc, created_at desc, id desc);

  create table social_edges (
    follower_id uuid not null,
    followee_id uuid not null,
    status varchar not null default 'active',
    created_at timestamptz not null default now(),
    constraint social_edges_pkey primary key (follower_id, followee_id),
    constraint social_edges_followee_id_fkey foreign key (followee_id) references users (id) on delete cascade,
    constraint social_edges_follower_id_fkey foreign key (follower_id) references users (id) on delete cascade
  );
  create index idx_social_followers_active on social_edges (followee_id) where status = 'active';
  create index idx_social_following_active on social_edges (follower_id) where status = 'active';

  create table user_quests (
    id uuid not null,
    user_id uuid not null,
    template_id uuid not null,
    status varchar(16) not null,
    progress_value integer not null,
    required_value integer not null,
    cycle_start timestamptz not null,
    cycle_end timestamptz,
    available_from timestamptz not null,
    expires_at timestamptz,
    completed_at timestamptz,
    reward_claimed_at timestamptz,
    last_progress_at timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint user_quests_pkey primary key (id),
    constraint uq_user_quests_cycle unique (user_id, template_id, cycle_start),
    constraint ck_user_quests_progress_nonnegative check (progress_value >= 0),
    constraint ck_user_quests_required_nonnegative check (required_value >= 0),
    constraint ck_user_quests_status check (status in ('active', 'completed', 'claimed', 'expired')),
    constraint user_quests_template_id_fkey foreign key (template_id) references quest_templates (id) on delete cascade,
    constraint user_quests_user_id_fkey foreign key (user_id) references users (id) on delete cascade
  );
  create index ix_user_quests_template_id on user_quests (template_id);
  create index ix_user_quests_user_id on user_quests (user_id);

  create table user_xp (
    user_id uuid not null,
    total_xp integer not null,
    level integer not null,
    updated_at timestamptz not null,
    last_event_at timestamptz,
    constraint user_xp_pkey primary key (user_id),
    constraint user_xp_user_id_fkey foreign key (user_id) references users (id) on delete cascade
  );

  create table hidden_routines (
    user_id uuid not null,
    routine_id uuid not null,
    constraint uq_hidden_user_routine primary key (user_id, routine_id),
    constraint hidden_routines_routine_id_fkey foreign key (routine_id) references routines (id) on delete cascade,
    constraint hidden_routines_user_id_fkey foreign key (user_id) references users (id) on delete cascade
  );

  create table routine_scenario_association (
    routine_id uuid not null,
    scenario_id varchar not null,
    sets integer not null,
    reps integer not null,
    constraint routine_scenario_association_pkey primary key (routine_id, scenario_id),
    constraint routine_scenario_association_routine_id_fkey foreign key (routine_id) references routines (id) on delete cascade,
    constraint routine_scenario_association_scenario_id_fkey foreign key (scenario_id) references scenarios (id) on delete cascade
  );

  create table routine_share_snapshots (
    code varchar(16) not null,
    name varchar not null,
    image_url varchar,
    scenarios json not null,
    created_at timestamptz not null default now(),
    source_routine_id uuid,
    created_by_user_id uuid,
    constraint routine_share_snapshots_pkey primary key (code),
    constraint routine_share_snapshots_created_by_user_id_fkey foreign key (created_by_user_id) references users (id) on delete set null,
    constraint routine_share_snapshots_source_routine_id_fkey foreign key (source_routine_id) references routines (id) on delete set null
  );
  create index ix_routine_share_snapshots_code on routine_share_snapshots (code);

  create table routine_submission (
    id uuid not null,
    routine_id uuid,
    user_id uuid not null,
    duration float8 not null,
    completion_timestamp timestamptz not null,
    status varchar not null,
    title varchar not null,
    constraint routine_submission_pkey primary key (id),
    constraint routine_submission_routine_id_fkey foreign key (routine_id) references routines (id),
    constraint routine_submission_user_id_fkey foreign key (user_id) references users (id) on delete cascade
  );

  create table routine_scenario_submission (
    id uuid not null,
    routine_id uuid not null,
    scenario_id varchar not null,
    sets integer not null,
    reps integer not null,
    weight float8 not null,
    total_volume float8 not null,
    constraint routine_scenario_submission_pkey primary key (id),
    constraint routine_scenario_submission_routine_id_fkey foreign key (routine_id) references routine_submission (id) on delete cascade,
    constraint routine_scenario_submission_scenario_id_fkey foreign key (scenario_id) references scenarios (id)
  );
end
$baseline$;
