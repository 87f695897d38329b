"""What each code and reason means, in words for the people who send them."""

from logistics.tracking import TrackingCode, TrackingReason

CODES: dict[TrackingCode, str] = {
    TrackingCode.LABEL_CREATED: "You know of the label; nothing has moved.",
    TrackingCode.INFO_RECEIVED: "The parcel's data reached you; nothing has moved.",
    TrackingCode.PICKUP_SCHEDULED: "A van is planned. Report pickup.confirmed as well.",
    TrackingCode.PICKUP_FAILED: "The van left without the parcel. Report pickup.attempted as well.",
    TrackingCode.CANCELLED: "The label was cancelled with you. A scan makes it live again.",
    TrackingCode.EXPIRED: "The label was not used in time. A scan makes it live again.",
    TrackingCode.DROPPED_OFF: "The buyer brought it to a counter or locker: first scan.",
    TrackingCode.PICKED_UP: "Your driver has it: first scan, whatever was agreed about the van.",
    TrackingCode.IN_TRANSIT: "Seen on its way: departed, arrived, sorted, waiting at a point.",
    TrackingCode.CUSTOMS_HOLD: "Held by customs. Say why in reason.",
    TrackingCode.ON_HOLD: "Held by you. Say why in reason.",
    TrackingCode.DELAYED: "It will be late. Its whereabouts do not change.",
    TrackingCode.EXCEPTION: "Something is wrong, such as damage. Say what in reason.",
    TrackingCode.OUT_FOR_DELIVERY: "On the last van, to the returns address.",
    TrackingCode.DELIVERY_FAILED: "Nobody took it at the returns address.",
    TrackingCode.LOST: "You gave up looking. Later scans are welcome and count.",
    TrackingCode.RETURNING_TO_CUSTOMER: "On its way back to the buyer.",
    TrackingCode.DELIVERED: "Handed over at the returns address: the end. The first one counts.",
    TrackingCode.RETURNED_TO_CUSTOMER: "Back with the buyer: the end.",
    TrackingCode.UNKNOWN: "Anything else. It is kept, and a person looks at it.",
}

REASONS: dict[TrackingReason, str] = {
    TrackingReason.NOT_HOME: "Nobody opened.",
    TrackingReason.NOT_READY: "The parcel was not packed.",
    TrackingReason.REFUSED: "They would not hand it over, or not take it.",
    TrackingReason.BAD_ADDRESS: "The address is wrong or incomplete.",
    TrackingReason.NO_ACCESS: "No way to the door.",
    TrackingReason.COURIER_MISSED: "You did not come. The buyer gets a day more.",
    TrackingReason.CAPACITY: "Your vans were full. The buyer gets a day more.",
    TrackingReason.WEATHER: "Storm, snow, flood. The buyer gets a day more.",
    TrackingReason.LABEL_UNREADABLE: "The label cannot be scanned.",
    TrackingReason.OVERSIZE: "Too large or too heavy.",
    TrackingReason.DAMAGED: "Damaged on the way.",
    TrackingReason.CUSTOMS_DOCS: "Customs wants papers.",
    TrackingReason.CUSTOMS_PROHIBITED: "Customs does not let it through.",
    TrackingReason.LOST: "It cannot be found.",
    TrackingReason.OTHER: "Anything else; put it into note.",
}
