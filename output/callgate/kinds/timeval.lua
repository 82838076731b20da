-- timeval: from seconds as a number, from { sec, usec } or fields; tv.time is seconds as a number.

return (select(2, require "callgate.kinds.seconds"("usec", 1e6)))
