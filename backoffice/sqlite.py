"""Gives Django's SQLite backend, and nothing else, the newer SQLite of the pysqlite3 wheel.

Debian 12's SQLite 3.40 has the WAL-reset race (two connections that checkpoint and commit in a
tight window can corrupt the file), fixed in 3.51.3. Replacing sqlite3 for the whole process would
break others: Python 3.13's dbm.sqlite3, and with it beat's schedule file, wants what pysqlite3
does not have. So it stands in only while Django's backend is imported.
"""

import importlib
import sys


def give_django_the_newer_sqlite() -> bool:
    """True when Django's backend now runs on the wheel; False where there is no such wheel."""
    try:
        newer = importlib.import_module("pysqlite3")
        newer_dbapi2 = importlib.import_module("pysqlite3.dbapi2")
    except ImportError:
        return False
    names = {"sqlite3": newer, "sqlite3.dbapi2": newer_dbapi2}
    before = {name: sys.modules.get(name) for name in names}
    sys.modules.update(names)
    try:
        importlib.import_module("django.db.backends.sqlite3.base")
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
    return True
