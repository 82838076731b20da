-- A queue of a network interface: S.t.sockaddr_xdp { ifindex = "eth0", queue = 0, flags = "zerocopy" }; "xdp:2:0".

return require("callgate.kinds.address_family").kind {
  family = 44,
  family_field = "sxdp_family",
  prefix = "xdp",
  like = "xdp:2:0",
  parts = {
    { name = "ifindex", field = "sxdp_ifindex", default = 0, form = "interface" },
    { name = "queue", field = "sxdp_queue_id", default = 0 },
    { name = "flags", field = "sxdp_flags", default = 0, group = "XDP", bits = 16 },
    { name = "shared_umem_fd", field = "sxdp_shared_umem_fd", default = 0 },
  },
}
