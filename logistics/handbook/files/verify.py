"""Believe the marketplace: check what it posts to you before you read it."""

import base64
import hmac
import time


def verified(headers, body, secrets):
    """Whether one of your secrets signed these raw bytes within the last five minutes."""
    message_id, sent = headers["webhook-id"], headers["webhook-timestamp"]
    if abs(time.time() - int(sent)) > 300:
        return False
    given = [each[3:] for each in headers["webhook-signature"].split() if each.startswith("v1,")]
    for secret in secrets:
        key = base64.b64decode(secret.removeprefix("whsec_"))
        mac = hmac.digest(key, f"{message_id}.{sent}.".encode() + body, "sha256")
        wanted = base64.b64encode(mac).decode()
        if any(hmac.compare_digest(wanted, each) for each in given):
            return True
    return False
