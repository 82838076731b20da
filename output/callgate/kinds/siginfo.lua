-- siginfo as waitid and sigwaitinfo fill it in: info.pid, info.uid, info.status, info.code.

return {
  index = {
    signo = function(self) return self.si_signo end,
    code = function(self) return self.si_code end,
    errno = function(self) return self.si_errno end,
    pid = function(self) return self._sifields._sigchld._pid end,
    uid = function(self) return self._sifields._sigchld._uid end,
    status = function(self) return self._sifields._sigchld._status end,
  },
}
