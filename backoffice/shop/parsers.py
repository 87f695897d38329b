"""What the shop's door reads: JSON in UTF-8 of bounded size, and files of bounded number."""

import json
from collections.abc import Mapping
from typing import IO, Any, NoReturn

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser, MultiPartParser

from backoffice.problems import TooLarge

#: 2,000 items with long titles are a third of this.
MAX_JSON_BYTES = 5_000_000
#: Ten files a case; four full-size videos at once, or any number of pictures.
MAX_UPLOAD_BYTES = 201_000_000


class StrictJSONParser(BaseParser):
    """RFC 8259: UTF-8 whatever the content type claims, no NaN, no Infinity."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        body = stream.read(MAX_JSON_BYTES + 1)
        if len(body) > MAX_JSON_BYTES:
            raise TooLarge(f"A body has at most {MAX_JSON_BYTES} bytes.")
        try:
            return json.loads(body.decode("utf-8"), parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise ParseError(f"This is not JSON: {str(error)[:200]}") from error


class BoundedMultiPartParser(MultiPartParser):
    """Refuses by its announced length what is too large to be spooled."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        request = (parser_context or {})["request"]
        if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_UPLOAD_BYTES:
            raise TooLarge(f"An upload has at most {MAX_UPLOAD_BYTES} bytes.")
        return super().parse(stream, media_type, parser_context)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON value")
