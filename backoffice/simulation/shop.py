"""The shop, as a client of its own door: what a marketplace's front end would send over HTTP."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import httpx

Json = dict[str, Any]


class Refused(Exception):
    """The door said no (RFC 9457): `problem` is its body, `code` its stable code."""

    def __init__(self, status: int, problem: Json) -> None:
        self.status, self.problem = status, problem
        self.code = str(problem.get("code", status))
        super().__init__(f"{status} {self.code}: {problem.get('detail', problem)}")


class Shop:
    """One shop with its key, on a connection that is kept."""

    def __init__(self, url: str, key: str) -> None:
        self._client = httpx.Client(
            base_url=f"{url}/api/v1",
            headers={"Authorization": f"Bearer {key}"},
            timeout=30,
            trust_env=False,
        )

    def close(self) -> None:
        """Let the connections go."""
        self._client.close()

    def put_order(self, number: str, order: Mapping[str, Any]) -> Json:
        """Tell of an order; telling it again changes nothing. Raises Refused."""
        return self._send("PUT", f"/orders/{number}", json=order)

    def confirm_receipt(self, number: str, received_at: str) -> Json:
        """The buyer has the parcel (R01). Raises Refused."""
        return self._send("POST", f"/orders/{number}/receipt", json={"received_at": received_at})

    def terms(self, order: str, sku: str, wish: Mapping[str, Any]) -> Json:
        """What a return would cost now (R15). Raises Refused."""
        return self._send("POST", f"/orders/{order}/items/{sku}/terms", json=wish)

    def open_return(self, wish: Mapping[str, Any], *, key: str) -> Json:
        """Open a dispute; the same key twice opens one. Raises Refused."""
        return self._send("POST", "/returns", json=wish, headers={"Idempotency-Key": key})

    def act(self, number: str, action: str, body: Mapping[str, Any], *, key: str) -> Json:
        """One of the buyer's actions on a case. Raises Refused."""
        keyed = {"Idempotency-Key": key}
        return self._send("POST", f"/returns/{number}/{action}", json=body, headers=keyed)

    def pickup_slots(self, number: str) -> list[Json]:
        """The windows in which a van may come, the first page of them (R23). Raises Refused."""
        slots: list[Json] = self._send("GET", f"/returns/{number}/pickup-slots")["results"]
        return slots

    def show(self, number: str, name: str, content: bytes, *, key: str) -> Json:
        """Add a picture to a case (R04). Raises Refused."""
        return self._send(
            "POST",
            f"/returns/{number}/evidence",
            files=[("files", (name, content, "image/png"))],
            headers={"Idempotency-Key": key},
        )

    def prove_postage(self, number: str, cost: str, content: bytes, *, key: str) -> Json:
        """Show what the postage was (R21). Raises Refused."""
        return self._send(
            "POST",
            f"/returns/{number}/evidence",
            data={"purpose": "proof_of_postage", "cost": cost},
            files=[("files", ("receipt.png", content, "image/png"))],
            headers={"Idempotency-Key": key},
        )

    def _send(self, method: str, path: str, **request: Any) -> Json:
        try:
            response = self._client.request(method, path, **request)
        except httpx.RemoteProtocolError:
            # A kept connection that the server had just closed. Everything here may be said twice.
            response = self._client.request(method, path, **request)
        if response.status_code >= HTTPStatus.BAD_REQUEST:
            problem = "json" in response.headers.get("Content-Type", "")
            raise Refused(response.status_code, response.json() if problem else {})
        answer: Json = response.json() if response.content else {}
        return answer
