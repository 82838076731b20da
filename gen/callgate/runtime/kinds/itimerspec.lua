-- itimerspec: a timer in nanoseconds, as timer_settime and timerfd_settime have it.

return require "callgate.kinds.timer"("nsec", 1e9, "timespec")
