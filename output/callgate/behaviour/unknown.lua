-- What is said of a key that nothing listens to, in a table of a caller's: 'unknown key "evens"; did you mean
-- "events"?'. `known` has the names as its keys, and places in a list, which are not told.
return function(key, known)
  local names = {}
  for name in pairs(known) do
    if type(name) == "string" then
      names[#names + 1] = name
    end
  end
  table.sort(names)
  local near = type(key) == "string" and require("callgate.suggest").nearest(key, names)
  local hint = near and ("did you mean %q?"):format(near) or "there are " .. table.concat(names, ", ")
  return ("unknown key %q; %s"):format(tostring(key), hint)
end
