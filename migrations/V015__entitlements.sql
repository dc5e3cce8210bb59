-- expand: what lifters pay for, by the sources that say so, and the ledger that it follows from.
create table webhook_events (
  provider varchar(16) not null,
  event_id varchar(100) not null,
  kind varchar(64) not null,
  happened_at timestamptz,
  received_at timestamptz not null,
  constraint webhook_events_pkey primary key (provider, event_id),
  constraint webhook_events_provider_check check (provider in ('stripe', 'revenuecat'))
);
comment on table webhook_events is 'Each event of a provider counts once: its row is written in the transaction of its effect.';

create table entitlements (
  source varchar(16) not null,
  reference varchar(100) not null,
  user_id uuid,
  tier varchar(16) not null,
  active boolean not null,
  ends_at timestamptz,
  changed_at timestamptz not null,
  constraint entitlements_pkey primary key (source, reference),
  constraint entitlements_user_id_fkey foreign key (user_id) references users (id) on delete cascade,
  constraint entitlements_source_check check (source in ('stripe', 'revenuecat', 'legacy')),
  constraint entitlements_tier_check check (tier in ('gold', 'platinum'))
);
comment on table entitlements is
  'One row per source and subscription, as its entitlement_events say. A level is the highest tier of a lifter''s active rows.';
comment on column entitlements.reference is
  'Stripe''s subscription, the store''s original transaction, or user:<id> where there is no such name.';
comment on column entitlements.user_id is 'Null: it was moved to somebody who has no account here.';
comment on column entitlements.ends_at is 'When an active row ceases to be.';
create index entitlements_user on entitlements (user_id);

create table entitlement_events (
  number bigint generated always as identity,
  source varchar(16) not null,
  reference varchar(100) not null,
  user_id uuid not null,
  event_id varchar(100) not null,
  kind varchar(64) not null,
  status varchar(32),
  tier varchar(16),
  happened_at timestamptz not null,
  ends_at timestamptz,
  recorded_at timestamptz not null,
  constraint entitlement_events_pkey primary key (number),
  constraint entitlement_events_entitlement_fkey foreign key (source, reference)
    references entitlements (source, reference) on delete cascade,
  constraint entitlement_events_tier_check check (tier in ('gold', 'platinum'))
);
comment on table entitlement_events is 'The ledger: what was said of each subscription. Rows are added and never changed.';
comment on column entitlement_events.user_id is
  'Of whom it was said. No foreign key: what somebody else has by now goes on resting on it.';
comment on column entitlement_events.happened_at is 'By the source. The order of arrival decides nothing.';
create index entitlement_events_entitlement on entitlement_events (source, reference, number);
create index entitlement_events_user on entitlement_events (user_id);

create table entitlement_transfers (
  event_id varchar(100) not null,
  from_user uuid not null,
  to_user uuid,
  happened_at timestamptz not null,
  recorded_at timestamptz not null,
  constraint entitlement_transfers_pkey primary key (event_id, from_user)
);
comment on table entitlement_transfers is
  'The ledger''s other half: all store purchases of one user became another''s. Null: of somebody without an account here.';
create index entitlement_transfers_from on entitlement_transfers (from_user);
