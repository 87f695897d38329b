"""What was found of a whole parcel becomes what was found of each of its pieces."""

from django.db import migrations

#: Outcome → the grade that is usual; nobody graded before.
GRADES = {
    "as_new": "A",
    "opened": "B",
    "damaged_as_described": "C",
    "damaged_undeclared": "C",
    "damaged_in_transit": "C",
    "wrong_item": "D",
}


def by_piece(apps, schema_editor):
    Inspection = apps.get_model("logistics", "Inspection")
    InspectedItem = apps.get_model("logistics", "InspectedItem")
    for inspection in Inspection.objects.select_related("case").iterator(1000):
        found, where = inspection.grade, inspection.disposition
        if found == "wrong_item" and where == "restock":
            where = "quarantine"
        InspectedItem.objects.bulk_create(
            InspectedItem(
                inspection=inspection, n=n, outcome=found, grade=GRADES[found], disposition=where
            )
            for n in range(1, inspection.case.quantity + 1)
        )


class Migration(migrations.Migration):
    dependencies = [("logistics", "0012_inspected_items")]

    operations = [
        migrations.RunPython(by_piece, migrations.RunPython.noop),
        migrations.RemoveConstraint(model_name="inspection", name="inspection_words_known"),
        migrations.RemoveField(model_name="inspection", name="disposition"),
        migrations.RemoveField(model_name="inspection", name="grade"),
    ]
