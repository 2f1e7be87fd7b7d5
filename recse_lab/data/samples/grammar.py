"""The English that the sample corpus needs: articles, plurals, verb forms, persons, punctuation."""

from __future__ import annotations

import re

# Words that sound different from their spelling: an hour, a university, a one-way street; an X-ray,
# but a NASA engineer.
SILENT_H = re.compile(r"hour|honest|honou?r|heir", re.I)
NO_VOWEL = re.compile(
    r"uni(?!n|mp|ma|de|ro)|us[abeu]|ut[ei]|ubi|uk[eu]|ur[ae]|uri|u-|eu|ewe|one\b|once\b", re.I
)
SPELT = re.compile(r"(?!NASA|NATO|RAM|ROM|LAN|SIM)[AEFHILMNORSX](?=[A-Z\d-]|\b)|x-|8|1[18]\b")
ARTICLE = re.compile(r"""(?:(?<![\w'’-])a|(?:^|(?<=")|(?<=[:.!?] ))A)(?= ([\w-]+))""")

# What a noun phrase goes on with after its head: "pair | of boots", "bucket | full of sand".
TAIL = re.compile(
    r" (?:of|to|in|from|on|for|over|with|without|by|at|about|under|between|behind|against|into|full"
    r"|that|who) "
)
PLURALS = {
    "child": "children",
    "foot": "feet",
    "tooth": "teeth",
    "goose": "geese",
    "mouse": "mice",
    "person": "people",
    "leaf": "leaves",
    "loaf": "loaves",
    "half": "halves",
    "calf": "calves",
    "shelf": "shelves",
    "wolf": "wolves",
    "thief": "thieves",
    "knife": "knives",
    "wife": "wives",
    "life": "lives",
    "scarf": "scarves",
    "hoof": "hooves",
    "quiz": "quizzes",
    "potato": "potatoes",
    "tomato": "tomatoes",
    "hero": "heroes",
    "echo": "echoes",
    "cargo": "cargoes",
    "volcano": "volcanoes",
    "tornado": "tornadoes",
    "mosquito": "mosquitoes",
    "torpedo": "torpedoes",
    "mango": "mangoes",
    "buffalo": "buffaloes",
    "larva": "larvae",
    "vertebra": "vertebrae",
    "alga": "algae",
    "fungus": "fungi",
    "nucleus": "nuclei",
    "stimulus": "stimuli",
    "bacterium": "bacteria",
    "phenomenon": "phenomena",
    "criterion": "criteria",
    "matrix": "matrices",
    "vertex": "vertices",
    "eau": "eaux",
}
SAME = (
    "sheep",
    "fish",
    "deer",
    "salmon",
    "trout",
    "cod",
    "herring",
    "mackerel",
    "craft",
    "series",
    "species",
)
NO_MEN = ("human", "german", "roman", "shaman", "talisman", "ottoman", "norman", "caiman")

IRREGULAR = {
    verb: (past, participle)
    for verb, past, participle in map(
        str.split,
        """
        be was been
        bear bore borne
        beat beat beaten
        become became become
        begin began begun
        bend bent bent
        bet bet bet
        bind bound bound
        bite bit bitten
        blow blew blown
        break broke broken
        breed bred bred
        bring brought brought
        build built built
        buy bought bought
        cast cast cast
        catch caught caught
        choose chose chosen
        cling clung clung
        come came come
        cost cost cost
        cut cut cut
        deal dealt dealt
        dig dug dug
        do did done
        draw drew drawn
        drink drank drunk
        drive drove driven
        eat ate eaten
        fall fell fallen
        feed fed fed
        feel felt felt
        fight fought fought
        find found found
        fling flung flung
        fly flew flown
        forget forgot forgotten
        freeze froze frozen
        get got got
        give gave given
        go went gone
        grind ground ground
        grow grew grown
        hang hung hung
        have had had
        hear heard heard
        hide hid hidden
        hit hit hit
        hold held held
        keep kept kept
        kneel knelt knelt
        know knew known
        lay laid laid
        lead led led
        learn learnt learnt
        leave left left
        lend lent lent
        let let let
        lie lay lain
        light lit lit
        lose lost lost
        make made made
        mean meant meant
        meet met met
        mow mowed mown
        pay paid paid
        put put put
        quit quit quit
        read read read
        ride rode ridden
        ring rang rung
        rise rose risen
        run ran run
        saw sawed sawn
        say said said
        see saw seen
        seek sought sought
        sell sold sold
        send sent sent
        set set set
        sew sewed sewn
        shake shook shaken
        shear sheared shorn
        shed shed shed
        shine shone shone
        shoot shot shot
        show showed shown
        shrink shrank shrunk
        shut shut shut
        sing sang sung
        sink sank sunk
        sit sat sat
        sleep slept slept
        slide slid slid
        sow sowed sown
        speak spoke spoken
        spell spelt spelt
        spend spent spent
        spin spun spun
        split split split
        spread spread spread
        stand stood stood
        steal stole stolen
        stick stuck stuck
        strike struck struck
        string strung strung
        swear swore sworn
        sweep swept swept
        swim swam swum
        swing swung swung
        take took taken
        teach taught taught
        tear tore torn
        tell told told
        think thought thought
        throw threw thrown
        tread trod trodden
        wake woke woken
        wear wore worn
        weave wove woven
        win won won
        wind wound wound
        write wrote written
        """.strip().splitlines(),
    )
}
PREFIX = re.compile(r".*-|re|under|un|over|outr?|with|mis|fore|up|in")
DOUBLING = re.compile(
    r"(?:[^aeiou]|qu)*[aeiou][^aeiouwxy]"  # one syllable, one vowel, one consonant: stop
    r"|.*(?:[^aeiou]|u|i)[aeiou]l"  # a British l: cancel, signal
    r"|admit|begin|commit|defer|equip|forget|format|input|kidnap|occur|omit|outfit|outwit|overlap"
    r"|permit|prefer|refer|refit|regret|repot|rerun|reset|submit|transfer|transmit|underpin|unpin"
    r"|unplug|unwrap|unzip|upset|worship"
    r"|.*-(?:[^aeiou]|qu)*[aeiou][^aeiouwxy]"
)

# Who says it: the words that change when a sentence is told by or to somebody else.
RETOLD = {
    "you": {
        "I am": "you are",
        "I'm": "you're",
        "I was": "you were",
        "I": "you",
        "we": "you",
        "me": "you",
        "us": "you",
        "my": "your",
        "our": "your",
        "mine": "yours",
        "myself": "yourself",
        "ourselves": "yourselves",
    },
    "they": {
        "you're": "they're",
        "you": "they",
        "your": "their",
        "yours": "theirs",
        "yourself": "themselves",
    },
    "I": {
        "you are": "I am",
        "you're": "I'm",
        "you": "I",
        "your": "my",
        "yours": "mine",
        "yourself": "myself",
    },
}
PERSONS = {
    person: re.compile(rf"\b({'|'.join(words)})(?![\w’'])") for person, words in RETOLD.items()
}


def articles(text: str) -> str:
    """``text`` with every "a" before a vowel sound made "an"."""

    def mended(match: re.Match[str]) -> str:
        word = match[1]
        vowel = (
            SPELT.match(word)
            or SILENT_H.match(word)
            or (word[0] in "aeiouAEIOU" and not NO_VOWEL.match(word))
        )
        return match[0] + "n" * bool(vowel)

    return ARTICLE.sub(mended, text)


def plural(phrase: str) -> str:
    """The plural of a noun phrase: "herd of elephants" → "herds of elephants"."""
    if tail := TAIL.search(phrase):
        return plural(phrase[: tail.start()]) + phrase[tail.start() :]
    if tail := re.search(r"(?<=\w)-(in-law|by|up)$", phrase):
        return plural(phrase[: tail.start()]) + tail[0]
    lower = phrase.lower()
    if lower.endswith(SAME):
        return phrase
    if lower.endswith("man") and not lower.endswith(NO_MEN):
        return phrase[:-2] + "en"
    for ending, many in PLURALS.items():
        if lower.endswith(ending):
            return phrase[: -len(ending)] + many
    if lower.endswith("sis"):
        return phrase[:-2] + "es"
    if re.search(r"[^aeiou]y$", lower):
        return phrase[:-1] + "ies"
    hissing = re.search(r"(s|x|z|ch|sh)$", lower) and not re.search(
        r"(onarch|riarch|stomach|epoch|loch)$", lower
    )
    return phrase + ("es" if hissing else "s")


def _third(verb: str) -> str:
    if verb in ("be", "have"):
        return {"be": "is", "have": "has"}[verb]
    if re.search(r"[^aeiou]y$", verb):
        return verb[:-1] + "ies"
    if verb.endswith("quiz"):
        return verb + "zes"
    return verb + ("es" if re.search(r"(s|x|z|ch|sh|[^o]o)$", verb) else "s")


def _stem(verb: str) -> str:
    """What -ed and -ing are put to: stopp-, cancell-, panick-."""
    if DOUBLING.fullmatch(verb):
        return verb + verb[-1]
    return verb + "k" * verb.endswith("ic")


def _past(verb: str, participle: bool = False) -> str:
    prefix = PREFIX.match(verb)
    cut = (
        prefix.end()
        if prefix and verb not in IRREGULAR and verb[prefix.end() :] in IRREGULAR
        else 0
    )
    if verb[cut:] in IRREGULAR:
        return verb[:cut] + IRREGULAR[verb[cut:]][participle]
    if re.search(r"[^aeiou]y$", verb):
        return verb[:-1] + "ied"
    return verb + "d" if verb.endswith("e") else _stem(verb) + "ed"


def _gerund(verb: str) -> str:
    if verb.endswith("ie"):
        return verb[:-2] + "ying"
    if re.search(r"[^eoy]e$", verb) and verb not in ("be", "singe"):
        return verb[:-1] + "ing"
    return _stem(verb) + "ing"


FORMS = {
    "do": lambda verb: verb,
    "does": _third,
    "did": _past,
    "doing": _gerund,
    "done": lambda verb: _past(verb, participle=True),
}


def conjugate(verb: str, form: str) -> str:
    """Return a verb phrase in the form of "do" that is named: ("haul in", "did") → "hauled in"."""
    word, space, rest = verb.partition(" ")
    return FORMS[form](word) + space + rest


def retell(text: str, person: str) -> str:
    """``text`` said to "you" of what was "I", or of "they" or "I" what was said to "you"."""
    return PERSONS[person].sub(lambda match: RETOLD[person][match[1]], text)


def sentence(text: str) -> str:
    """``text`` as a sentence: right articles, single spaces, a capital first, a mark at the end."""
    text = re.sub(r"\s+(?=[,;:.!?])", "", " ".join(text.split()))
    text = articles(text if text[-1] in ".!?" else text + ".")
    first = text[0] == '"'
    return text[:first] + text[first].upper() + text[first + 1 :]
