"""Process pools of all start methods, as the Python documentation has them."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor


def work(size):
    return b"x" * size


if __name__ == "__main__":
    for method in ("fork", "spawn", "forkserver"):
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(method)) as pool:
            print(method, sum(map(len, pool.map(work, [32_000] * 100))))
