"""Mutation testing of the checks: mistakes planted in correct files, torch's verdict on them, and what is found."""
