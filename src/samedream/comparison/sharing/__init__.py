"""`sharing` in the summary: what the matches are made of: words, topics, boilerplate (protocol 3.4 N2, 3.7).

``sharing`` is the way in. ``text``: words and kinds of passages, from text. ``words`` (and ``residuals``): a match
without its words; ``topics``: where matches live; ``topic_null``: what is left beyond topic. ``word_figures`` and
``topic_figures`` put these into figures.
"""
