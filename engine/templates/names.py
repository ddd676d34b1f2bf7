"""Words that the language of templates and of its plurals has, without what they need."""

FORMS = ("zero", "one", "two", "few", "many", "other")
"""CLDR's names of plural forms, in its order."""

OTHER = "other"
"""The form that every language has."""
