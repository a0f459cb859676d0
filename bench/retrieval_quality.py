"""Retrieval quality on a BEIR folder: hybrid beside both its legs and beside plain reciprocal-rank fusion.

python bench/retrieval_quality.py ../shared/data/retrieval/scifact ../shared/data/retrieval/drcd_dev --model DIR
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np

from knowledge.embeddings import load_embedder
from knowledge.evaluate import Collection, read_folder, score


def main() -> None:
    """Index each folder once, print one line per way of searching."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--model", type=Path, required=True, help="embedder's folder")
    parser.add_argument(
        "--languages", default="en", help="that the embedder knows, separated by commas; *: all"
    )
    parser.add_argument("--split")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    embedder = load_embedder(options.model, languages=frozenset(options.languages.split(",")))
    figures = {}
    for folder in options.folders:
        corpus, queries, judged = read_folder(folder, split=options.split)
        with tempfile.TemporaryDirectory() as place:
            collection = Collection(Path(place) / "bench.db", embedder)
            began = time.perf_counter()
            collection.add(corpus)
            print(f"{folder.name}: {len(corpus)} documents indexed in {time.perf_counter() - began:.0f} s")
            rankings: dict[str, dict[str, list[str]]] = {}
            for mode in ("lexical", "dense", "hybrid"):
                rankings[mode] = {
                    key: collection.search(queries[key], mode=mode, top_k=100) for key in judged
                }
            rankings["plain RRF of both legs"] = {
                key: reciprocal_ranks(rankings["lexical"][key], rankings["dense"][key]) for key in judged
            }
            for name, found in rankings.items():
                at_ten, at_five = score(found, judged, k=10), score(found, judged, k=5)
                figures[f"{folder.name}/{name}"] = {
                    "ndcg@10": at_ten.ndcg, "mrr@10": at_ten.mrr,
                    "recall@5": at_five.recall, "recall@10": at_ten.recall,
                }  # fmt: skip
                line = "  ".join(f"{k} {v:.4f}" for k, v in figures[f"{folder.name}/{name}"].items())
                print(f"  {name:24} {line}  ({at_ten.queries} queries)")
            collection.close()
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))


def reciprocal_ranks(*rankings: list[str], k: int = 60) -> list[str]:
    """Merge rankings the textbook's way (Cormack, Clarke and Büttcher 2009)."""
    scores: dict[str, float] = {}
    for ranking in rankings:
        for rank, key in enumerate(ranking, 1):
            scores[key] = scores.get(key, 0.0) + 1 / (k + rank)
    keys = list(scores)
    return [keys[at] for at in np.argsort([-scores[key] for key in keys], kind="stable")]


if __name__ == "__main__":
    main()
