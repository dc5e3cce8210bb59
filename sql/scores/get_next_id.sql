-- The id of the score that will be written, so that its awards can name it in the same round trip.
select nextval('scores_id_seq')::integer as id
