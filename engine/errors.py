"""The engine's errors, in three tiers.

a content problem   a template that fails, a value that breaks a rule: recorded on the
                    customer's timeline, the flow goes on; nothing is raised
FlowFailed          the run cannot go on (its flow is gone, a loop without a wait): `step`
                    ends the run with outcome `failed` and a recorded reason
a caller's mistake  a plain ValueError or TypeError: a bug in the program that calls us
"""


class FlowFailed(Exception):
    """The run ends here with outcome `failed`; the text is the reason that is recorded."""
