-- expand: the triggers that count who follows whom. A migration of its own, because it waits for the writers of its table: see V018.
create trigger social_edges_inserted_counted after insert on social_edges
  referencing new table as after
  for each statement execute function count_edges();

create trigger social_edges_deleted_counted after delete on social_edges
  referencing old table as before
  for each statement execute function count_edges();

create trigger social_edges_changed_counted after update on social_edges
  referencing old table as before new table as after
  for each statement execute function count_edges();

-- Without edges there is nothing to count.
create trigger social_edges_emptied_counted after truncate on social_edges
  for each statement execute function forget_counts();
