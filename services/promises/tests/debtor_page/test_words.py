"""Every sentence of the debtor's page stands in Spanish and Portuguese, with the same values, and none is left over."""

import json
import re
from pathlib import Path

import promises.debtor_page
from promises.debtor_page import showing, words
from promises.debtor_page.acting import ACTS

_HERE = Path(promises.debtor_page.__file__).parent
_SAID = re.compile(r'\btr\("([^"]+)"')
_VALUE = re.compile(r"\{\w+\}")


def test_every_sentence_is_translated_and_none_is_left_over() -> None:
    said = {sentence for file in _HERE.glob("templates/*.html") for sentence in _SAID.findall(file.read_text())}
    said |= set(_SAID.findall((_HERE / "words.py").read_text()))
    said |= {*words.REFUSED.values(), *words.FIELDS.values(), *showing.PARTS.values(), words.BUSY, words.FAILED}
    known = json.loads((_HERE / "sentences.json").read_text())
    assert said == set(known)
    for sentence, translations in known.items():
        assert set(translations) == {"es", "pt"}
        for translation in translations.values():
            assert sorted(_VALUE.findall(sentence)) == sorted(_VALUE.findall(translation)), translation


def test_every_act_has_a_form() -> None:
    page = (_HERE / "templates" / "mine.html").read_text()
    assert {name for name in ACTS if f'begin("{name}")' not in page} == set()
