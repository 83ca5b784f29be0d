"""Orders N builds from a Buildbot master and waits until all of them are finished. Prints the milliseconds it took.

Usage: order.py HOST:PORT STATE.SQLITE N
"""
import sqlite3
import sys
import time

from buildbot.clients.sendchange import Sender
from twisted.internet import defer, reactor, task


async def order(master, state, count):
    sender = Sender(master, ('orders', 'orders'))
    already = finished(state)
    began = time.monotonic()
    await defer.DeferredList(
        [sender.send('main', str(n), 'bench', ['a'], who='bench') for n in range(count)], fireOnOneErrback=True
    )
    while finished(state) < already + count:
        await task.deferLater(reactor, 0.02, lambda: None)
    return (time.monotonic() - began) * 1000


def finished(state):
    with sqlite3.connect(f'file:{state}?mode=ro', uri=True, timeout=10) as db:
        return db.execute('SELECT count(*) FROM buildrequests WHERE complete = 1').fetchone()[0]


def main(_, master, state, count):
    return defer.ensureDeferred(order(master, state, int(count))).addCallback(print)


task.react(main, sys.argv[1:])
