"""Robustness tests: connection churn, floods, slow clients and long messages.

A property checks one script; a robustness test checks what many clients do together. If wsproof started the server, the
tests also measure its process. `leak_slope` and `scaling` evaluate the measurements, and `context` holds what a test
needs.
"""
