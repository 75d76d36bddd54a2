"""
How many requests a service allows where it does not say: counted, and inferred from its refusals. Pure.
"""

from __future__ import annotations

import math

MINUTE = 60.0

#: An inferred rate has grown by a percent when so many requests were accepted, and goes on with the cube of their
#: number. Each refusal makes that eight times as many, up to the second: then about one request in 300 is refused.
FIRST_STRIDE, LONGEST_STRIDE, MOST_GROWTH = 16, 512, 16.0

#: Requests that tell a rate; fewer are counted together with those that follow.
ENOUGH = 8


class Recent:
    """
    Requests of the last minute, counted in quarters of a second.
    """

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._total = 0

    def add(self, moment: float) -> None:
        """
        Count a request.

        :param moment: when it is sent, in seconds
        """
        slot = math.floor(moment * 4)
        self._counts[slot] = self._counts.get(slot, 0) + 1
        self._total += 1

    def remove(self, moment: float) -> None:
        """
        Take back a request that was refused.

        :param moment: when it was sent
        """
        slot = math.floor(moment * 4)
        if self._counts.get(slot):
            self._counts[slot] -= 1
            self._total -= 1

    def remove_after(self, moment: float) -> None:
        """
        Take back what was not sent yet.

        :param moment: the present
        """
        for slot in [slot for slot in self._counts if slot > moment * 4]:
            self._total -= self._counts.pop(slot)

    def since(self, now: float) -> tuple[int, float]:
        """
        Count the last minute.

        :param now: its end
        :return: requests, those that are to be sent included, and the moment of the first of them
        """
        while self._counts:
            slot = next(iter(self._counts))
            if slot >= (now - MINUTE) * 4 - 1 and self._counts[slot]:
                return self._total, (slot + 1) / 4
            self._total -= self._counts.pop(slot)
        return 0, now


class Estimate:
    """
    The rate of a service that names none.

    :param now: when counting begins, in seconds
    """

    def __init__(self, now: float) -> None:
        self._rate = 0.0
        # Since the limit was used up at a known moment: requests that were sent and not refused.
        self._passed, self._begin = 0, now
        # Of them, those since it was used up last; and how many let the rate grow.
        self._good, self._stride = 0, FIRST_STRIDE
        # Of the refusal that is dealt with: what the minute before had passed, and the rate at which it came.
        self._minute, self._used = 0, 0.0

    @property
    def rate(self) -> float:
        """
        Requests a minute; 0 while no refusal told.
        """
        if not self._rate:
            return float(self._minute)
        return self._rate * min(1 + 0.01 * (self._good / self._stride) ** 3, MOST_GROWTH)

    @property
    def certain(self) -> bool:
        """
        Whether hundreds of requests, or a whole minute, told the rate.
        """
        return self._rate > 0 and self._stride == LONGEST_STRIDE

    def send(self) -> None:
        """
        Count a request.
        """
        self._passed += 1
        self._good += 1

    def refuse(self) -> None:
        """
        Take back a request that was refused.
        """
        self._passed -= 1
        self._good -= 1

    def exhaust(self, last_minute: int) -> None:
        """
        Take in the first of some refusals.

        :param last_minute: requests of the minute before that were not refused
        """
        self._used = self.rate
        self._minute = last_minute

    def correct(self) -> None:
        """
        Take in a refusal of a request that was sent before the first was known.
        """
        self._minute -= 1

    def settle(self, now: float, *, refills: bool) -> None:
        """
        Infer the rate when the service accepts again.

        :param now: the moment
        :param refills: whether it did so soon that its limit refills all the time rather than every minute: then what
            it accepted from one exhaustion to the next is its rate
        """
        rate = float(self._minute)
        seconds = max(now - self._begin, 1.0)
        if refills:
            rate = self._passed * MINUTE / seconds
            if self._used > self._rate > 0:
                # While it grew from too little, some of what was allowed was not used.
                rate = (rate * self._used) ** 0.5
            if seconds >= MINUTE:
                rate = min(rate, self._minute + 1)
            if self._used:
                self._stride = min(max(4 * self._good, FIRST_STRIDE), LONGEST_STRIDE)
                rate = max(rate, self._used / 2)
        else:
            self._stride = LONGEST_STRIDE
        if self._used:
            # A minute may hold one less than its even share; and the fewer requests told that the rate was too much,
            # the less is known of by how much.
            rate = min(rate + (not refills), self._used * (1 - 1 / max(self._good, 10)))
        self._rate = rate or self._rate
        self._good = 0
        if self._passed >= ENOUGH:
            self._passed, self._begin = 0, now
