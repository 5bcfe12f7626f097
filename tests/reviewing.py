"""What tests of the review share: a client that reviews in a process of its own, and items without a file."""

import sys

from servicenlp.review.decisions import Context, Verdict
from servicenlp.review.items import Item
from servicenlp.review.store import open_store


def an_item(key: str, level: int = 2, **prediction) -> Item:
    """An item that is not in a file."""
    return Item(
        key, key.upper(), f"The words of {key}.", {"Channel": "email"}, {"level": level, "model": "m-1", "evidence": None, **prediction}
    )


def review(url: str, reviewer: str, population: str, n_items: int, limit: int) -> None:
    """Claim and decide until nothing is left or killed; print each key once it was returned as saved."""
    store = open_store(url)
    keys = [f"k{i:04}" for i in range(n_items)]
    done = 0
    while done < limit and (claimed := store.claim(reviewer, population, keys)):
        store.decide(reviewer, an_item(claimed[0]), Verdict(1 + done % 6), Context(population, "audit"))
        done += 1
        sys.stdout.write(f"{claimed[0]}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    review(*sys.argv[1:4], *map(int, sys.argv[4:6]))
