-- itimerval: a timer in microseconds, as setitimer has it.

return require "callgate.kinds.timer"("usec", 1e6, "old_timeval")
