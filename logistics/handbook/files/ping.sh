BASE=https://returns.example  COURIER=la-poste-fr  SECRET=whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=

BODY='{"hello":"there"}'
ID=evt_$(date +%s)_$$  NOW=$(date +%s)
KEY=$(printf %s "${SECRET#whsec_}" | base64 -d | od -An -v -tx1 | tr -d ' \n')
SIGNATURE=$(printf %s "$ID.$NOW.$BODY" | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$KEY" -binary | base64)

curl --silent --show-error "$BASE/api/couriers/v1/$COURIER/ping" --data-raw "$BODY" \
  --header "Content-Type: application/json" \
  --header "webhook-id: $ID" --header "webhook-timestamp: $NOW" \
  --header "webhook-signature: v1,$SIGNATURE"
