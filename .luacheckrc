std = "luajit"
max_line_length = 120
max_string_line_length = false -- record declarations stand on a line of their own
