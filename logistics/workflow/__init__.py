"""The verbs of logistics: the only place where a parcel's, label's or pick-up's state is written.

Locks are taken in one order: Parcel, then Case, then the places in vans, which many want. `at` is
when it happened (aware). A verb the state forbids raises NotNow, one with senseless facts
ValueError; either way nothing is written.
"""

from logistics.workflow.accounts import open_account
from logistics.workflow.asking import claim_parcels_to_ask_after
from logistics.workflow.booking import (
    WindowFull,
    book_pickup,
    cancel_pickup,
    pickup_slots,
    reschedule_pickup,
)
from logistics.workflow.desk import close_anomaly, keep_entry, raise_anomaly, take_anomalies
from logistics.workflow.endpoints import disable_endpoint, enable_endpoint
from logistics.workflow.following import project_again, project_due, project_parcel
from logistics.workflow.handover import (
    choose_drop_off,
    handover_options,
    options_in,
    pack,
)
from logistics.workflow.importing import (
    apply_points,
    confirm_points,
    discard_points,
    drops_too_many,
    import_due,
    read_points,
    receive_points,
)
from logistics.workflow.labelling import (
    order_label,
    reissue_label,
    services_in,
    void_by_staff,
    void_label,
)
from logistics.workflow.numbers import NoNumbers, days_left, watch_numbers
from logistics.workflow.outgoing import IN_FLIGHT, claim, couriers_to_tell, expire, record
from logistics.workflow.pickups import confirm_pickup, fail_untold_pickup
from logistics.workflow.posting import confirm_postage, prove_postage, register_own_parcel
from logistics.workflow.prices import confirm_price
from logistics.workflow.printing import (
    label_page,
    look_up_code,
    render_due_labels,
    short_code,
)
from logistics.workflow.receiving import (
    IdReused,
    keep_bad_message,
    purge_messages,
    take_message,
)
from logistics.workflow.redelivery import (
    discard,
    redeliver,
    redeliver_all,
    redeliverable,
    redo,
)
from logistics.workflow.reporting import accept_reports
from logistics.workflow.secrets import (
    LEAKED,
    LONGEST_OVERLAP,
    OVERLAP,
    give_read_key,
    give_secret,
    install_secret,
    reseal_secrets,
    resume,
    retire_secrets,
    revoke_read_key,
    suspend,
    warn_of_ending_secrets,
)
from logistics.workflow.typing_in import report_by_hand, void_by_hand
from logistics.workflow.unmatched import assign_reports, watch_unmatched
from logistics.workflow.warehouse import (
    found_in,
    inspect,
    receive_parcel,
    record_unexpected,
)
from logistics.workflow.watching import watch_due

__all__ = [
    "IN_FLIGHT",
    "LEAKED",
    "LONGEST_OVERLAP",
    "OVERLAP",
    "IdReused",
    "NoNumbers",
    "WindowFull",
    "accept_reports",
    "apply_points",
    "assign_reports",
    "book_pickup",
    "cancel_pickup",
    "choose_drop_off",
    "claim",
    "claim_parcels_to_ask_after",
    "close_anomaly",
    "confirm_pickup",
    "confirm_points",
    "confirm_postage",
    "confirm_price",
    "couriers_to_tell",
    "days_left",
    "disable_endpoint",
    "discard",
    "discard_points",
    "drops_too_many",
    "enable_endpoint",
    "expire",
    "fail_untold_pickup",
    "found_in",
    "give_read_key",
    "give_secret",
    "handover_options",
    "import_due",
    "inspect",
    "install_secret",
    "keep_bad_message",
    "keep_entry",
    "label_page",
    "look_up_code",
    "open_account",
    "options_in",
    "order_label",
    "pack",
    "pickup_slots",
    "project_again",
    "project_due",
    "project_parcel",
    "prove_postage",
    "purge_messages",
    "raise_anomaly",
    "read_points",
    "receive_parcel",
    "receive_points",
    "record",
    "record_unexpected",
    "redeliver",
    "redeliver_all",
    "redeliverable",
    "redo",
    "register_own_parcel",
    "reissue_label",
    "render_due_labels",
    "report_by_hand",
    "reschedule_pickup",
    "reseal_secrets",
    "resume",
    "retire_secrets",
    "revoke_read_key",
    "services_in",
    "short_code",
    "suspend",
    "take_anomalies",
    "take_message",
    "void_by_hand",
    "void_by_staff",
    "void_label",
    "warn_of_ending_secrets",
    "watch_due",
    "watch_numbers",
    "watch_unmatched",
]
