-- Inside a state: what a function that load is given returns, piece by piece. Loaded as bytecode, when it is first
-- wanted: no upvalues.
--
-- drained() -> function(reader) -> text

return function()
  local concat = table.concat
  local PIECES = 2 ^ 22 -- a reader that never ends would take all of the memory that there is

  return function(reader)
    local pieces, n = {}, 0
    while true do
      local piece = reader()
      if piece == nil or piece == "" then
        return concat(pieces)
      elseif type(piece) ~= "string" and type(piece) ~= "number" then
        error("reader function must return a string", 0)
      end
      n = n + 1
      if n > PIECES then
        error("chunk has too many pieces", 0)
      end
      pieces[n] = piece
    end
  end
end
