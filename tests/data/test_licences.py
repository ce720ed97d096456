from msa.data.licences import licence_table

ENTRY = {"what": "vision", "name": "OpenFace", "licence": "academic", "noncommercial": True}


def test_the_ledger_of_a_card():
    lines = licence_table(
        [ENTRY, ENTRY | {"noncommercial": None}, ENTRY | {"noncommercial": False}]
    )
    assert lines[-3:] == [
        "| vision | OpenFace | academic | non-commercial |",
        "| vision | OpenFace | academic | not known whether commercial |",
        "| vision | OpenFace | academic |  |",
    ]
    assert licence_table([]) == []
