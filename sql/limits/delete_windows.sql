-- Removes up to $2 windows that are over at $1, but for those that somebody counts in just now; by rate_limit_windows_over_at.
delete from rate_limit_windows
where key in (
  select key
  from rate_limit_windows
  where over_at <= $1
  order by over_at
  limit $2
  for update skip locked
)
