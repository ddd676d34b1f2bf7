"""Instagram's Graph API for tests: it sends and brings as documented, and badly on demand.

    async with GraphApi() as api:
        channel = Instagram(api.account, api.token, api.url)
        sara = api.person("7")
        sara.says("hi")
        for body, signature in api.brought(): ...

Written from developers.facebook.com/docs/messenger-platform/instagram as of 2026-11-20.
"""

from tests.support.graphapi.server import ACCOUNT, APP_SECRET, VERIFY_TOKEN, GraphApi

__all__ = ["ACCOUNT", "APP_SECRET", "VERIFY_TOKEN", "GraphApi"]
