import numpy as np
import pytest

from msa.base.errors import InputError
from msa.base.reading import open_npy, read_array


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::SyntaxWarning")  # numpy's and Python's
@pytest.mark.parametrize("mapped", [True, False])
def test_a_header_with_any_bit_flipped_is_one_kind_of_error(tmp_path, mapped):
    path = tmp_path / "rows.npy"
    np.save(path, np.ones((3, 4), np.float32))
    good = path.read_bytes()
    refused = 0
    for i in range(128 * 8):
        damaged = bytearray(good)
        damaged[i // 8] ^= 1 << i % 8
        path.write_bytes(damaged)
        try:
            open_npy(path, mapped)
        except ValueError:
            refused += 1
    assert refused > 900  # the others change the type, or blanks


def test_a_damaged_file_is_named(tmp_path):
    path = tmp_path / "rows.npy"
    np.save(path, np.ones((3, 4), np.float32))
    path.write_bytes(path.read_bytes().replace(b"{", b";"))
    with pytest.raises(InputError, match=rf"{path}: expected a .npy array, got: .*run the stage"):
        read_array(path, "numbers", 2)
    with pytest.raises(FileNotFoundError):
        open_npy(tmp_path / "none.npy")
