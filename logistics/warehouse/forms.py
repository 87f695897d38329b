"""What the pages ask: counts, and what was found of each piece."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, QueryDict

from logistics.inspection import USUAL, Picture, Piece
from logistics.warehouse.boxes import Content
from returns import evidence
from returns.states import Disposition, Grade, InspectionOutcome

#: More of one piece show nothing new.
MAX_PHOTOS = 5
#: More pieces of one case are not looked at in a form each, but in groups that are alike.
MANY, GROUPS = 12, 6
AS_USUAL = ("", "As usual")


class Camera(forms.ClearableFileInput):
    """The telephone's camera, or files."""

    allow_multiple_selected = True


class Photos(forms.FileField):
    """A few files, none of them believed yet."""

    widget = Camera(attrs={"accept": "image/*", "capture": "environment", "multiple": True})

    def clean(self, data: Any, initial: Any = None) -> Any:
        """The files as a list. Raises ValidationError for too many, and for an empty one."""
        if len(data) > MAX_PHOTOS:
            raise forms.ValidationError(f"{MAX_PHOTOS} photos of a piece are enough.")
        return [super(Photos, self).clean(file, initial) for file in data]


class PieceForm(forms.Form):
    """One piece, or some that are alike. What is not said of grade and disposition is as usual."""

    alike = forms.IntegerField(
        min_value=0, max_value=10**6, required=False, initial=1, widget=forms.HiddenInput
    )
    outcome = forms.ChoiceField(
        choices=InspectionOutcome.choices, widget=forms.RadioSelect, required=False
    )
    grade = forms.ChoiceField(choices=[AS_USUAL, *Grade.choices], required=False)
    disposition = forms.ChoiceField(choices=[AS_USUAL, *Disposition.choices], required=False)
    note = forms.CharField(max_length=500, required=False)
    photos = Photos(required=False)

    def clean(self) -> dict[str, Any]:
        """A group of none says nothing; any other says what was found."""
        said = self.cleaned_data
        said["alike"] = 1 if said.get("alike") is None else said["alike"]
        if said["alike"] and not said.get("outcome") and "outcome" not in self.errors:
            self.add_error("outcome", "What was found?")
        return said

    def pieces(self, photos: tuple[Picture, ...]) -> list[Piece]:
        """As the verb takes them; photos are of the first. Raises ValueError for what cannot be."""
        alike = self.cleaned_data["alike"]
        if not alike:
            return []
        first = self._piece(photos)
        return [first, *[replace(first, photos=())] * (alike - 1)]

    def _piece(self, photos: tuple[Picture, ...]) -> Piece:
        said = self.cleaned_data
        outcome = InspectionOutcome(said["outcome"])
        grade, disposition = USUAL[outcome]
        if said["grade"]:
            grade = Grade(said["grade"])
        if said["disposition"]:
            disposition = Disposition(said["disposition"])
        return Piece(outcome, grade, disposition, said["note"], photos)


class Once(forms.Form):
    """A form that may be sent twice, by a double Enter, and is done once."""

    token = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)


class UnexpectedForm(Once):
    """What nobody announced."""

    description = forms.CharField(max_length=300)
    photo = forms.FileField(
        required=False,
        widget=forms.FileInput(attrs={"accept": "image/*", "capture": "environment"}),
    )


def piece_forms(
    content: Content, told: QueryDict | None = None, request: HttpRequest | None = None
) -> list[PieceForm]:
    """One for each piece of the case at stake, of many one for each group that is alike.

    Those that were not counted begin as missing.
    """
    case = content.case
    counted = case.quantity_received
    there = case.at_stake if counted is None else counted
    missing: dict[str, Any] = {"outcome": InspectionOutcome.MISSING}
    initial: list[dict[str, Any]] = [{}] * there + [missing] * (case.at_stake - there)
    many = case.at_stake > MANY
    if many:
        gone = (
            {**missing, "alike": case.at_stake - there} if there < case.at_stake else {"alike": 0}
        )
        initial = [{"alike": there}, gone, *[{"alike": 0}] * (GROUPS - 2)]
    files = request.FILES if request else None
    made = [
        PieceForm(told, files, prefix=f"{case.pk}-{n}", initial=begins)
        for n, begins in enumerate(initial, start=1)
    ]
    for form in made if many else ():
        form.fields["alike"].widget = forms.NumberInput(attrs={"min": 0, "max": case.at_stake})
    return made


def counts(told: QueryDict, contents: list[Content]) -> dict[int, int]:
    """Case → pieces counted. Raises ValueError with a sentence for what is no count."""
    counted = {}
    for content in contents:
        case = content.case
        said = told.get(f"pieces-{case.pk}", "").strip() or str(case.at_stake)
        if not said.isascii() or not said.isdigit() or int(said[:9]) > case.quantity:
            raise ValueError(
                f"{case}: a number from 0 to {case.quantity}, which is what was claimed. "
                "More is recorded as unexpected."
            )
        counted[case.pk] = int(said)
    return counted


def picture(upload: "UploadedFile[bytes]") -> evidence.Checked:
    """A photo that may be kept. Raises evidence.Unacceptable for anything else, videos too."""
    checked = evidence.check(upload)
    if not checked.content_type.startswith("image/"):
        raise evidence.Unacceptable("type", "Only photos, please: JPEG, PNG or WebP.")
    return checked


def kept(file: str, checked: evidence.Checked) -> Picture:
    """A stored photo as the verbs take it."""
    return Picture(file, checked.name, checked.content_type, len(checked.content), checked.sha256)
