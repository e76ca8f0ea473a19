"""The verb of branches: which category a response came to at a visit, for what goes on differently from there."""

from __future__ import annotations

from pydantic import Field

from trialspec.kernel import AtLeast, Compare, Constant, Expr, Not, Now
from trialspec.model.parts import Names
from trialspec.model.points import Name
from trialspec.model.scope import At, listing
from trialspec.model.verb import Verb, every_one, nothing
from trialspec.program import Response
from trialspec.truth import MET, UNKNOWN


class CategoryOf(Verb):
    """What a response came to at a visit.

    ## Meaning
    The category of the response at the visit is one of those given: its condition is met, and every earlier one is not
    met. It says so of the values for the visit, from the start of the visit's window on. A response that handles what
    comes in between (`then`) is asked by its components, because that is no matter of values.

    ## Example
    ```yaml
    category_of: renal
    at: week_4
    is: responder
    ```

    ## When data are missing
    While more than one category is possible, some of them given here and some not, it is `unknown`.

    ## On a live stream
    It changes with the values of the visit, until its window has closed.
    """

    verb = "category_of"
    category_of: Name = Field(description="a response")
    at: Name = Field(description="one of its visits")
    is_: Names = Field(alias="is", description="the categories that count")

    def expand(self, at: At) -> Expr:
        """Say that one of the categories is met, and none before it."""
        response = at["category_of"].response(self.category_of)
        visit = at["at"].visit(self.at)
        if response is None or visit is None:
            return nothing(at)
        if self.at not in response.visits:
            message = f"the response `{self.category_of}` is not read at `{self.at}`"
            at["at"].report("bad-value", message, f"name one of its visits: {listing(response.visits)}")
            return nothing(at)
        if set(response.then.values()) - {"as_observed"}:
            message = f"the response `{self.category_of}` handles what comes in between, which is no matter of values"
            at["category_of"].report("bad-value", message, "state the branch by what its components say")
            return nothing(at)
        counts = self.of(response, at)
        start = visit.window.start
        if start is None:
            return counts
        # Before its window nothing is known of a visit, not even what records that are not there would say.
        begun = Compare(start, "at_most", Now(at.place), at.place)
        waiting = every_one((Not(begun, at.place), Constant(UNKNOWN, place=at.place)), at)
        return AtLeast(1, (every_one((begun, counts), at), waiting), place=at.place)

    def of(self, response: Response, at: At) -> Expr:
        """Say it of the categories at the visit."""
        tried = [each for each in response.categories if each.visit == self.at]
        names = [each.name for each in tried]
        conditions = [Constant(MET, place=at.place) if each.when is None else each.when for each in tried]
        parts: list[Expr] = []
        for index, name in enumerate(self.is_):
            if name not in names:
                here = at["is"][index] if at["is"].node.kind == "list" else at["is"]
                here.unknown("category", name, names, f"it can be {listing(names)}")
                continue
            number = names.index(name)
            before = tuple(Not(condition, at.place) for condition in conditions[:number])
            parts.append(every_one((*before, conditions[number]), at))
        if len(set(self.is_)) == len(names):
            at["is"].report("decides-nothing", "these are all its categories", "list only those that count")
        return AtLeast(1, tuple(parts), place=at.place) if parts else nothing(at)
