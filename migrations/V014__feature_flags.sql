-- expand: switches for parts of the service, which every process hears of at once.
create table feature_flags (
  name varchar(64) not null,
  enabled boolean not null,
  description varchar(255),
  updated_at timestamptz not null default now(),
  constraint feature_flags_pkey primary key (name)
);
comment on table feature_flags is 'What is switched on. A name that is not here is switched off.';

create function notify_feature_flags() returns trigger language plpgsql as $$
begin
  perform pg_notify('feature_flags', '');
  return null;
end
$$;
create trigger feature_flags_changed
  after insert or update or delete or truncate on feature_flags
  for each statement execute function notify_feature_flags();
