-- Counts a request of $2 in the window $1 if fewer than $5 came after $3, and answers how the window stands then: whether the
-- request counts, how many do, and when the one came whose leaving makes room; by rate_limit_windows_pkey.
insert into rate_limit_windows as kept (key, hits, was_taken, over_at)
values ($1, array[$2::timestamptz], true, $4)
on conflict (key) do update
set (hits, was_taken, over_at) = (
  select case when cardinality(recent) < $5 then recent || $2::timestamptz else recent end,
         cardinality(recent) < $5,
         greatest(kept.over_at, $4)
  from (select array(select hit from unnest(kept.hits) as hit where hit > $3 order by hit) as recent) as counted
)
returning was_taken,
          cardinality(hits) as used,
          hits[greatest(cardinality(hits) - $5, 0) + 1] as first_leaves_from
