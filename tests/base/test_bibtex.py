"""Entries, and which of them a page shows."""

import pytest

from msa.base.bibtex import cited, entries
from msa.base.errors import InputError

ONE = "@article{one,\n  title = {A {B} at b@c.de},\n}"
TWO = "@misc{ two, title={D}}"


@pytest.fixture
def references(tmp_path):
    path = tmp_path / "references.bib"
    path.write_text(f"a note before them\n\n{ONE}\n\n\n{TWO}\n")
    return path


def test_entries_begin_with_an_at_at_the_beginning_of_a_line(references):
    assert entries(references) == {"one": ONE, "two": TWO}


def test_each_is_cited_once_by_key_or_text(references):
    own = "  @misc{me,\n title={Mine}}\n"
    made = cited(["two", own, "one", own.strip(), "two"], references)
    assert made == [TWO, own.strip(), ONE]


def test_unknown_keys_are_named_all_at_once(references, tmp_path):
    with pytest.raises(InputError, match=r'"tow"; did you mean "two"\?; .*"xyz"; known: '):
        cited(["tow", "one", "xyz"], references)
    with pytest.raises(InputError, match="other.bib: expected BibTeX, got: .*No such file"):
        entries(tmp_path / "other.bib")
