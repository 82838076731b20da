-- What the kernel knows of a connection: info.state ("established"), and each field without its tcpi_: info.rtt.

local STATES = { -- of the kernel's include/net/tcp_states.h, in their order
  "established", "syn_sent", "syn_recv", "fin_wait1", "fin_wait2", "time_wait", "close", "close_wait", "last_ack",
  "listen", "closing", "new_syn_recv", "bound_inactive",
}

return { index = { state = function(self) return STATES[self.tcpi_state] or self.tcpi_state end } }
