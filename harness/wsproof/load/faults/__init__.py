"""Faulty clients beside a load, in a process of their own, and clients that are all dropped at once and come back."""
