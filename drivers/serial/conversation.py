"""Questions and answers on the line of a serial instrument, as its profile words them."""

import asyncio
import re
import time

from drivers.base import RobotOffline
from drivers.serial.line import NoAnswer, SerialLine
from drivers.serial.profile import Exchange, PowerOn, Profile

LOOK_S = 0.05
"""How often an instrument that moves is asked how far it is."""


class Refused(Exception):
    """The instrument says that it cannot; the message is the profile's sentence."""


class Conversation:
    """One talker on a line that takes one message at a time."""

    def __init__(self, robot: str, port: str, profile: Profile, line: SerialLine) -> None:
        self._robot, self._port, self._profile, self._line = robot, port, profile, line
        self._talking = asyncio.Lock()

    async def make_ready(self, words: dict[str, str]) -> None:
        """Bring an instrument to work, see that it is the right one, and set what is set once.

        Raises:
            RobotOffline: it does not answer, or cannot.
        """
        try:
            if self._profile.power_on is not None:
                await self._bring_to_work(self._profile.power_on, words)
            try:
                await self.settle(self._profile.identify, words)
            except Refused:
                # An error from before, such as that its power was off, is reported once.
                await self.settle(self._profile.identify, words)
            for exchange in self._profile.prepare:
                await self.settle(exchange, words)
        except NoAnswer as silence:
            raise RobotOffline(
                f"no {self._profile.title} answers as {words['address']} on {self._port} at "
                f"{self._profile.line} "
                f"({silence}): is it on, is the cable right, does it use these settings?"
            ) from None
        except Refused as error:
            raise RobotOffline(f"{error} (while it was made ready)") from None

    async def _bring_to_work(self, power_on: PowerOn, words: dict[str, str]) -> None:
        """See whether the pump was just switched on, and then do what it needs."""
        self._line.basic_answers = True
        try:
            for exchange in power_on.before:
                await self.settle(exchange, words)
            if await self._at_work(power_on, words):
                return
            for exchange in power_on.bring:
                await self.settle(exchange, words)
            if power_on.wait is not None:
                deadline = time.monotonic() + power_on.wait_s
                while not re.search(
                    filled(power_on.until, words), await self.settle(power_on.wait, words)
                ):
                    if time.monotonic() > deadline:
                        raise NoAnswer(f"it was not ready after {power_on.wait_s:g} s")
                    await asyncio.sleep(LOOK_S)
            if power_on.bring and not await self._at_work(power_on, words):
                raise NoAnswer("it was brought to work and is not")
        finally:
            self._line.basic_answers = False

    async def _at_work(self, power_on: PowerOn, words: dict[str, str]) -> bool:
        for _ in range(2):
            try:
                answer = await self.settle(power_on.ask, words)
            except Refused:
                continue  # an alarm from before, which was told by this
            except NoAnswer:
                if not power_on.bring:
                    raise
                return False
            return re.search(filled(power_on.ready, words), answer) is not None
        return False

    async def settle(self, exchange: Exchange, words: dict[str, str]) -> str:
        """Send a query without effect until it is answered.

        An error is believed when it is reported twice, or at once if its frame has a checksum.
        """
        told = 0
        for left in range(self._profile.retries, -1, -1):
            try:
                return await self.say(exchange, words)
            except NoAnswer:
                if left == 0:
                    raise
            except Refused:
                told += 1
                if told > 1 or left == 0 or self._profile.frame.kind == "length_crc":
                    raise
        raise AssertionError("unreachable")

    async def say(self, exchange: Exchange, words: dict[str, str]) -> str:
        """Send a message once, and wait for the answer that belongs to it.

        Raises:
            NoAnswer: none came that can be one, or it came garbled to the pump.
            Refused: the pump says that it cannot.
        """
        async with self._talking:
            return await self._exchanged(exchange, words)

    async def _exchanged(self, exchange: Exchange, words: dict[str, str]) -> str:
        frame = self._profile.frame
        message = exchange.send.format(**words)
        if not exchange.raw:
            message = filled(frame.prefix, words) + message + frame.suffix
        expected = filled(exchange.expect or self._profile.acknowledged, words)
        deadline = time.monotonic() + self._profile.answer_s
        answer = await self._line.ask(message, self._profile.answer_s, exchange.raw)
        while True:
            if self._profile.damaged and re.search(self._profile.damaged, answer):
                raise NoAnswer(f"{answer!r}: it came damaged")
            if re.search(expected, answer):
                return answer
            for pattern, sentence in self._profile.errors.items():
                if re.search(pattern, answer):
                    raise Refused(f"robot {self._robot}: {sentence}")
            answer = await self._line.next_answer(deadline - time.monotonic())


def filled(pattern: str, words: dict[str, str]) -> str:
    """A pattern with words in its braces; other braces are left as they are."""
    return re.sub(r"\{(\w+)\}", lambda found: words.get(found[1], found[0]), pattern)
