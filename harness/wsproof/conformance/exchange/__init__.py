"""One exchange with the server: the driver, its timeouts and its transcript."""
