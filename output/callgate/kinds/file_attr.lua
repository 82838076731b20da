-- file_attr: see inode_flags.lua.

return require "callgate.kinds.inode_flags" "fa_"
