"""What the paper says: errors on the test part in %, of one task learned alone.

Sukhbaatar, Szlam, Weston and Fergus 2015, "End-to-end memory networks", arXiv 1503.08895, tables of the appendix: three
hops, the best of ten runs by the error on the training part. RECALLED, not read: the paper was not at hand. What others
quote of it agrees: BoW, PE and LSTM from 1,000 questions, PE LS RN and LSTM from 10,000.
"""

VARIANTS = ("BoW", "PE", "PE LS", "PE LS RN", "LSTM")

RECALLED = {
    (1, 1000): (0.6, 0.1, 0.2, 0.0, 50.0),
    (2, 1000): (17.6, 21.6, 12.8, 8.3, 80.0),
    (3, 1000): (71.0, 64.2, 58.8, 40.3, 80.0),
    (1, 10_000): (0.0, 0.0, 0.0, 0.0, 0.0),
    (2, 10_000): (0.6, 0.4, 0.5, 0.3, 81.9),
    (3, 10_000): (17.8, 12.6, 15.0, 9.3, 83.1),
}


def told(task: int, questions: int, variant: str) -> float | None:
    """The paper's error of a variant; None where it has none."""
    row = RECALLED.get((task, questions))
    return None if row is None else row[VARIANTS.index(variant)]
