"""Evaluation: labelled queries, ranking measures, intervals, tests of difference, reports.

A query set goes through a variant's search engine; what comes back is judged against the
qrels. AvgMeanSimilarity, the one number of the reference system, stands beside the truth.
The exceptions are drawn in `eval.errors`.
"""
