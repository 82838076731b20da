-- A network of controllers, by its interface: S.t.sockaddr_can { ifindex = "can0" }; 0 is all of them. "can:3".

return require("callgate.kinds.address_family").kind {
  family = 29,
  family_field = "can_family",
  prefix = "can",
  like = "can:3",
  parts = { { name = "ifindex", field = "can_ifindex", default = 0, form = "interface" } },
}
