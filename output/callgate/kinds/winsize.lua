-- A terminal's size: ws.row, ws.col; S.t.winsize(24, 80).

return { aliases = { row = "ws_row", col = "ws_col", xpixel = "ws_xpixel", ypixel = "ws_ypixel" } }
