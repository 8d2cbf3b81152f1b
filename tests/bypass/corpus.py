# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""The list of attacks. Each is a function that tries it for real, and says in its own words what others
do about it, what we do, and how. What nothing closes stands here, too, with its reason."""
import dataclasses
import typing

ATTACKS = []


@dataclasses.dataclass
class Attack:
    name: str                # what a filter is matched with
    title: str               # the attack
    peers: str               # what others do about it
    ours: str                # what we do
    how: str                 # the mechanism
    run: typing.Callable = None
    control: bool = False    # tried without a daemon first: then it must arrive
    target: tuple = ()       # (IPv4, IPv6) addresses at which nothing may arrive; else the denied ones
    counts: str = "mentions"  # of the watch: an address anywhere in a frame, or "toDenied": its destination
    order: int = 0           # those that hurt the daemon come last
    remains: str = ""        # why it is open; where there is a case, it shows what gets through
    skip_reason: str = ""


def attack(title, peers, ours, how, **more):
    def register(function):
        name = function.__name__.replace("_", "-")
        ATTACKS.append(Attack(name, title, peers, ours, how, function, **more))
        return function
    return register


def shot(title, peers, ours, how, **more):
    """An attack that is nothing but something sent: the same without a daemon must arrive."""
    return attack(title, peers, ours, how, control=True, **more)


def stays_open(name, title, peers, ours, remains):
    ATTACKS.append(Attack(name, title, peers, ours, "", remains=remains))
