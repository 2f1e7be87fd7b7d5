"""Rewrite sample-corpus.txt.gz: sentences for demonstrations, put together from a hand-written lexicon; deterministic.

python -m recse_lab.data.embedded.generate
"""

from __future__ import annotations

import gzip
import itertools
import random
from pathlib import Path

# domain -> (people, actions with their objects, places, times or manners)
LEXICON = {
    "kitchen": ("chef,cook,baker,grandmother,waiter", "salted the soup,kneaded the dough,sliced the onions,washed the rice,burned the toast,tasted the sauce,peeled the potatoes", "in the kitchen,behind the counter,at the stove,in a small restaurant", "before the guests arrived,after lunch,very carefully,without a recipe"),
    "farm": ("farmer,shepherd,milkmaid,vet,labourer", "fed the calves,mended the fence,sheared the sheep,ploughed the field,stacked the hay,counted the lambs,milked the goats", "in the lower meadow,beside the barn,on the hill farm,near the stream", "at first light,before the storm,during the harvest,all afternoon"),
    "hospital": ("nurse,surgeon,midwife,doctor,paramedic", "bandaged the wound,checked the pulse,read the chart,calmed the patient,ordered an x-ray,washed her hands,signed the report", "on the ward,in the clinic,at the bedside,in the ambulance", "during the night shift,within minutes,without hurry,after the operation"),
    "court": ("judge,lawyer,witness,clerk,prosecutor", "dismissed the case,questioned the driver,read the verdict,filed the appeal,studied the contract,swore an oath,postponed the hearing", "in the old courthouse,before the jury,in chambers,at the tribunal", "on Monday,after a short break,for the second time,in a low voice"),
    "football": ("goalkeeper,captain,striker,referee,coach", "saved the penalty,missed an open goal,argued about the foul,changed the line-up,headed the ball,blew the whistle,praised the defence", "in the stadium,on a muddy pitch,near the touchline,in front of the fans", "in the last minute,before half-time,against the champions,despite the rain"),
    "sky": ("astronomer,student,observer,engineer,photographer", "measured the orbit,photographed the comet,cleaned the mirror,mapped the craters,recorded a faint signal,named the asteroid,aligned the telescope", "at the observatory,on the mountain,in the desert,in the control room", "shortly after dusk,on a clear night,over three winters,by chance"),
    "music": ("violinist,pianist,conductor,singer,drummer", "tuned the instrument,rehearsed the duet,forgot the second verse,recorded an album,lost the score,repeated the chorus,wrote a quiet waltz", "in the concert hall,in a garage,on stage,at the conservatory", "before the concert,for an hour,from memory,with closed eyes"),
    "railway": ("driver,guard,passenger,signalman,commuter", "missed the connection,checked the tickets,delayed the express,closed the doors,reported a broken rail,waited for the train,carried the luggage", "at the central station,on the platform,near the tunnel,in the dining car", "because of the snow,early in the morning,for twenty minutes,as usual"),
    "school": ("teacher,pupil,headmistress,librarian,caretaker", "marked the essays,solved the equation,explained the experiment,lost the homework,rang the bell,drew a triangle,borrowed an atlas", "in the classroom,in the library,on the playground,in the laboratory", "during the last lesson,on the first day of term,with great patience,before the exam"),
    "sea": ("sailor,fisherman,captain,diver,harbour master", "repaired the net,lowered the anchor,sighted the lighthouse,counted the catch,steered past the reef,hoisted the sail,salvaged the wreck", "off the coast,in the harbour,on the trawler,below deck", "in heavy fog,before the tide turned,at midnight,after the gale"),
    "software": ("programmer,tester,administrator,designer,intern", "fixed the memory leak,deleted the wrong branch,restarted the server,wrote a unit test,reviewed the patch,renamed the function,measured the latency", "in the office,on a laptop,in production,at home", "just before the release,over the weekend,with two lines of code,by accident"),
    "garden": ("gardener,neighbour,botanist,boy,aunt", "watered the tomatoes,pruned the roses,planted an apple tree,pulled out the weeds,raked the leaves,painted the shed,chased away the pigeons", "in the back garden,along the path,in the greenhouse,under the old oak", "in early spring,every evening,with a rusty spade,since the frost"),
    "market": ("trader,banker,accountant,buyer,economist", "raised the price,sold the shares,checked the ledger,predicted a recession,refused the loan,weighed the coins,signed the invoice", "at the stock exchange,in the bank,on the market square,in a quiet office", "in the third quarter,for the first time since May,against all advice,within a week"),
    "history": ("king,general,monk,merchant,queen", "besieged the town,copied the chronicle,founded the abbey,signed the treaty,imported silk,exiled the bishop,minted silver coins", "in the north,at the frontier,near the old bridge,in the capital", "in the twelfth century,after a long war,against the will of the council,for many years"),
}  # fmt: skip
FRAMES = (
    "The {who} {did} {place}.", "The {who} {did} {when}.", "The {who} {did} {place} {when}.", "{Place}, the {who} {did}.",
    "{When}, the {who} {did}.", "A {who} and a {who2} met {place}, and the {who} {did}.", "Nobody saw how the {who} {did} {place}.",
    "Did you know that the {who} {did} {when}?", "\"The {who} {did},\" said the {who2}.", "The {who2} was angry because the {who} {did} {when}.",
)  # fmt: skip
COUNT = 4000


def sentences(count: int = COUNT, seed: int = 0) -> list[str]:
    """``count`` distinct sentences, the same for the same seed."""
    rng = random.Random(seed)
    domains = [tuple(part.split(",") for part in domain) for domain in LEXICON.values()]
    found: dict[str, None] = {}
    for (people, actions, places, times), frame in itertools.cycle(itertools.product(domains, FRAMES)):
        who, who2 = rng.sample(people, 2)
        place, when = rng.choice(places), rng.choice(times)
        text = frame.format(
            who=who, who2=who2, did=rng.choice(actions), place=place, when=when, Place=place.capitalize(), When=when.capitalize()
        )
        found[text.replace("A a", "An a").replace("A e", "An e").replace("A o", "An o").replace("A i", "An i").replace(" a a", " an a").replace(" a e", " an e").replace(" a o", " an o").replace(" a i", " an i")] = None
        if len(found) == count:
            return list(found)
    raise AssertionError("unreachable: the frames never end")


def main() -> None:
    """Write the file, with the same bytes every time."""
    path = Path(__file__).with_name("sample-corpus.txt.gz")
    with path.open("wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", filename="", mtime=0) as file:
        file.write(("\n".join(sentences()) + "\n").encode())


if __name__ == "__main__":
    main()
