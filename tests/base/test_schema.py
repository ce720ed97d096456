import pytest
import yaml

from msa.base.schema import problems


def line(settings):
    """The one problem of some settings."""
    [found] = problems(settings, "settings.schema.json", "config")
    return found


@pytest.mark.parametrize(
    ("key", "value", "meant"),
    [
        ("epochs", "20", "20 without quotes"),
        ("epochs", " 20 ", "20 without quotes"),
        ("epochs", "20.0", "20"),
        ("epochs", 20.0, "20"),
        ("epochs", "2e1", "20"),
        ("epochs", "010", "10"),
        ("patience", "20", "20 without quotes"),
        ("patience", "null", "null without quotes"),
        ("clip", "0.5", "0.5 without quotes"),
        ("clip", "1.5e-3", "1.5e-3 without quotes"),
        ("clip", "1e-4", "1.0e-4 or 0.0001; YAML reads 1e-4 as text"),
        ("clip", "1E-5", "1.0e-5 or 0.00001; YAML reads 1E-5 as text"),
        ("clip", "12.5e-4", "12.5e-4 without quotes"),
        ("clip", "1.5e3", "1500"),
        ("optimizer.forget", "true", "true without quotes, or on the command line True"),
        ("optimizer.groups.factor_lr", "1e-3", "1.0e-3 or 0.001; YAML reads 1e-3 as text"),
    ],
)
def test_a_value_in_quotes_or_spelt_otherwise_is_told_what_to_write(key, value, meant):
    settings = value
    for name in reversed(key.split(".")):
        settings = {name: settings}
    assert line(settings).endswith(f"; write {meant}")
    # and what it is told is right
    written = meant.partition(";")[0].partition(" without")[0].partition(" or ")
    for text in filter(None, (written[0], written[2])):
        for name in reversed(key.split(".")):
            text = f"{{{name}: {text}}}"
        assert problems(yaml.safe_load(text), "settings.schema.json", "config") == []


def test_each_of_a_list_and_a_whole_one_in_quotes():
    found = problems({"columns": {"audio": ["0", "74"]}}, "settings.schema.json", "config")
    assert found == [
        "config: columns: audio: 0: expected integer, got '0' (str); write 0 without quotes",
        "config: columns: audio: 1: expected integer, got '74' (str); write 74 without quotes",
    ]
    settings = {"columns": {"audio": "[0, 74]"}}
    assert line(settings).endswith("got '[0, 74]' (str); write [0, 74] without quotes")


@pytest.mark.parametrize(
    "value",
    [
        *("20 s", "twenty", "1:30", "nan", ".inf", "1e999", "2.5", "", "[20", "[20]", "yes"),
        *("0x10", "2026-13-45", 2.5, True),
    ],
)
def test_anything_else_gets_the_ordinary_message(value):
    expected = f"config: epochs: expected integer, got {value!r} ({type(value).__name__})"
    assert line({"epochs": value}) == expected
