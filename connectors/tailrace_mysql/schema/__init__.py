"""Schema conversion's part of MySQL and MariaDB: their catalog is read, rendered, made and compared.

Text in such a catalog is SQL of a session whose sql_mode has neither NO_BACKSLASH_ESCAPES nor ANSI_QUOTES.
"""
