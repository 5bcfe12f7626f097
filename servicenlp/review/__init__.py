"""The reviewer's desk: a scored file, a queue out of it, and a store of what people decided.

Data goes one way: `scored` opens the file, `items` says what one is, `queue` chooses what to look at
and in which order (with `drawing`, `filters`, `satisfaction`, `near_copies`), `store` hands items
out and keeps every decision (with `tables`, `leasing`, `records`, `log`; `decisions` says what one
is), `estimates` tells what the decisions say of the model (with `sampling`). The page is `app`,
which `guard` fences in; `desk` is one reviewer at it, `conversation` lays an item out, and `reasons`
tells why the model says what it says. It needs these few calls::

    scored = open_scored("scored.csv")                    # items: scored.item(i), scored.find(key)
    queue = build_queue(scored, "mixed", size=200, seed=0)  # queue.entries: key, reasons, why; in order
    store = open_store("sqlite:///review.db")             # or "postgresql://user@host/base"
    population = store.remember(scored)                   # once an opening; quick if it is known

    [key] = store.claim("ann", population, queue.keys)    # [] if nothing is left; again the same until decided
    item, entry = scored.find(key), queue.find(key)
    context = Context(population, queue.name, queue.seed, entry.reasons, blind=False, seconds=12.5)
    event = store.decide("ann", item, Verdict(1, delivery="failed"), context, why="two dates missed")
    store.skip("ann", item, context)
    store.mark_unusable("ann", item, "not a customer", context)
    store.note("ann", item, "ask billing", context)
    store.undo("ann")                                     # her last that stands, or its whole batch; or store.undo("ann", event.id)

    chosen = matching(scored, Filter(levels=(3,), confidence=("high",)))    # indices, for a preview and the count
    bulk = store.accept_all("ann", [scored.item(i) for i in chosen], context)
    store.undo_batch("ann", bulk.batch)

    store.verdicts()                  # key -> Event: what counts now; store.verdicts("ann"): Ann's own
    store.history(key)                # every event of an item
    store.progress(queue.keys, "ann")  # decided, skipped, left, items an hour, what undo would take back
    estimate(store, population)       # precision, missed, overrides, items an hour

An event is on disk when the call returns: only then may a page show it as saved. A page that does
not get its answer sends the same ``token`` again; the event is then not written twice. Reasons and
`why` tell of the prediction: a blind page must not show them.
"""
