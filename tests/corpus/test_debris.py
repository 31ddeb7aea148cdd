import pytest

from samedream.corpus.debris import debris_reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Burundi, Cambodia, Cameroon, Canada, Chad, Chile, Comoros, Croatia, Cuba, Fiji", "lists"),
        ("Highways: total: 600 km paved: 224 km unpaved: 376 km Pipelines: crude oil Ports: Barahona", "lists"),
        ("1973-74 68 22 28 50 19 1974-75 66 39 68 107 30 72 115 Saskatoon Blades", "mostly digits and symbols"),
        ("ACCT, ACP, AfDB, ECA, FAO, ICAO, ICC, IDA, IFAD, IFC, ILO, IMF, IMO, OPCW, UNESCO", "mostly capitals"),
        (r"Within a shell the number \ell satisfies the relation 0 \le \ell \le n_0-1 always", "formulas and markup"),
        ('{| align="center" || Name || Born || Died and so on through the cells of the table', "formulas and markup"),
        ("Apache may refer to: Native Americans, the helicopter, the server and other things", "navigation notes"),
        ("See also: List of significant others of Friends and guest stars", "navigation notes"),
        ("El término calibre puede referirse a:Calibre (instrumento), de una pieza.", "navigation notes"),
        ("Boom, Boom, Boom, Boom, Boom, Boom, Boom, Boom, Boom, Boom, Boom, Boom, Boom, Boom", "repetitions"),
        ("Deconstruction, Neo-Marxism, Post-Marxism, Poststructuralism.", "too few words"),
    ],
)
def test_debris_is_named(text, reason):
    assert debris_reason(text) == reason


@pytest.mark.parametrize(
    "text",
    [
        "The term may refer to a range of human activity, from handicraft to high-tech, most commonly industry.",
        "Imhotep fue un erudito egipcio polímata, sabio, inventor, médico, astrónomo y el primer arquitecto.",
        "With an area of 113,729 km2 (43,911 sq mi), it is the world's 14th-largest island, 43% of the country.",
        "The Nerva–Antonine dynasty comprised seven emperors: Nerva (96–98), Trajan (98–117), Hadrian and Commodus.",
        "北京是中华人民共和国的首都，它是一座历史悠久的城市，人口众多，文化丰富，也是全国的政治中心和文化中心。",
        "गंगा भारत की सबसे महत्वपूर्ण नदी है जो उत्तराखंड के हिमालय से निकल कर बंगाल की खाड़ी में मिलती है और पूजनीय है।",
        "He may mean more than we poor men do know: These women are shrewd tempters with their tongues.",
    ],
)
def test_prose_stays(text):
    assert debris_reason(text) is None
