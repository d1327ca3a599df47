"""Whether the time of the normalisation grows no faster than the text, for texts made to slow it down.

    python benchmarks/text_hostile.py [--largest CHARACTERS]

Prints processor seconds for 10 kB, 100 kB and 1 MB of each text. Ends with 1 where the time grows more than three times
as fast as the length.
"""

from __future__ import annotations

import argparse
import sys
import time
from itertools import pairwise

from emoplugin.text import Normalizer

HOSTILE = {
    "one letter": "a",
    "exclamation marks": "!",
    "emoticons": ":(",
    "half emoticons": "(^",
    "spaced emoticons": "( ͡° ͜ʖ ͡°) ",
    "half spaced ones": "( ͡° ͜ʖ ",
    "nested quotes": "\"'",
    "emoji and joiners": "😂\u200d",
    "two emoji": "😂❤",
    "flag letters": "🇦",
    "keycaps": "1\ufe0f\u20e3",
    "dots in names": "a.",
    "almost addresses": "a@",
    "almost links": "http:/",
    "www": "www.",
    "hashtags": "#aB",
    "marks out of order": "\u0301\u0316",
    "conjoining letters": "\u1100\u1161",
    "laughter": "ha",
    "stretched letters": "aaabbb",
    "numbers": "1,",
    "underscores": "T_",
    "NUL": "a\0",
    "lone surrogates": "\ud800",
    "ambiguous words": "its a ",
    "negations": "not happy ",
    "abbreviations": "brb ",
}
FACTOR = 3
NOISE_SECONDS = 0.05


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--largest", type=int, default=1_000_000, help="characters of the longest text")
    largest = parser.parse_args().largest
    sizes = (largest // 100, largest // 10, largest)
    normalizer = Normalizer()
    normalizer.normalize("Warm up 😂")
    print(f"{'text':20}" + "".join(f"{size:>12,}" for size in sizes))
    slow = []
    for name, piece in HOSTILE.items():
        seconds = [measure(normalizer, (piece * (size // len(piece) + 1))[:size]) for size in sizes]
        print(f"{name:20}" + "".join(f"{value:12.4f}" for value in seconds))
        if any(later > FACTOR * 10 * earlier + NOISE_SECONDS for earlier, later in pairwise(seconds)):
            slow.append(name)
    if slow:
        print(f"Grows faster than the text: {', '.join(slow)}", file=sys.stderr)
    return 1 if slow else 0


def measure(normalizer: Normalizer, text: str) -> float:
    start = time.process_time()
    normalizer.normalize(text)
    return time.process_time() - start


if __name__ == "__main__":
    sys.exit(main())
