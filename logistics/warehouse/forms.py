"""What the pages ask: counts, and what was found of each piece."""

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
    """One piece. What is not said of grade and disposition is as usual after such a finding."""

    outcome = forms.ChoiceField(choices=InspectionOutcome.choices, widget=forms.RadioSelect)
    grade = forms.ChoiceField(choices=[AS_USUAL, *Grade.choices], required=False)
    disposition = forms.ChoiceField(choices=[AS_USUAL, *Disposition.choices], required=False)
    note = forms.CharField(max_length=500, required=False)
    photos = Photos(required=False)

    def piece(self, photos: tuple[Picture, ...]) -> Piece:
        """As the verb takes it. Raises ValueError for what cannot be."""
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
    """One for each piece of the case at stake; those that were not counted begin as missing."""
    case = content.case
    counted = case.quantity_received
    there = case.at_stake if counted is None else counted
    missing: dict[str, Any] = {"outcome": InspectionOutcome.MISSING}
    return [
        PieceForm(
            told,
            request.FILES if request else None,
            prefix=f"{case.pk}-{n}",
            initial=None if n <= there else missing,
        )
        for n in range(1, case.at_stake + 1)
    ]


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
