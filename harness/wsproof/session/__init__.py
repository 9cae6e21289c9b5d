"""The user's operations, as functions that return values. The front ends (cli, pytest, locust) call them."""
