"""One module for each tool that can be set up: plain data and pure functions (see `setup`)."""
