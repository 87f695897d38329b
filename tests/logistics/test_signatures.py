"""Who may tell us about parcels: the 32 vectors, another implementation, and forgeries."""

import base64
import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from logistics.handbook import contract
from logistics.signatures import BadSignature, new_secret, secret_bytes, sign, verify

VECTORS = json.loads((contract.FOLDER / "vectors.json").read_text())["vectors"]
NOW = 1_796_000_000
KEY, OLD_KEY, STRANGERS_KEY = (bytes([n]) * 32 for n in (1, 2, 3))
BODY = b'{"type":"tracking.updated"}'


def headers(
    msg_id: str = "evt_1", timestamp: int = NOW, body: bytes = BODY, key: bytes = KEY
) -> dict[str, str]:
    return {
        "webhook-id": msg_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(msg_id, timestamp, body, key),
    }


def test_there_are_32_vectors() -> None:
    assert len(VECTORS) == 32


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_every_vector_is_judged_as_it_says(vector: dict[str, Any]) -> None:
    keys = [secret_bytes(secret) for secret in vector["secrets"]]
    body = vector["body"].encode()
    if vector["valid"]:
        assert verify(body, vector["headers"], keys, vector["now"]) in range(len(keys))
    else:
        with pytest.raises(BadSignature) as refusal:
            verify(body, vector["headers"], keys, vector["now"])
        assert (refusal.value.status, refusal.value.code) == (vector["http"], vector["problem"])


def test_the_index_tells_which_key_signed() -> None:
    assert verify(BODY, headers(), [KEY, OLD_KEY], NOW) == 0
    assert verify(BODY, headers(key=OLD_KEY), [KEY, OLD_KEY], NOW) == 1
    both = headers() | {
        "webhook-signature": f"{sign('evt_1', NOW, BODY, OLD_KEY)} {sign('evt_1', NOW, BODY, KEY)}"
    }
    assert verify(BODY, both, [KEY, OLD_KEY], NOW) == 0


def test_without_a_key_nothing_is_believed() -> None:
    with pytest.raises(BadSignature, match="No signature matches"):
        verify(BODY, headers(), [], NOW)


@pytest.mark.parametrize("body", [BODY + b"\n", b" " + BODY, BODY.replace(b":", b": ")])
def test_the_raw_bytes_are_signed_and_not_what_they_mean(body: bytes) -> None:
    with pytest.raises(BadSignature, match="No signature matches"):
        verify(body, headers(), [KEY], NOW)


def test_header_names_are_read_in_any_case() -> None:
    assert verify(BODY, {name.title(): v for name, v in headers().items()}, [KEY], NOW) == 0


@pytest.mark.parametrize("drift", [-300, 0, 300])
def test_a_clock_five_minutes_off_is_close_enough(drift: int) -> None:
    assert verify(BODY, headers(), [KEY], NOW + drift) == 0


@pytest.mark.parametrize("drift", [-300.5, 300.5, 10**9])
def test_a_clock_further_off_is_refused_with_the_difference(drift: float) -> None:
    with pytest.raises(BadSignature, match=f"differs from our clock by {abs(drift):.0f} s") as told:
        verify(BODY, headers(), [KEY], NOW + drift)
    assert (told.value.status, told.value.code) == (401, "timestamp-out-of-tolerance")


def test_what_we_sign_another_implementation_believes() -> None:
    secret, now = new_secret(), int(time.time())
    signed = headers(timestamp=now, key=secret_bytes(secret))
    assert Webhook(secret).verify(BODY, signed) == json.loads(BODY)


def test_what_another_implementation_signs_we_believe() -> None:
    secret = new_secret()
    signature = Webhook(secret).sign("evt_1", datetime.fromtimestamp(NOW, UTC), BODY.decode())
    assert signature == sign("evt_1", NOW, BODY, secret_bytes(secret))
    told = headers() | {"webhook-signature": signature}
    assert verify(BODY, told, [secret_bytes(secret)], NOW) == 0


@given(
    msg_id=st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True),
    timestamp=st.integers(NOW - 300, NOW + 300),
    body=st.binary(max_size=60),
    key=st.sampled_from([KEY, STRANGERS_KEY]),
)
def test_a_signature_fits_only_its_own_message(
    msg_id: str, timestamp: int, body: bytes, key: bytes
) -> None:
    told = headers(msg_id, timestamp, body, key) | {
        "webhook-signature": headers()["webhook-signature"]
    }
    if (msg_id, timestamp, body) == ("evt_1", NOW, BODY):
        assert verify(body, told, [KEY], NOW) == 0
    else:
        with pytest.raises(BadSignature):
            verify(body, told, [KEY], NOW)


@given(data=st.data())
def test_no_message_changed_by_one_character_is_accepted(data: st.DataObject) -> None:
    told: dict[str, Any] = {**headers(), "body": BODY.decode("latin-1")}
    part = data.draw(st.sampled_from(sorted(told)))
    place = data.draw(st.integers(0, len(told[part]) - 1))
    instead = data.draw(st.characters(max_codepoint=255).filter(lambda c: c != told[part][place]))
    told[part] = told[part][:place] + instead + told[part][place + 1 :]
    with pytest.raises(BadSignature):
        verify(told.pop("body").encode("latin-1"), told, [KEY], NOW)


@given(
    st.dictionaries(
        st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]),
        st.text(max_size=40) | st.just(str(NOW)) | st.just("evt_1") | st.just("v1,AAAA v1 v1,,"),
    ),
    st.binary(max_size=20),
)
def test_nonsense_is_refused_and_never_a_crash(told: dict[str, str], body: bytes) -> None:
    with pytest.raises(BadSignature) as refusal:
        verify(body, told, [KEY], NOW)
    assert refusal.value.status in {400, 401}
    assert KEY.hex() not in str(refusal.value)


def test_an_id_that_could_hide_another_message_is_not_signed() -> None:
    with pytest.raises(ValueError, match="webhook-id"):
        sign("evt.1", NOW, BODY, KEY)


def test_secrets_are_fresh_and_long() -> None:
    assert new_secret() != new_secret()
    assert len(secret_bytes(new_secret())) == 32


@pytest.mark.parametrize(
    "secret",
    [
        f"whsec_!{base64.b64encode(KEY).decode()}",
        "whsec_AAAA",
        "",
        "whsec_",
        "whsec_not base64!",
        "whsec_ż",
        base64.b64encode(KEY).decode(),
    ]
    + [f"whsec_{base64.b64encode(bytes(size)).decode()}" for size in (23, 65)],
)
def test_a_weak_or_broken_secret_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match=r"secret|ASCII"):
        secret_bytes(secret)


@pytest.mark.parametrize("size", [24, 64])
def test_the_shortest_and_the_longest_secret_are_read(size: int) -> None:
    assert secret_bytes("whsec_" + base64.b64encode(bytes(size)).decode()) == bytes(size)
