"""`crosscoder` in the summary: what one small dictionary of both models' passage vectors says is shared.

``crosscoder`` is the way in; ``joint`` trains one dictionary and judges its latents.
"""
