"""The tables that a conversion goes by: ours, and a person's before them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tailrace.conversion.catalog import Dialect, ObjectName
from tailrace.conversion.outcome import Complexity, Grade
from tailrace.conversion.rules import load
from tailrace.conversion.translation import Use
from tailrace.errors import ConfigError
from tests.unit.schema.expression_columns import translated

MYSQL, MARIADB, POSTGRES = Dialect.MYSQL, Dialect.MARIADB, Dialect.POSTGRESQL
TABLE = ObjectName("shop", "orders")
EXAMPLES = Path(__file__).parents[3] / "config" / "conversion"


def written(folder: Path, text: str, name: str = "house.toml") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def test_a_type_is_matched_by_its_pattern_and_place(tmp_path: Path) -> None:
    text = """
        [[types]]
        from = "mysql"
        to = "postgresql"
        type = "tinyint(1)"
        table = "shop.*"
        become = "boolean"

        [[types]]
        column = "*_json"
        become = "jsonb"
    """
    rules = load([written(tmp_path, text)])
    assert rules.type_of(MYSQL, POSTGRES, TABLE, "active", "TINYINT( 1 )") == "boolean"
    assert rules.type_of(MYSQL, POSTGRES, ObjectName("other", "t"), "active", "tinyint(1)") is None
    assert rules.type_of(MYSQL, MARIADB, TABLE, "active", "tinyint(1)") is None
    assert rules.type_of(MYSQL, MARIADB, TABLE, "more_json", "longtext") == "jsonb"


def test_arrays_are_no_choice_of_letters(tmp_path: Path) -> None:
    rules = load([written(tmp_path, '[[types]]\ntype = "text[]"\nbecome = "json"')])
    assert rules.type_of(POSTGRES, MYSQL, TABLE, "tags", "text[]") == "json"
    assert rules.type_of(POSTGRES, MYSQL, TABLE, "tags", "text") is None


def test_names_of_tables_and_columns(tmp_path: Path) -> None:
    text = """
        [[names]]
        table = "shop.orders"
        become = "sales.customer_orders"

        [[names]]
        table = "orders"
        column = "custId"
        become = "customer"

        [[names]]
        case = "snake"
    """
    rules = load([written(tmp_path, text)])
    assert rules.name_of(MYSQL, POSTGRES, TABLE) == "sales.customer_orders"
    assert rules.name_of(MYSQL, POSTGRES, TABLE, "custId") == "customer"
    assert rules.name_of(MYSQL, POSTGRES, TABLE, "createdAt") == "created_at"
    assert rules.name_of(MYSQL, POSTGRES, ObjectName("shop", "HTTPLog")) == "http_log"
    assert load().name_of(MYSQL, POSTGRES, TABLE) is None


def test_of_two_files_the_later_wins(tmp_path: Path) -> None:
    first = written(tmp_path, '[[types]]\nbecome = "a"\n[hours]\nsimple = 0.5', "first.toml")
    second = written(tmp_path, '[[types]]\ntype = "int"\nbecome = "b"\n[hours.codes]\nprogram = 8', "second.toml")
    rules = load([first, second])
    assert rules.type_of(MYSQL, POSTGRES, TABLE, "x", "int") == "b"
    assert rules.type_of(MYSQL, POSTGRES, TABLE, "x", "bigint") == "a"
    assert rules.hours("program", Complexity.SIMPLE) == 8
    assert rules.hours("zero-date", Complexity.SIGNIFICANT) > 6


def test_a_person_can_say_what_an_expression_becomes(tmp_path: Path) -> None:
    text = """
        [[expressions]]
        from = "mysql"
        to = "postgresql"
        sql = "json_unquote( json_extract(`js`, '$.a') )"
        become = '''"js" ->> 'a' '''
    """
    rules = load([written(tmp_path, text)])
    found = translated("JSON_UNQUOTE(json_extract(`js`,'$.a'))", MYSQL, POSTGRES, Use.GENERATED, rules=rules)
    assert (found.sql.strip(), found.grade) == ("\"js\" ->> 'a'", Grade.AUTOMATIC)
    assert translated("json_unquote(json_extract(`js`,'$.A'))", MYSQL, POSTGRES, rules=rules).sql == ""


def test_a_person_can_name_a_function(tmp_path: Path) -> None:
    text = """
        [[functions]]
        name = "soundex"
        from = "mysql-like"
        to = "postgresql"
        takes = ["text"]
        gives = "text"
        become = "soundex({1})"
        changed = "four letters at most"
        code = "soundex-length"
        proposal = "see whether longer ones matter"

        [[functions]]
        name = "lower"
        to = "postgresql"
        takes = ["text"]
        by_hand = "we have citext for this"
    """
    rules = load([written(tmp_path, text)])
    found = translated("soundex(`b`)", MARIADB, POSTGRES, rules=rules)
    assert (found.sql, [remark.code for remark in found.remarks]) == ('soundex("b")', ["soundex-length"])
    refused = translated("lower(`b`)", MYSQL, POSTGRES, rules=rules)
    assert (refused.sql, refused.remarks[0].reason) == ("", "we have citext for this")


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("[[types]", "house.toml", "not valid TOML"),
        ("[[type]]\nbecome = 'x'", "house.toml: type", "extra inputs are not permitted"),
        ("[[types]]\ntype = 'int'", "house.toml: types[1].become", "field required"),
        (
            "[[types]]\nbecome = 'x'\n[[types]]\nfrom = 'mssql'\nbecome = 'x'",
            "house.toml: types[2].from[1]",
            "should be",
        ),
        ("[[functions]]\nname = 'f'", "house.toml: functions[1]", "either `become` or `by_hand`"),
        ("[[functions]]\nname = 'f'\ntakes = ['word']\nbecome = 'f()'", "functions[1].takes", "no argument is 'word'"),
        ("[[functions]]\nname = 'f'\nbecome = 'f({2})'\ntakes = ['text']", "functions[1]", "{2}"),
        ("[hours]\nsimple = 0", "house.toml: hours.simple", "greater than 0"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(tmp_path: Path, text: str, where: str, what: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load([path])
    assert where in str(caught.value)
    assert what in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nobody\.toml: cannot be read"):
        load([tmp_path / "nobody.toml"])


def test_collations_of_the_same_order_keep_it() -> None:
    rules = load()
    assert rules.collation_of(MYSQL, MARIADB, "utf8mb4_0900_bin") == ("utf8mb4_nopad_bin", "")
    made, reason = rules.collation_of(MYSQL, MARIADB, "utf8mb4_0900_ai_ci") or ("", "")
    assert made == "utf8mb4_uca1400_nopad_ai_ci"
    assert reason
    assert rules.collation_of(MYSQL, POSTGRES, "utf8mb4_0900_ai_ci") is None


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.toml")), ids=lambda path: path.name)
def test_the_examples_are_read(path: Path) -> None:
    assert load([path]).tables[0] != load().tables[0]


def test_there_are_examples() -> None:
    assert {path.name for path in EXAMPLES.glob("*.toml")} >= {"house.toml", "django-mysql.toml"}
