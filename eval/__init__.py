"""Evaluation: labelled queries, ranking measures, intervals, significance tests, reports.

Every query of a set is searched by a variant's search engine, and the results are compared with
the qrels. AvgMeanSimilarity, the measure of the reference system, is reported beside them.
"""

from vitrine import VitrineError


class EvalError(VitrineError):
    """An evaluation that cannot be carried out; the message is one sentence with the remedy."""
