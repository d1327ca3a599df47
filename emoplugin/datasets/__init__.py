"""Readers of the data sets that models are trained and measured on, and of any three-turn file."""

from emoplugin.datasets.example import Example
from emoplugin.datasets.registry import DATASETS, Dataset, find_dataset, load_dataset, split_rows
from emoplugin.datasets.turns import read_turns

__all__ = ["DATASETS", "Dataset", "Example", "find_dataset", "load_dataset", "read_turns", "split_rows"]
