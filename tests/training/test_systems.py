"""The tables of docs/models.md are those of the recipes."""

import copy

import pytest
from running import ROOT

from msa.__main__ import main
from msa.base.errors import InputError
from msa.models import MODELS, architecture_of
from msa.training.systems import fill, parameters, read_recipes, systems_table, tables, traps_table

RECIPES = read_recipes()
PAGE = ROOT / "docs" / "models.md"


@pytest.fixture(scope="module")
def made():
    return tables(RECIPES)


def test_the_page_is_made_from_the_recipes(made):
    text = PAGE.read_text(encoding="utf-8")
    assert fill(text, made) == text, "run: python -m msa systems docs/models.md"


@pytest.mark.parametrize(
    "change",
    [
        {"traps": []},
        {"traps": [*RECIPES["tfn"]["traps"], {"released": "does this"}]},
        {"authority": "composed"},
        {"published": {"mosi": {"source": "a paper"}}},
        {"settings": {"architecture": {"post_fusion": 8}}},
        {"alignment": "aligned"},
        {"title": "another (2017)"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_recipe_that_changes_changes_the_page(made, change):
    text = PAGE.read_text(encoding="utf-8")
    recipe = {"tfn": copy.deepcopy(RECIPES["tfn"]) | change}
    lines = [*systems_table(recipe).splitlines()[2:], *traps_table(recipe).splitlines()[2:]]
    before = [line for line in text.splitlines() if line.startswith("| TFN")]
    assert lines != before
    recipe = {"tfn": RECIPES["tfn"]}
    lines = [*systems_table(recipe).splitlines()[2:], *traps_table(recipe).splitlines()[2:]]
    assert lines == before


@pytest.mark.parametrize(
    ("model", "count"),
    [("lf_lstm", 9_026_559), ("tfn", 408_231), ("t_bert", 768 + 1), ("mean", None)],
)
def test_parameters_at_the_widths_of_mosi(model, count):
    """Those that the authors' code has there; of an encoder none count."""
    assert parameters(model, RECIPES[model]) == count


def test_a_row_of_traps():
    recipe = {"title": "A (B et al., 2020)", "traps": [{"released": "a|b"}]}
    recipe["traps"].append({"released": "c", "settings": {"clip": 1.0, "sides": {"text": "left"}}})
    assert traps_table({"a": recipe}).splitlines()[2:] == [
        r"| A | a\|b | none |",
        "| A | c | `clip: 1.0, sides: {text: left}` |",
    ]


def test_the_command_replaces_what_is_between_the_comments(made, tmp_path):
    page = tmp_path / "models.md"
    page.write_text(fill(PAGE.read_text(encoding="utf-8"), dict.fromkeys(made, "gone\n")))
    assert "gone" in page.read_text()
    assert main(["systems", str(page)]) == 0
    assert page.read_text(encoding="utf-8") == PAGE.read_text(encoding="utf-8")


def test_a_page_without_the_comments():
    with pytest.raises(InputError, match="<!-- end of traps --> once each$"):
        fill("nothing", {"traps": ""})


@pytest.mark.parametrize("model", MODELS)
def test_settings_of_traps_are_of_the_constructor(model):
    for trap in RECIPES[model].get("traps", []):
        given = trap.get("settings", {}).get("architecture", {})
        assert {*given} <= {*(architecture_of(model) or ())}, trap["released"]
