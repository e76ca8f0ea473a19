"""The amount of a dose as it is written: a number, one that follows a body measure, or several to be chosen from."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from trialspec.kernel import Arithmetic, Expr, Pick
from trialspec.model.criteria import Criterion, expand
from trialspec.model.parts import Sourced, Windowed
from trialspec.model.points import NOT_STATED, AmountText, Name, PercentText, Quantity, QuantityText, refuse
from trialspec.model.scope import At, declared
from trialspec.program import Amount
from trialspec.vocabulary import Term

_STATED = ("is", "at_least", "at_most", "plus", "minus", "of_last")


class AmountPart(Sourced, Windowed):
    """An amount that is reckoned at each dose: from a body measure, from the dose before, or by a condition.

    ## Meaning
    `is` is the amount, or `at_least` and `at_most` where any between them will do. One per body measure, as in
    `375 mg/m2`, names the measure under `of`, whether it is recorded or derived. The value that counts is the latest up
    to the dose; a window says how old it may be, and `which: first` keeps to the first. `of_last` is a share of the
    amount of the dose before, to which `plus` is added or from which `minus` is taken. `no_more_than` cuts it, then
    `round_to` takes it to the nearest step: of two that are equally near, either is right.

    A list of them says which is right for whom: the first whose `when` is met; one without `when` stands last. All of
    it is read as a gate is, at the start of the dose.

    ## Example
    ```yaml
    doses:
      CYC:
        drug: cyclophosphamide
        on: day 1
        every: 28 d
        times: 6
        amount:
          - {when: {latest: creatinine, from: 28 d before dose, above: 2 x ULN}, is: 500 mg}
          - {is: 10 mg/kg, of: weight, from: 28 d before dose, no_more_than: 1 g, round_to: 25 mg}
    ```

    ## When data are missing
    Where the measure is not known, or may lie on both sides of a limit, every amount that may have been right is
    compared: what all of them say holds, otherwise it is a question, never a deviation. So it is where no `when` is
    met: then the protocol states no amount.

    ## On a live stream
    An amount that was judged is judged anew when a value that it rests on comes in late, or is corrected.
    """

    when: Criterion | None = Field(None, description="when it is this one, as at the start of the dose")
    is_: AmountText | None = Field(None, alias="is", description="the amount, as in `500 mg` or `375 mg/m2`")
    at_least: QuantityText | None = Field(None, description="the least amount that is right")
    at_most: QuantityText | None = Field(None, description="the greatest amount that is right")
    of_last: PercentText | None = Field(None, description="a share of the amount of the dose before, as in `75 %`")
    plus: QuantityText | None = Field(None, description="what is added to the share of the dose before")
    minus: QuantityText | None = Field(None, description="what is taken from the share of the dose before")
    of: Name | None = Field(None, description="the body measure that an amount is stated for, as in `bsa` or `weight`")
    which: Literal["latest", "first"] = Field("latest", description="which value of it in the window")
    no_more_than: QuantityText | None = Field(None, description="the greatest amount, whatever comes out")
    round_to: QuantityText | None = Field(None, description="the step to which it is rounded, as in `25 mg`")

    @model_validator(mode="after")
    def _one_way(self) -> AmountPart:
        stated = [key for key in _STATED if self.states(key)]
        if not stated:
            raise refuse("missing-key", "no amount is stated", "add `is`, or `at_least` and `at_most`, or `of_last`")
        ways = [{"is"}, {"at_least", "at_most"}, {"of_last"}, {"of_last", "plus"}, {"of_last", "minus"}]
        if set(stated) not in ways:
            advice = "keep `is`, or both `at_least` and `at_most`, or `of_last` with `plus` or `minus`"
            does = "do" if len(stated) > 1 else "does"
            raise refuse("two-verbs", f"`{'` and `'.join(stated)}` {does} not make one amount", advice, stated[-1])
        least, most = self.at_least, self.at_most
        if least and most and least.unit == most.unit and least.number > most.number:
            advice = "the lower limit lies below the upper one"
            raise refuse("threshold-conflict", "the least amount is more than the greatest one", advice, "at_most")
        if self.of is None and (self.bounded or self.which != "latest"):
            raise refuse(
                "missing-key", "the window is that of a body measure", "add `of`, or leave the window out", "which"
            )
        return self

    def states(self, key: str) -> bool:
        """Whether a key of the amount is written."""
        name = "is_" if key == "is" else key
        return name in self.model_fields_set

    def amount(self, at: At, term: Term) -> Amount:
        """Give the amount; `term` is the drug, in whose unit it is reckoned."""
        body = None if self.of is None else at["of"].counted(self.of, "an amount follows a number")
        window = at.window(self)
        value = None if body is None else Pick(self.which, at.values_in(body, window), place=at["of"].place)
        measured = _Measured(term, body, value, named=self.of is not None)
        keys = ("is", "is") if self.is_ is not None else ("at_least", "at_most")
        if self.of_last is not None:
            keys = ("plus", "plus") if self.plus is not None else ("minus", "minus")
        least, most = (measured.of(at[key], quantity) if (quantity := self.stated(key)) else None for key in keys)
        if body is not None and measured.unused:
            at["of"].report(
                "bad-value",
                f"no amount here is stated per `{body.unit}`",
                f"write it as in `5 {term.unit}/{body.unit}`, or leave `of` out",
                *declared(body),
            )
        step = None
        if self.round_to is not None:
            step = at["round_to"].convert(self.round_to, term, what="step")
            if step <= 0:
                at["round_to"].report("bad-quantity", "a step is a number above 0", "write it as in `25 mg`")
                step = None
        return Amount(
            least,
            most,
            self.words(),
            None if self.when is None else expand(self.when, at["when"]),
            self.of_last,
            None if self.no_more_than is None else measured.of(at["no_more_than"], self.no_more_than),
            step,
            minus=self.minus is not None,
            stated=not (self.is_ is None and self.states("is")),
            place=at.place,
        )

    def stated(self, key: str) -> Quantity | None:
        """Give what is written under a key."""
        quantity = getattr(self, "is_" if key == "is" else key)
        return quantity if isinstance(quantity, Quantity) else None

    def words(self) -> str:
        """Say it in one phrase."""
        if self.of_last is not None:
            share = "the amount of" if self.of_last == 1 else f"{self.of_last * 100} % of"
            changed = f" plus {self.plus.text}" if self.plus else f" minus {self.minus.text}" if self.minus else ""
            said = f"{share} the dose before{changed}"
        elif self.is_ is not None:
            said = self.is_.text
        elif self.at_least is not None and self.at_most is not None:
            said = f"{self.at_least.text} to {self.at_most.text}"
        else:
            return NOT_STATED.replace("_", " ")
        per = f" of {self.of}" if self.of is not None else ""
        most = f", no more than {self.no_more_than.text}" if self.no_more_than else ""
        step = f", to the nearest {self.round_to.text}" if self.round_to else ""
        return f"{said}{per}{most}{step}"


class _Measured:
    """Turns quantities into expressions in a drug's unit, some of them per unit of a body measure."""

    def __init__(self, term: Term, body: Term | None, value: Expr | None, *, named: bool) -> None:
        self.term, self.body, self.value, self.named = term, body, value, named
        self.unused = True

    def of(self, at: At, quantity: Quantity) -> Expr:
        """Give the amount that is written at a place."""
        if quantity.range_end is not None or quantity.number <= 0:
            at.report("bad-quantity", "an amount is a number above 0 with its unit", "write it as `500 mg`")
        over, slash, under = quantity.unit.rpartition("/")
        if not slash or quantity.unit in self.term.factors:
            return at.number(at.convert(quantity, self.term, what="amount"), quantity.text)
        if self.value is None or self.body is None:
            if not self.named:
                advice = "add `of` with the measure, as in `of: bsa`"
                at.report("missing-key", f"`{quantity.text}` is per {under}, and it is not said of what", advice)
            return at.number(quantity.number, quantity.text)
        self.unused = False
        if under not in self.body.factors:
            message = f"`{self.body.name}` is in {self.body.unit}, but the amount is per {under}"
            at.report("unit-mismatch", message, f"write it per `{self.body.unit}`", *declared(self.body))
            return at.number(quantity.number, quantity.text)
        number = at.convert(Quantity(quantity.number, over, quantity.text), self.term, what="amount", bounded=False)
        per = at.number(number / self.body.factors[under], quantity.text)
        return Arithmetic("multiply", per, self.value, at.place)


def _tag(value: object) -> str:
    return "tag:one" if isinstance(value, str) else "tag:list" if isinstance(value, list) else "tag:part"


AmountOrParts = Annotated[
    Annotated[AmountText, Tag("tag:one")]
    | Annotated[AmountPart, Tag("tag:part")]
    | Annotated[list[AmountPart], Tag("tag:list"), Field(min_length=1)],
    Discriminator(_tag),
]


def amounts(written: Quantity | AmountPart | list[AmountPart] | None, at: At, term: Term) -> tuple[Amount, ...]:
    """Give the amounts to be chosen from, where they are not simply a number."""
    if isinstance(written, AmountPart):
        return (written.amount(at, term),)
    if not isinstance(written, list):
        return ()
    for index, part in enumerate(written):
        if part.when is None and index + 1 < len(written):
            message = "no amount after this one is ever reached"
            at[index].report("decides-nothing", message, "add `when`, or list it last")
    return tuple(part.amount(at[index], term) for index, part in enumerate(written))
