-- For wrk: asks one line of a file after another. A line is a path, or METHOD, path, token and body with tabs between them.
-- Headers that wrk is given go with each of them.
--   wrk -s requests.lua [-H HEADER] ... -- FILE
local lines = {}
local at = 0

function init(args)
  for line in io.lines(args[1]) do
    local method, path, token, body = line:match("^(%u+)\t([^\t]*)\t([^\t]*)\t(.*)$")
    local headers = {}
    for name, value in pairs(wrk.headers) do headers[name] = value end
    if token and token ~= "" then headers["Authorization"] = "Bearer " .. token end
    if body and body ~= "" then
      headers["Content-Type"] = body:sub(1, 1) == "{" and "application/json" or "application/x-www-form-urlencoded"
    else
      body = nil
    end
    lines[#lines + 1] = wrk.format(method or "GET", path or line, headers, body)
  end
end

function request()
  at = at % #lines + 1
  return lines[at]
end
