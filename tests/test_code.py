"""A cache is named by the code that fills it: what would be computed otherwise today is not read
from yesterday.
"""

import sys
from types import ModuleType

import pytest

from recse_lab.code import code_hash
from recse_lab.config.reading import make_config
from recse_lab.jobs.build import Lab
from recse_lab.jobs.settling import settle
from recse_lab.reshape import OPERATORS
from recse_lab.reshape.controls import Mean

CODE = '"""Says."""\n\ndef double(x):\n    """Twice."""\n    return 2 * x  # x\n'


@pytest.mark.parametrize(
    ("text", "same"),
    [
        (CODE.replace("Twice.", "Two times.").replace("# x", "# the double"), True),
        (CODE.replace("2 *", "3 *"), False),
    ],
)
def test_a_comment_changes_nothing_and_a_number_does(tmp_path, text, same):
    hashes = []
    for source in (CODE, text):
        (tmp_path / "module.py").write_text(source)
        code_hash.cache_clear()
        hashes.append(code_hash(str(tmp_path / "module.py")))
    assert (hashes[0] == hashes[1]) == same


def test_a_room_is_all_its_modules_and_a_typing_error_is_none():
    assert code_hash("models") != code_hash("models/transformer.py")
    with pytest.raises(ValueError, match=r"models/transfomer\.py"):
        code_hash("models/transfomer.py")


def test_a_store_of_features_is_of_the_operator_as_it_is(tiny, corpus_file, tmp_path, monkeypatch):
    """Another operator beside it makes it no other store."""
    module = ModuleType("newcomer")
    module.__file__ = str(tmp_path / "newcomer.py")
    monkeypatch.setitem(sys.modules, "newcomer", module)
    newcomer = type("Newcomer", (Mean,), {"__module__": "newcomer"})
    monkeypatch.setitem(OPERATORS, "newcomer", newcomer)

    def folder(operator):
        code_hash.cache_clear()
        tree = {"encoder": str(tiny), "corpus": str(corpus_file), "reshape": {"operator": operator}}
        return Lab(settle(make_config(tree))).store_folder

    (tmp_path / "newcomer.py").write_text(CODE)
    before = {name: folder(name) for name in ("newcomer", "mean", "newcomer+mean")}
    (tmp_path / "newcomer.py").write_text(CODE.replace("2 *", "3 *"))
    changed = {name for name in before if folder(name) != before[name]}
    assert changed == {"newcomer", "newcomer+mean"}
