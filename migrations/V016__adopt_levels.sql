-- expand: an entitlement for every level that somebody pays for already, so that nobody loses it.
-- A procedure, which the migrate step calls and then drops; see V004. Who has a link to a source has their level from there, and
-- loses it when that source says so. What the sources say is younger than what is adopted, whenever it happened.
create procedure backfill_entitlements() language plpgsql as $$
declare
  last_done uuid := nullif(current_setting('repduel.levels_adopted_to', true), '');
  lifters uuid[];
begin
  loop
    select array_agg(id order by id) into lifters
    from (
      select id
      from users
      where (last_done is null or id > last_done) and subscription_level in ('gold', 'platinum')
      order by id
      limit 200
      for no key update
    ) as locked;
    exit when lifters is null;

    with levels as (
      select
        id as user_id,
        subscription_level as tier,
        case
          when char_length(stripe_subscription_id) between 1 and 100 then array['stripe', stripe_subscription_id]
          when char_length(original_transaction_id) between 1 and 100 then array['revenuecat', original_transaction_id]
          else array['legacy', 'user:' || id]
        end as link
      from users
      where id = any(lifters)
    ), adopted as (
      insert into entitlements (source, reference, user_id, tier, active, changed_at)
      select link[1], link[2], user_id, tier, true, now()
      from levels
      on conflict (source, reference) do nothing
      returning source, reference, user_id, tier
    )
    insert into entitlement_events (source, reference, user_id, event_id, kind, tier, happened_at, recorded_at)
    select source, reference, user_id, 'adopted:' || user_id, 'adopted', tier,
           case source when 'legacy' then now() else 'epoch' end, now()
    from adopted;

    last_done := lifters[cardinality(lifters)];
    perform set_config('repduel.levels_adopted_to', last_done::text, false);
    commit;
  end loop;
  analyze entitlements;
  analyze entitlement_events;
end
$$;
