"""Bytes of the encodings of Python's library, which we did not write."""

import pytest

from protocols.table_formats import table_text

JAPANESE = "濃度 (µM),溶媒,吸光度\n10,エタノール,0.4\n100,水 と ﾒﾀﾉｰﾙ,0.6\n".replace("µ", "μ")
KOREAN = "농도 (uM),용매,흡광도\n10,에탄올,0.4\n100,물,0.6\n"
WESTERN = (
    "Größe,Zürich,Ré,à côté,µM,°C,±\n",
    "dose [µM],signal\n10,0.4\n",
    "Temp [°C];Extrait de thé;Milieu préparé\n37;0,5;très élevé\n",
    "ÄÖÜ,äöü,ßß,éé,çç\n",
    "Lösung,Åbo,Øl,søt,Ærø,señal,piñón\n",
    "éléments préférés,évaporé,déshydraté\n",
    "1 000 µL,½,²,³\n",
)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        *((JAPANESE, name) for name in ("cp932", "utf-8", "utf-8-sig", "utf-16", "utf-16-le")),
        *((KOREAN, name) for name in ("cp949", "euc_kr", "utf-8", "utf-16")),
        *((text, name) for text in WESTERN for name in ("cp1252", "utf-8")),
    ],
)
def test_a_table_is_read_in_the_encoding_of_the_country_that_wrote_it(
    text: str, encoding: str
) -> None:
    found = table_text(text.encode(encoding), "t.csv").removeprefix("\ufeff")
    assert found == text
