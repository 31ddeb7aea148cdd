"""A blind judge: shown a feature's passages, which of four features of the other model goes with it?

One of the four is its match, the others are hard negatives, so chance is 25 %. The judge sees passages and nothing
else: no label, no model's name. ``rivals`` chooses match and negatives, ``cases`` what is shown, ``judges`` are who
judges (the neutral embedder; a language model, in four orders), ``figures`` sums up, ``picture`` draws the calibration.
``judge`` is the way in, ``store`` loads and saves.
"""
