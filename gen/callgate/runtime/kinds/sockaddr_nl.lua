-- A netlink socket address: S.t.sockaddr_nl(pid, groups), both 0 by default; "netlink:0:1".

return require("callgate.kinds.address_family").kind {
  family = 16,
  family_field = "nl_family",
  prefix = "netlink",
  like = "netlink:0:1",
  parts = {
    { name = "pid", field = "nl_pid", default = 0 },
    { name = "groups", field = "nl_groups", default = 0 },
  },
}
