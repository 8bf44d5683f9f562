"""kill -9 at random moments while tasks are submitted: a mixin for tests that have `coordinator` and workers to kill."""
import concurrent.futures
import json
import os
import pathlib
import random
import time

SUBMITTERS, EACH, LINES = 3, 8, 10


class Killing:
    def chance(self):
        seed = int(os.environ.get("TROUPE_SEED", "0")) or time.time_ns() % 1000000007
        print(f"seed {seed}: again with TROUPE_SEED={seed}")
        return random.Random(seed)

    def submit_all(self, who, keys):
        """As who is never sure: what is not acknowledged is submitted again, under its keys. Returns task by key."""
        tasks = {}
        for batch in (keys[at:at + LINES] for at in range(0, len(keys), LINES)):
            path = f"{self.directory}/lines-{who}"
            pathlib.Path(path).write_text("".join(json.dumps({"key": key, "tries": 50, "input": {"n": key, "ms": 5}}) + "\n" for key in batch))
            while True:
                done = self.troupe("task", "submit", "--skill", "work", "--from", path, "-o", "name", "--timeout", "2s", env=self.env)
                if done.code == 0:
                    break
            tasks.update(zip(batch, done.out.split(), strict=True))
        return tasks

    def while_submitting(self, chance, kills):
        """Calls what `kills` has in a random order, at random moments of many submissions. Returns the keys, and task by key."""
        keys = [[f"k{who}-{n}" for n in range(EACH * LINES)] for who in range(SUBMITTERS)]
        chance.shuffle(kills)
        with concurrent.futures.ThreadPoolExecutor(SUBMITTERS) as pool:
            running = [pool.submit(self.submit_all, who, each) for who, each in enumerate(keys)]
            for kill in kills:
                time.sleep(chance.uniform(0, 0.7))  # what is tested: that the moment does not matter
                kill()
            tasks = {key: task for each in running for key, task in each.result().items()}
        return sum(keys, []), tasks
