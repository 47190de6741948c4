"""`ports.Jobs` on a database: a core that both engines share, and what each adds to it.

table          the statements: submit, claim, record, finish, sweep
recorder       the output of running jobs, written in groups
runner         jobs under way in this process
news           who waits here for a job to go on
core           the port, but for how a queued job finds its process
embedded       that, for one process: from the table, in its order
shared         that, for several on one PostgreSQL: from Procrastinate's queue
queue_schema   the tables of that queue
pulse          that a process lives, and what the others did
"""
