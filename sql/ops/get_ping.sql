-- One row, to see whether the database answers; reads nothing.
select 1 as alive
