"""What follows from what is known of a customer, as pure functions.

scoring    how scores are reckoned: the model and its levels
scores     the three models, and what a score says of a customer's health
stages     lifecycle and journey
rules      all that follows by itself: score, stages, dynamic segments, smart tags
feeds      which names feed which others, and where they go round in a circle
"""
