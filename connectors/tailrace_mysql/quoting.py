"""Names as MySQL's SQL has them; sources, sinks and schema conversion write them alike."""


def identifier(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
