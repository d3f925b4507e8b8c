"""What a person wants to know of a run, and its answer at the moment that is shown, which is looked for once a moment."""

from raftcore.vocabulary.errors import RaftLabError
from widgets.frame import Why
from widgets.intents import Intent
from widgets.pane import Pane, Sight
from widgets.why import Question, question


class OpenQuestion:
    """A question that was asked of what a pane shows. Raises what `question` raises, and RaftLabError where it has no answer now."""

    def __init__(self, intent: Intent, pane: Pane, sight: Sight) -> None:
        view = sight.view
        self.pane = pane
        self._question: Question = question(intent, sight.branch.run, view)
        self._known: tuple[Sight, Why] = sight, Why(self._question.words(), self._question.answer(view))

    def answer(self, sight: Sight) -> Why:
        """The answer at this moment."""
        known, why = self._known
        if known != sight:
            why = self._find(sight)
            self._known = sight, why
        return why

    def _find(self, sight: Sight) -> Why:
        words = self._question.words()
        try:
            return Why(words, self._question.answer(sight.view))
        except RaftLabError as error:  # at this moment there is nothing to ask about
            return Why(words, f"{error}.")
