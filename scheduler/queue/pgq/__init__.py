"""pgqueuer as dispatcher: who should look at which job, over any number of machines on one PostgreSQL.

Imported only where it is used: the library comes with the extra ``postgres``.
"""
