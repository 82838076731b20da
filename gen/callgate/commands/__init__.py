"""One module per command, each with ``run(options, report) -> exit status``; cli.py names them."""
