-- Folds up to so many changes into the counts of the boards, and answers how many; none while another worker does; by
-- board_changes_board, board_groups_place_key and board_blocks_pkey.
select fold_boards($1) as folded
