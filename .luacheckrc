std = "luajit"
max_line_length = 120
files["output"] = { max_line_length = false } -- macros are as long as the headers made them
max_string_line_length = false -- record declarations stand on a line of their own
