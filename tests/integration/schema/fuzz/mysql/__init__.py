"""Random schemas of MySQL's and MariaDB's."""
