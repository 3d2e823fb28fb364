"""`make soak-chaos`: an hour of misfortunes, then peace; exit code 0 when all ended right."""

from __future__ import annotations

import argparse
import random
import re
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter, defaultdict
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg

from tests.chaos.beside import Beside
from tests.chaos.life import Life
from tests.chaos.misfortunes import Misfortunes
from tests.chaos.shop import ChaosShop
from tests.chaos.witness import Witness

# A lost dispute changes nothing of its order that shows an answer to be later: the order is read
# again for ten minutes.
QUIET_SECONDS = 720
SAMPLED_EVERY_SECONDS = 3
ROTATE_EVERY_SECONDS = 45
GROWTH_MEGABYTES = 60
DELIVERIES = "SELECT state, count(*) FROM pandabase_webhookdelivery GROUP BY 1"
CALLS = "SELECT event_id, count(*) FROM matrix_shop_call GROUP BY 1"
RUNS = "SELECT state, count(*) FROM pandabase_syncrun GROUP BY 1"
ROTATIONS = "SELECT state, count(*) FROM pandabase_rotationattempt GROUP BY 1"
OPEN_ROTATIONS = "SELECT state, outcome FROM pandabase_rotationattempt WHERE closed_at IS NULL"
ERROR = re.compile(rb"^Traceback \(most recent.*\n(?:[ \t].*\n|\n)+([\w.]+)", re.M)
HANDED_OUT = """
    SELECT p.state, (SELECT count(*) FROM shop_licence l WHERE l.purchase_id = p.id),
        (SELECT sum(quantity) FROM pandabase_orderitem i WHERE i.order_id = p.order_id),
        p.verdict, p.last_error
    FROM pandabase_purchase p WHERE p.order_id = '{order}'
"""


class Chaos:
    """One run.

    Args:
        shop: Of this run alone.
        seed: Of all dice.
        seconds: How long it is disturbed.
    """

    def __init__(self, shop: ChaosShop, *, seed: int, seconds: float) -> None:
        self.shop, self._seconds = shop, seconds
        self._dice = random.Random(seed)
        self.misfortunes = Misfortunes(shop, self._dice)
        self.life = Life(shop, random.Random(f"life {seed}"))
        self.witness = Witness(shop)
        pause = random.Random(f"pauses {seed}")
        self._lives = [
            Beside(self.life.change, pause=lambda: pause.uniform(0.5, 5)),
            Beside(self.life.buy, pause=lambda: 15),
        ]
        self._watch = Beside(self.witness.sample, pause=lambda: SAMPLED_EVERY_SECONDS)
        self.counts: Counter[str] = Counter()
        self.figures: dict[str, Any] = {}
        self._memory: defaultdict[int, list[int]] = defaultdict(list)
        self.errors: Counter[str] = Counter()
        self.problems: list[str] = []

    def run(self) -> None:
        shop = self.shop
        shop.open()
        self._wait_for_the_first_sync()
        for beside in (self._watch, *self._lives):
            beside.start()
        self._disturb()
        self.misfortunes.end()
        for beside in self._lives:
            beside.end()
        began = time.monotonic()
        self.problems = self._settle(began + QUIET_SECONDS)
        self.figures["seconds of quiet"] = round(time.monotonic() - began)
        self._watch.end()
        with suppress(psycopg.Error):
            self._count()
        self.problems += self._judge()

    def _wait_for_the_first_sync(self) -> None:
        deadline = time.monotonic() + 180
        while found := self.shop.differences():
            assert time.monotonic() < deadline, found[:3]
            time.sleep(1)

    def _disturb(self) -> None:
        began = time.monotonic()
        rotate_at, say_at, install_at = began + 20, began, began + 30
        while (now := time.monotonic()) < began + self._seconds:
            self.misfortunes.tick()
            for process in (*self.shop.own, self.shop.remote.process):
                process.look_after()
            if now > rotate_at:
                self._try("rotation asked for", self._rotate)
                rotate_at = now + self._dice.uniform(0.5, 1.5) * ROTATE_EVERY_SECONDS
            if now > install_at:
                self._try("", self._do_what_people_do)
                install_at = now + 30
            if now > say_at:
                self._say(round(now - began))
                say_at += 60
            time.sleep(1)

    def _rotate(self) -> None:
        self.shop.rotate(pair=self._dice.random() < 0.5)

    def _do_what_people_do(self) -> None:
        self.counts["secrets installed by hand"] += self.shop.install_secrets()
        self.counts["dead letters replayed"] += self.shop.replay_dead_letters()

    def _try(self, what: str, work: Any) -> None:
        try:
            work()
            self.counts[what] += bool(what)
        except (AssertionError, OSError, psycopg.Error) as error:
            self.counts[f"{what or 'by hand'}: not possible then"] += 1
            self.note(f"{what or 'by hand'}: {str(error).strip().splitlines()[-1:]}")

    def _settle(self, deadline: float) -> list[str]:
        """Wait until nothing is wrong any more; what is wrong still."""
        while True:
            try:
                with suppress(OSError):
                    self.shop.remote.ask("deliveries/hurry", {})
                self._do_what_people_do()
                self.counts["late attempts made at once"] += self.shop.replay_late_attempts(
                    round(deadline - time.monotonic())
                )
                wrong = self._unsettled()
            except (AssertionError, OSError, psycopg.Error) as error:
                wrong = [str(error)[-500:]]
            if not wrong or time.monotonic() > deadline:
                return wrong
            self.note(f"not settled: {len(wrong)}: {wrong[:3]}")
            time.sleep(5)

    def _unsettled(self) -> list[str]:
        shop = self.shop
        wrong = [f"on its way: {one['event_id']} {one['state']}" for one in self._undelivered()]
        calls = dict(shop.query(CALLS))
        wrong += [
            f"event {pk} {name} was handled {calls.get(pk, 0)} times"
            for pk, name in shop.remote.events.items()
            if calls.get(pk) != 1
        ]
        wrong += [f"handled, never sent: {pk}" for pk in calls.keys() - shop.remote.events.keys()]
        wrong += [f"delivery: {row}" for row in shop.query(DELIVERIES) if row[0] != "PROCESSED"]
        wrong += [f"open rotation: {row}" for row in shop.query(OPEN_ROTATIONS)]
        wrong += self._not_handed_out()
        wrong += shop.differences()
        return wrong

    def _undelivered(self) -> list[Any]:
        self.shop.remote.look()
        found = self.shop.remote.ask("deliveries")
        given_up = {one["event_id"] for one in found if one["state"] == "GIVEN_UP"}
        for event in given_up:
            # What the vendor's dashboard offers.
            self.shop.remote.ask("deliveries", {"event": event})
        self.counts["deliveries given up by the remote"] += len(given_up)
        return [one for one in found if one["state"] == "WAITING"]

    def _not_handed_out(self) -> list[str]:
        """Checkouts that were paid, and did not give what was bought just once."""
        wrong, paid = [], 0
        for session in self.shop.remote.dump("checkouts"):
            if session["state"] != "PAID":
                continue
            paid += 1
            rows = self.shop.query(HANDED_OUT.format(order=session["orders"][-1]))
            if len(rows) != 1 or rows[0][:2] != ("IDLE", rows[0][2]):
                wrong.append(f"checkout {session['id']}: {rows}")
        self.figures["checkouts paid"] = paid
        return wrong

    def _judge(self) -> list[str]:
        shop = self.shop
        wrong = [f"false tombstone: {one}" for one in sorted(self.witness.false_tombstones)]
        self._weigh()
        # At its first look it may have had no children yet.
        longest = max(self._memory.values(), key=len)[1:]
        self.figures["MB of the worker that lived longest"] = longest
        if longest and longest[-1] > longest[0] + GROWTH_MEGABYTES:
            wrong.append(f"the worker that lived longest grew from {longest[0]} MB")
        shown = {one["token_id"]: one["secret"] for one in shop.remote.ask("tokens?secrets=1")}
        stored = shop.stored_secrets()
        if any(shown[token] != secret for token, secret in stored.items()):
            wrong.append("a stored secret is not the remote's")
        try:
            shop.test_connection()
        except AssertionError as error:
            wrong.append(f"a token is refused: {str(error)[-500:]}")
        if not self.life.buy():
            wrong.append("nothing can be bought")
        if shop.remote.missed:
            wrong.append(f"{shop.remote.missed} deliveries were not seen by the witness")
        for process in reversed(shop.own):
            process.end()
        wrong += [death for process in (*shop.own, shop.remote.process) for death in process.deaths]
        return wrong + self._scan()

    def _scan(self) -> list[str]:
        """Where a secret that was ever valid can be read."""
        secrets = {one.encode() for one in self.shop.remote.secrets | self.shop.secrets}
        self.figures["secrets looked for"] = len(secrets)
        texts = {path: path.read_bytes() for path in self.shop.logs.glob("*.log")}
        texts |= {
            path: path.read_bytes()
            for path in (self.shop.folder / "redis").rglob("*")
            if path.is_file()
        }
        for text in texts.values():
            self.errors.update(one.decode() for one in ERROR.findall(text))
        log = Path(self.shop.postgres._folder) / "log"
        texts[log] = log.read_bytes()
        return [
            f"a secret is in {path.name}"
            for path, text in texts.items()
            if any(secret in text for secret in secrets)
        ]

    def _count(self) -> None:
        shop, figures = self.shop, self.figures
        figures["samples"] = f"{self.witness.samples} ({self.witness.skipped} not possible)"
        figures["rows marked as gone at last"] = self.witness.gone_rows
        figures["false tombstones"] = len(self.witness.false_tombstones)
        figures["workers ended by Celery at the loss of Redis"] = sum(
            one.ended_by_celery for one in shop.own
        )
        figures["longer than 30 s from SIGTERM to the end"] = sum(one.slow_ends for one in shop.own)
        figures["events"] = len(shop.remote.events)
        figures["secrets that were valid"] = len(shop.remote.secrets)
        for name, sql in (("deliveries", DELIVERIES), ("runs", RUNS), ("rotations", ROTATIONS)):
            figures[name] = ", ".join(f"{state} {many}" for state, many in shop.query(sql))

    def _weigh(self) -> None:
        # Only a worker that lives: one that is being started again holds nothing yet.
        with suppress(OSError):
            self._memory[self.shop.steady.pid].append(round(self.shop.steady.megabytes()))

    def _say(self, seconds: int) -> None:
        self._weigh()
        with suppress(psycopg.Error):
            self._count()
        self.note(
            f"{seconds // 60:3} min: {', '.join(self.misfortunes.now) or 'quiet'}; "
            f"{self.witness.samples} samples, {len(self.witness.false_tombstones)} false, "
            f"{len(self.shop.remote.events)} events; runs {self.figures.get('runs')}; "
            f"rotations {self.figures.get('rotations')}"
        )

    def note(self, text: str) -> None:
        sys.stdout.write(f"{time.strftime('%H:%M:%S')} {text}\n")
        sys.stdout.flush()

    def report(self) -> None:
        """The table of figures, and what is wrong."""
        parts = {
            "misfortunes": self.misfortunes.happened,
            "life": self.life.done,
            "by hand": self.counts,
            "tracebacks in logs, by their last line": self.errors,
            "figures": self.figures,
        }
        for title, found in parts.items():
            sys.stdout.write(f"\n{title}\n")
            for name, value in sorted(found.items()):
                if name and value != 0:
                    sys.stdout.write(f"  {name:46} {value}\n")
        sys.stdout.write(f"\n{len(self.problems)} problems\n")
        for problem in self.problems[:40]:
            sys.stdout.write(f"  {problem}\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    folder = Path(tempfile.mkdtemp(prefix="pandabase-chaos-"))
    with ChaosShop(folder, seed=options.seed) as shop:
        run = Chaos(shop, seed=options.seed, seconds=options.minutes * 60)
        run.note(f"seed {options.seed}, {options.minutes:g} minutes, logs in {shop.logs}")
        try:
            run.run()
        except KeyboardInterrupt:
            run.problems.append("interrupted")
        except Exception:  # noqa: BLE001  the figures so far are worth something
            run.problems.append(traceback.format_exc())
        run.report()
    if run.problems:
        sys.stdout.write(f"The logs stay in {folder}\n")
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
