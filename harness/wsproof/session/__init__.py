"""What a user can do, as functions that return values. The faces (cli, pytest, locust) call these."""
