-- fsxattr: see inode_flags.lua.

return require "callgate.kinds.inode_flags" "fsx_"
