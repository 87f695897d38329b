"""The couriers' sandbox: every partner courier, as a process that shares only the contract with us.

It imports nothing of the back office (an import contract sees to it) and speaks HTTP alone, so
that its book can judge ours. `python -m couriers_sandbox --port N`; see server.py for its doors.
"""
