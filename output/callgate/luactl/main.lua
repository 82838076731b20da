-- luajit main.lua [ARGUMENT...]: the command luactl, as a script. bin/luactl starts it.

os.exit(require("callgate.luactl.command").main(arg))
