"""What a process knows that is the guest of somebody else's bot: whose messages are awaited here.

The host's bot asks for every message, so the answer is in memory: filled from the store, and kept
by the commits of this process. What others do beside it (another process, a command) is found when
it is filled again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sqlalchemy import Connection, select

from crm.tables import conversation, mail, run
from engine.events import types_of
from engine.jsonable import run_from_json
from engine.messages import Message
from engine.offer import Answer, Cancel, Decision, Fallback, Nothing
from engine.run import Frame
from rapport.runtime.cases import Case
from rapport.runtime.library import Library
from rapport.runtime.writes import LEFT

HANDED = "handed"
"""The stored status of a run that has handed its customer over."""

Talker = tuple[int, str]
"""An account's id, and the peer who writes there."""


class Guest:
    """The people whose next message is awaited: a question is open, somebody of the staff talks
    with them, or a run waits for what they write.

    leaves: what no flow claims is the host's to answer; where the host was asked first it is not.
    """

    def __init__(self, *, leaves: bool) -> None:
        self.leaves = leaves
        self._awaited: set[Talker] = set()
        self._since: dict[Talker, bool] | None = None

    def __len__(self) -> int:
        return len(self._awaited)

    def awaits(self, talker: Talker) -> bool:
        return talker in self._awaited

    def note(self, talks: Mapping[Talker, bool]) -> None:
        """What the turns of a commit have left: whose message is awaited, and whose is not."""
        for talker, awaited in talks.items():
            (self._awaited.add if awaited else self._awaited.discard)(talker)
        if self._since is not None:
            self._since.update(talks)

    def begin_filling(self) -> None:
        """From now on what is committed counts more than what is being read."""
        self._since = {}

    def fill(self, awaited: set[Talker]) -> None:
        """What was read since `begin_filling`."""
        since, self._since = self._since or {}, None
        self._awaited = awaited
        self.note(since)


def awaited_in(db: Connection, library: Library) -> set[Talker]:
    """Whose messages are awaited, as it is stored."""
    rows = db.execute(
        select(
            conversation.c.account_id, conversation.c.peer, run.c.id, run.c.status, run.c.frames,
            run.c.wait,
        )
        .join(conversation, conversation.c.id == run.c.conversation_id)
        .where(run.c.business_id == library.business_id, run.c.status != "ended")
    )  # fmt: skip
    found: set[Talker] = set()
    for row in rows:
        stands_in = run_from_json(row.id, row.frames, row.wait, None).frames
        if _awaits(row.status, stands_in, library):
            found.add((row.account_id, row.peer))
    handed = select(run.c.customer_id).where(
        run.c.business_id == library.business_id, run.c.status == HANDED
    )
    # With whom somebody of the staff talks, they do in each conversation.
    everywhere = db.execute(
        select(conversation.c.account_id, conversation.c.peer).where(
            conversation.c.business_id == library.business_id,
            conversation.c.customer_id.in_(handed),
        )
    )
    return found | {(row.account_id, row.peer) for row in everywhere}


def was_left(db: Connection, dedup_key: str) -> bool | None:
    """Whether an update that came in before was left to the host; None where it is unknown."""
    row = db.execute(
        select(mail.c.last_error, mail.c.conversation_id).where(mail.c.dedup_key == dedup_key)
    ).one_or_none()
    if row is None:
        return None
    return row.last_error == LEFT or row.conversation_id is None


def is_the_hosts(decision: Decision, message: Message, *, busy: bool) -> bool:
    """Whether somebody else's bot answers: what no flow claims, and commands of its own that come
    while a question is open. busy: whether one is."""
    match decision:
        case Nothing() | Fallback():
            return True
        case Answer():
            return message.kind == "command"
        case Cancel():
            return not busy
    return False


def talks_of(case: Case, library: Library) -> Iterator[tuple[Talker, bool]]:
    """For each conversation of a customer whose turns are over, whether a message is awaited."""
    runs = case.runs.values()
    handed = any(opened.status == HANDED for opened in runs)
    awaited = {one.conversation_id for one in runs if _awaits(one.status, one.run.frames, library)}
    for at in (*case.conversations.values(), *case.elsewhere.values()):
        yield (at.account_id, at.peer), handed or at.id in awaited


def _awaits(status: str, frames: Sequence[Frame], library: Library) -> bool:
    """Whether what its customer writes in its conversation is for a run that is stored so."""
    if status != "sleeping":
        return True
    if not library.overheard:
        return False
    frame = frames[-1]
    flow = library.flows.get((frame.flow, frame.version))
    node = flow.node(frame.node) if flow is not None else None
    awaited = node.awaits if node is not None else None
    return awaited is not None and not library.overheard.isdisjoint(types_of(awaited.on))
