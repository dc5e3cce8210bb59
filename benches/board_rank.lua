-- wrk asks for places: wrk -t1 -c32 -d10s --latency -s benches/board_rank.lua http://127.0.0.1:9999 -- FILE
-- FILE holds a path a line, for example those of a thousand lifters around the median:
--   select '/api/v1/scores/scenario/barbell_bench_press/rank/' || user_id from personal_bests
--   where scenario_id = 'barbell_bench_press' and lifter_active
--   order by score_value desc, reached_at, score_id offset 430000 limit 1000
local paths = {}
local at = 0

function init(args)
  for line in io.lines(args[1]) do
    paths[#paths + 1] = line
  end
end

function request()
  at = at % #paths + 1
  return wrk.format("GET", paths[at])
end
